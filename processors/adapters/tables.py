"""Which rows go into which table, and what happens when one is there already."""

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date
from operator import attrgetter
from typing import Any, Final, Protocol
from uuid import UUID

import orjson
from psycopg import AsyncCursor
from psycopg.sql import SQL

from processors.adapters import window_copy, window_store
from processors.adapters.upserts import Table, Target, Values, overwritten
from processors.archive import DeadLetterRow, IndicesRow, ReadingRow, StatusRow
from processors.notify import NotificationRow
from processors.window_book import Book
from processors.window_questions import Touched
from processors.window_row_columns import WindowPage
from processors.window_rows import WindowRow
from processors.window_state import Account
from schemas.base import Frozen
from schemas.results import Alert

log = logging.getLogger(__name__)

_WINDOW_KEY = ("device", "length_s", "started_at")
_WINDOW = (
    *("site", "calibration", "laeq_db", "lceq_db", "lzeq_db", "lafmax_db", "lasmax_db"),
    *("lcpeak_db", "l10_db", "l50_db", "l90_db", "coverage_s", "overload_s", "floor_s", "final"),
    "sums",
)
_LABEL = (
    *("origin", "active_s", "events", "mean_score", "max_score", "laeq_active_db"),
    *("source_leq_db", "source_leq_upper_db", "energy_share"),
)
_ACCOUNT = (
    *("sessions", "counted", "missing", "duplicates", "off_clock", "overlapping", "newest_at"),
)
_ALERT = (
    *("revision", "state", "rule", "rule_version", "site", "device", "session", "onset_at"),
    *("raised_at", "ended_at", "end_reason", "peak_laeq_1s_db", "peak_score", "active_s"),
    *("background_db", "historical"),
)
_READING_KEY = ("device", "session", "seq", "started_at")
_READING = (
    *("received_at", "clock", "calibration", "laeq_1s_db", "lceq_1s_db", "lzeq_1s_db"),
    *("lafmax_db", "lasmax_db", "lcpeak_db", "overload", "floor", "third_octaves_db"),
    *("model", "labels", "scores"),
)
_INDICES_KEY = ("device", "session", "first_seq")
_INDICES = ("started_at", "aci", "adi", "aei", "bi", "h", "ndsi")
_NO_LONGER = """
DELETE FROM label_window
USING unnest(%s::text[], %s::integer[], %s::timestamptz[], %s::text[])
    AS now (device, length_s, started_at, labels)
WHERE label_window.device = now.device AND label_window.length_s = now.length_s
    AND label_window.started_at = now.started_at
    AND label <> ALL (string_to_array(now.labels, ','))"""
# no alert lasts longer than a day: two are enough to look back; to touch is not to overlap; those
# that are written now the fold has kept apart, by ends that the table does not know yet
_OVERLAPPING = """
SELECT new.alert_id
FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::timestamptz[], %s::timestamptz[])
    AS new (alert_id, rule, device, onset_at, ended_at)
WHERE EXISTS (
    SELECT FROM alert AS known
    WHERE known.device = new.device AND known.rule = new.rule
        AND known.onset_at > new.onset_at - interval '2 days' AND known.onset_at < new.ended_at
        AND coalesce(known.ended_at, 'infinity') > new.onset_at
        AND known.alert_id <> ALL (%s::uuid[]))"""
# the same decision as StatusRow.replaces
_STATUS = """
UPDATE device SET online = %(online)s, session = %(session)s,
    status_at = coalesce(%(status_at)s, status_at), status = %(status)s::jsonb,
    status_written_at = clock_timestamp()
WHERE device = %(device)s AND (
    session IS NULL
    OR (session <> %(session)s AND %(status_at)s::timestamptz IS NOT NULL)
    OR (session = %(session)s AND (%(status_at)s::timestamptz IS NULL
        OR status_at IS NULL OR status_at <= %(status_at)s::timestamptz)))"""


