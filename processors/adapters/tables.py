"""Which rows go into which table, and what happens when one is there already."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date
from operator import attrgetter
from typing import Any, Final, Protocol

from psycopg import AsyncCursor
from psycopg.sql import SQL, Composed, Identifier

from processors.adapters import window_store
from processors.archive import DeadLetterRow, IndicesRow, ReadingRow, StatusRow
from processors.notify import NotificationRow
from processors.window_book import Book
from processors.window_questions import Touched
from processors.window_rows import WindowRow
from processors.window_state import Account
from schemas.base import Frozen
from schemas.results import Alert

Values = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table that is written by COPY into a temporary one and an upsert from there.

    `key` are its first columns. Of rows with the same key the last counts, or the first where
    `update` is None: then what is there stays.
    """

    name: str
    key: Sequence[str]
    columns: Sequence[str]
    values: Callable[[Any], Iterable[Values]]
    update: SQL | Composed | None

    async def write(self, cursor: AsyncCursor[Any], rows: Sequence[Frozen]) -> None:
        """Upsert rows in the open transaction."""
        values = self._unique(line for row in rows for line in self.values(row))
        if not values:
            return
        await cursor.execute(self._temporary())
        async with cursor.copy(self._copy()) as copy:
            for line in values:
                await copy.write_row(line)
        await cursor.execute(self._upsert())

    def _unique(self, lines: Iterable[Values]) -> Sequence[Values]:
        width = len(self.key)
        if self.update is not None:
            return list({line[:width]: line for line in lines}.values())
        unique: dict[Values, Values] = {}
        for line in lines:
            unique.setdefault(line[:width], line)
        return list(unique.values())

    @property
    def _new(self) -> Identifier:
        return Identifier(f"new_{self.name}")

    def _all(self) -> Composed:
        return SQL(", ").join(map(Identifier, (*self.key, *self.columns)))

    def _temporary(self) -> Composed:
        """Made once per connection; empty at the beginning of every transaction."""
        return SQL(
            "CREATE TEMPORARY TABLE IF NOT EXISTS {new} ON COMMIT DELETE ROWS "
            "AS SELECT {columns} FROM {table} WITH NO DATA"
        ).format(new=self._new, columns=self._all(), table=Identifier(self.name))

    def _copy(self) -> Composed:
        return SQL("COPY {} ({}) FROM STDIN").format(self._new, self._all())

    def _upsert(self) -> Composed:
        key = SQL(", ").join(map(Identifier, self.key))
        return SQL(
            "INSERT INTO {table} ({columns}) SELECT {columns} FROM {new} ORDER BY {key} "
            "ON CONFLICT ({key}) DO {action}"
        ).format(
            table=Identifier(self.name),
            columns=self._all(),
            new=self._new,
            key=key,
            action=SQL("NOTHING") if self.update is None else self.update,
        )


