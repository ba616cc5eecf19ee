"""What the outbox has told since a place in it, each revision of each alert once and none missed.

Ids are given out before their transactions commit, so "everything behind id 17" would miss what
commits later with id 16. A place is therefore a snapshot of the database: told is what it sees.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, LiteralString, NamedTuple

from records.reader import Reader
from schemas.codec import decode
from schemas.errors import BadQuestion
from schemas.results import Alert

KEPT: Final = timedelta(hours=23)
"""The outbox forgets after a day what everybody was told."""

AT_ONCE: Final = 500

_SNAPSHOT: Final = r"\d{1,19}:\d{1,19}:[\d,]{0,4000}"
_CURSOR: Final = re.compile(rf"(\d{{1,11}});({_SNAPSHOT});({_SNAPSHOT})?;(\d{{1,18}})")
_NOTHING_SEEN: Final = "3:3:"  # older than any transaction of anybody


class Told(NamedTuple):
    """A revision of an alert, and the place behind it."""

    cursor: str
    alert: Alert


class Changes(NamedTuple):
    """What was told, the place behind it all, and whether there is more already."""

    told: Sequence[Told]
    cursor: str
    more: bool
    lost_since: datetime | None = None
    """Since when revisions may be missing: the place was left too long ago."""


class _Place(NamedTuple):
    """Told is what `seen` sees, and of what `showing` sees besides, up to id `after`."""

    at: datetime
    seen: str
    showing: str
    after: int

    @property
    def cursor(self) -> str:
        return f"{self.at.timestamp():.0f};{self.seen};{self.showing};{self.after}"


class _Now(NamedTuple):
    at: datetime
    snapshot: str
    foreign: bool


class _Row(NamedTuple):
    id: int
    payload: str
    latitude: float | None
    longitude: float | None

    @property
    def alert(self) -> Alert:
        """The alert, with the place of its device, as others are told it."""
        alert = decode(Alert, self.payload.encode())
        return alert.model_copy(update={"latitude": self.latitude, "longitude": self.longitude})


_NOW: Final[LiteralString] = """
SELECT clock_timestamp() AS at, snapshot::text AS snapshot,
       pg_snapshot_xmin(%(seen)s::pg_snapshot) > pg_snapshot_xmax(snapshot) AS foreign
FROM pg_current_snapshot() AS snapshot
"""
_TOLD: Final[LiteralString] = """
SELECT id, payload::text AS payload, latitude, longitude
FROM outbox LEFT JOIN device ON device.device = payload ->> 'device'
WHERE kind = 'alert' AND id > %(after)s AND txid >= pg_snapshot_xmin(%(seen)s::pg_snapshot)
  AND NOT pg_visible_in_snapshot(txid, %(seen)s::pg_snapshot)
  AND pg_visible_in_snapshot(txid, %(showing)s::pg_snapshot)
ORDER BY id
LIMIT %(limit)s
"""


def now(reader: Reader) -> str:
    """Place behind everything that was told until now."""
    present = _present(reader, _NOTHING_SEEN)
    return _Place(present.at, present.snapshot, "", 0).cursor


def since(reader: Reader, cursor: str) -> Changes:
    """What was told behind a place, in the order of its writing.

    Raises
    ------
    BadQuestion
        If the cursor is none of ours.
    """
    place = _parsed(cursor)
    present = _present(reader, place.seen)
    lost = present.foreign or present.at - place.at > KEPT
    if present.foreign:  # another database, or one set back: begin with the oldest that it has
        place = _Place(present.at, _NOTHING_SEEN, "", 0)
    reached = place._replace(at=present.at, showing=place.showing or present.snapshot)
    asked = {"limit": AT_ONCE, **reached._asdict()}
    rows = reader.rows(_TOLD, asked, _Row)
    told = [Told(reached._replace(after=row.id).cursor, row.alert) for row in rows]
    full = len(rows) == AT_ONCE
    if full:
        reached = reached._replace(after=rows[-1].id)
    else:
        reached = _Place(present.at, reached.showing, "", 0)
    more = full or place.showing != ""
    return Changes(told, reached.cursor, more, min(place.at, present.at) if lost else None)


def _present(reader: Reader, seen: str) -> _Now:
    return reader.rows(_NOW, {"seen": seen}, _Now)[0]


def _parsed(cursor: str) -> _Place:
    found = _CURSOR.fullmatch(cursor)
    if not found:
        raise BadQuestion("no place in the stream of alerts: take it from an event's id")
    at, seen, showing, after = found.groups()
    return _Place(datetime.fromtimestamp(int(at), UTC), seen, showing or "", int(after))