_DEAD_LETTERS = """
INSERT INTO dead_letter AS known (origin, reason, hour, messages, newest_at, newest_detail)
VALUES (%(origin)s, %(reason)s, %(hour)s, %(messages)s, %(newest_at)s, %(newest_detail)s)
ON CONFLICT (origin, reason, hour) DO UPDATE SET
    messages = known.messages + excluded.messages,
    newest_at = greatest(known.newest_at, excluded.newest_at),
    newest_detail = CASE WHEN excluded.newest_at >= known.newest_at
        THEN excluded.newest_detail ELSE known.newest_detail END"""


def fields(row: Frozen, names: Sequence[str]) -> Values:
    """Some fields of a message, as a line of a table."""
    values = (getattr(row, name) for name in names)
    return tuple([_array(value) if isinstance(value, tuple) else value for value in values])


def _array(values: tuple[object, ...]) -> str:
    """Numbers or labels as PostgreSQL reads an array: what JSON puts between its brackets."""
    return f"{{{orjson.dumps(values)[1:-1].decode()}}}"


_newest_at = attrgetter("newest_at")
_window_key = attrgetter(*_WINDOW_KEY)

LEVEL_WINDOW: Final = Target(
    "level_window",
    _WINDOW_KEY,
    _WINDOW,
    overwritten(
        "level_window",
        _WINDOW,
        also=", revision = level_window.revision + 1, written_at = clock_timestamp()",
    ),
)
LABEL_WINDOW: Final = Target(
    "label_window",
    (*_WINDOW_KEY, "label"),
    _LABEL,
    overwritten("label_window", _LABEL),
)
LEDGER: Final = Table(
    "ledger",
    ("device",),
    _ACCOUNT,
    update=overwritten("ledger", _ACCOUNT, also=", written_at = clock_timestamp()"),
    values=lambda account: [fields(account, ("device", *_ACCOUNT))],
)
ALERT: Final = Table(
    "alert",
    ("alert_id",),
    _ALERT,
    update=overwritten(
        "alert",
        _ALERT,
        also=", written_at = clock_timestamp()",
        where=SQL("alert.revision < excluded.revision"),
    ),
    values=lambda alert: [fields(alert, ("alert_id", *_ALERT))],
)

READING: Final = Table(
    "reading",
    _READING_KEY,
    _READING,
    update=None,
    values=lambda row: [fields(row, (*_READING_KEY, *_READING))],
)
INDICES: Final = Table(
    "indices",
    _INDICES_KEY,
    _INDICES,
    update=None,
    values=lambda row: [fields(row, (*_INDICES_KEY, *_INDICES))],
)

NOTIFICATION: Final = Table(
    "notification",
    ("target", "alert_id", "revision"),
    ("payload",),
    update=None,
    values=lambda row: [(row.target, row.alert_id, row.revision, row.payload)],
)


class Alerts:
    """Alerts; a historical one that would overlap another of its rule and device is left out.

    The fold keeps it apart from those that it has found itself. It does not know of those that a
    replay has put in their place; whoever stores here first, checkpoints keep the other waiting.
    """

    async def write(self, cursor: AsyncCursor[Any], rows: Sequence[Frozen]) -> None:
        """Write alerts, and say how many were left out."""
        alerts = [row for row in rows if isinstance(row, Alert)]
        doubled = await _overlapping(cursor, alerts)
        if doubled:
            log.warning("historical_alerts_overlap", extra={"left_out": len(doubled)})
        await ALERT.write(cursor, [one for one in alerts if one.alert_id not in doubled])


async def _overlapping(cursor: AsyncCursor[Any], alerts: Sequence[Alert]) -> frozenset[UUID]:
    """Historical ones among these that overlap another that is stored already."""
    names = ("alert_id", "rule", "device", "onset_at", "ended_at")
    lines = [fields(alert, names) for alert in alerts if alert.historical]
    if not lines:
        return frozenset()
    ours = [alert.alert_id for alert in alerts]
    await cursor.execute(_OVERLAPPING, (*map(list, zip(*lines, strict=True)), ours))
    return frozenset([alert_id async for (alert_id,) in cursor])