def overwritten(
    table: str, columns: Sequence[str], also: str = "", where: SQL | Composed | None = None
) -> Composed:
    """Take the new values, by default only if one of them differs."""
    names = [Identifier(column) for column in columns]
    old = SQL(", ").join(Identifier(table, column) for column in columns)
    new = SQL(", ").join(Identifier("excluded", column) for column in columns)
    changed = SQL("({}) IS DISTINCT FROM ({})").format(old, new)
    return SQL("UPDATE SET {values}{also} WHERE {where}").format(
        values=SQL(", ").join(SQL("{n} = excluded.{n}").format(n=name) for name in names),
        also=SQL(also),
        where=where or changed,
    )


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
# the same decision as StatusRow.replaces
_STATUS = """
UPDATE device SET online = %(online)s, session = %(session)s,
    status_at = coalesce(%(status_at)s, status_at), status = %(status)s::jsonb,
    status_written_at = clock_timestamp()
WHERE device = %(device)s AND (
    session IS NULL OR session COLLATE "C" < %(session)s
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
    return tuple(list(value) if isinstance(value, tuple) else value for value in values)


_newest_at = attrgetter("newest_at")
_window_key = attrgetter(*_WINDOW_KEY)
_window_line = attrgetter(*_WINDOW_KEY, *_WINDOW)
_label_line = attrgetter("label", *_LABEL)


def _label_lines(window: WindowRow) -> Iterable[Values]:
    key = _window_key(window)
    return [(*key, *_label_line(label)) for label in window.labels]


LEVEL_WINDOW: Final = Table(
    "level_window",
    _WINDOW_KEY,
    _WINDOW,
    lambda window: [_window_line(window)],
    overwritten(
        "level_window",
        _WINDOW,
        also=", revision = level_window.revision + 1, written_at = clock_timestamp()",
    ),
)
LABEL_WINDOW: Final = Table(
    "label_window",
    (*_WINDOW_KEY, "label"),
    _LABEL,
    _label_lines,
    overwritten("label_window", _LABEL),
)
LEDGER: Final = Table(
    "ledger",
    ("device",),
    _ACCOUNT,
    lambda account: [fields(account, ("device", *_ACCOUNT))],
    overwritten("ledger", _ACCOUNT, also=", written_at = clock_timestamp()"),
)
ALERT: Final = Table(
    "alert",
    ("alert_id",),
    _ALERT,
    lambda alert: [fields(alert, ("alert_id", *_ALERT))],
    overwritten(
        "alert",
        _ALERT,
        also=", written_at = clock_timestamp()",
        where=SQL("alert.revision < excluded.revision"),
    ),
)

READING: Final = Table(
    "reading",
    _READING_KEY,
    _READING,
    lambda row: [fields(row, (*_READING_KEY, *_READING))],
    update=None,
)
INDICES: Final = Table(
    "indices",
    _INDICES_KEY,
    _INDICES,
    lambda row: [fields(row, (*_INDICES_KEY, *_INDICES))],
    update=None,
)

NOTIFICATION: Final = Table(
    "notification",
    ("target", "alert_id", "revision"),
    ("payload",),
    lambda row: [(row.target, row.alert_id, row.revision, row.payload)],
    update=None,
)


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


class WindowLabels:
    """The labels of a window as it stands: those that it no longer has are deleted."""

    async def write(self, cursor: AsyncCursor[Any], rows: Sequence[Frozen]) -> None:
        """Write the labels of each window's last row."""
        newest = {_window_key(row): row for row in rows if isinstance(row, WindowRow)}
        if known := {key: row for key, row in newest.items() if row.known}:
            keys = [list(column) for column in zip(*known, strict=True)]
            labels = [",".join(label.label for label in row.labels) for row in known.values()]
            await cursor.execute(_NO_LONGER, (*keys, labels))
        await LABEL_WINDOW.write(cursor, list(newest.values()))


class TouchedWindows:
    """Rows of the windows that a fold has touched, made of what is stored: see `window_book`."""

    async def write(self, cursor: AsyncCursor[Any], rows: Sequence[Frozen]) -> None:
        """Merge what is new with the table that this connection sees."""
        touched = [row for row in rows if isinstance(row, Touched)]
        windows = await window_store.revised(cursor, Book(), touched)
        for table in TABLES[WindowRow]:
            await table.write(cursor, windows)


class Writable(Protocol):
    """Where rows of one kind go."""

    async def write(self, cursor: AsyncCursor[Any], rows: Sequence[Frozen]) -> None:
        """Upsert rows in the open transaction."""


TABLES: Final[Mapping[type[Frozen], Sequence[Writable]]] = {
    WindowRow: (LEVEL_WINDOW, WindowLabels()),
    Touched: (TouchedWindows(),),
    Account: (LEDGER,),
    Alert: (ALERT,),
    ReadingRow: (READING,),
    IndicesRow: (INDICES,),
    StatusRow: (DeviceStatus(),),
    DeadLetterRow: (DeadLetters(),),
    NotificationRow: (NOTIFICATION,),
}


def days_of(rows: Iterable[Frozen]) -> set[date]:
    """Days, UTC, for which readings need a partition."""
    return {row.started_at.astimezone(UTC).date() for row in rows if isinstance(row, ReadingRow)}