class DeviceStatus:
    """The newest status in `device`: an update, since who is a device is not ours to say."""

    async def write(self, cursor: AsyncCursor[Any], rows: Sequence[Frozen]) -> None:
        """Keep the newest status of each device."""
        newest: dict[str, StatusRow] = {}
        for row in rows:
            if isinstance(row, StatusRow) and row.replaces(newest.get(row.device)):
                newest[row.device] = row
        await cursor.executemany(
            _STATUS, [newest[device].model_dump() for device in sorted(newest)]
        )


class DeadLetters:
    """Counts by hour; a commit is written once, so nothing is counted twice."""

    async def write(self, cursor: AsyncCursor[Any], rows: Sequence[Frozen]) -> None:
        """Add letters to what was counted before."""
        letters: dict[Values, list[DeadLetterRow]] = defaultdict(list)
        for row in rows:
            if isinstance(row, DeadLetterRow):
                letters[row.origin, row.reason, row.hour].append(row)
        await cursor.executemany(
            _DEAD_LETTERS,
            [
                {**max(some, key=_newest_at).model_dump(), "messages": len(some)}
                for _, some in sorted(letters.items())
            ],
        )


class Windows:
    """Windows and their labels, in columns; labels that a window no longer has are deleted."""

    async def write(self, cursor: AsyncCursor[Any], rows: Sequence[Frozen]) -> None:
        """Write the rows of pages, no two of the same window."""
        pages = [
            columns for page in rows if isinstance(page, WindowPage) for columns in page.columns()
        ]
        if not pages:
            return
        lines = window_copy.copied(pages)
        await LEVEL_WINDOW.take(cursor, window_copy.LEVEL_COLUMNS, lines.levels)
        if known := [one for columns in pages for one in columns.known()]:
            await cursor.execute(_NO_LONGER, tuple(map(list, zip(*known, strict=True))))
        await LABEL_WINDOW.take(cursor, window_copy.LABEL_COLUMNS, lines.labels)


class SingleWindows:
    """Windows one by one; of several rows of one the last counts."""

    async def write(self, cursor: AsyncCursor[Any], rows: Sequence[Frozen]) -> None:
        """Write them as a page."""
        newest = {_window_key(row): row for row in rows if isinstance(row, WindowRow)}
        await Windows().write(cursor, [WindowPage.trusted(base=None, larger=(*newest.values(),))])


class TouchedWindows:
    """Rows of the windows that a fold has touched, made of what is stored: see `window_book`."""

    async def write(self, cursor: AsyncCursor[Any], rows: Sequence[Frozen]) -> None:
        """Merge what is new with the table that this connection sees."""
        touched = [row for row in rows if isinstance(row, Touched)]
        await Windows().write(cursor, [await window_store.revised(cursor, Book(), touched)])


class Writable(Protocol):
    """Where rows of one kind go."""

    async def write(self, cursor: AsyncCursor[Any], rows: Sequence[Frozen]) -> None:
        """Upsert rows in the open transaction."""


TABLES: Final[Mapping[type[Frozen], Sequence[Writable]]] = {
    WindowPage: (Windows(),),
    WindowRow: (SingleWindows(),),
    Touched: (TouchedWindows(),),
    Account: (LEDGER,),
    Alert: (Alerts(),),
    ReadingRow: (READING,),
    IndicesRow: (INDICES,),
    StatusRow: (DeviceStatus(),),
    DeadLetterRow: (DeadLetters(),),
    NotificationRow: (NOTIFICATION,),
}


def days_of(rows: Iterable[Frozen]) -> set[date]:
    """Days, UTC, for which readings need a partition."""
    return {row.started_at.astimezone(UTC).date() for row in rows if isinstance(row, ReadingRow)}
