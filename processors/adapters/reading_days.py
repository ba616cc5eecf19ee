"""The daily partitions of `reading`: listed, made ahead, dropped. The user must own the table."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from itertools import islice
from typing import Any, Final, LiteralString, NamedTuple

import psycopg
from psycopg.errors import InsufficientPrivilege
from psycopg.sql import SQL, Identifier

from processors.adapters.postgres import conninfo, unavailable
from processors.reading_days import WITNESSES, outdated, wanted
from processors.settings import ProcessorSettings
from schemas.errors import BadConfig

Connection = psycopg.Connection[tuple[Any, ...]]

_DAYS: Final[LiteralString] = """
SELECT relname, pg_total_relation_size(pg_class.oid)::bigint, inhrelid IS NOT NULL,
       coalesce(inhdetachpending, false)
FROM pg_class LEFT JOIN pg_inherits ON inhrelid = oid AND inhparent = 'reading'::regclass
WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname ~ '^reading_[0-9]{8}$'
ORDER BY relname"""
_ENSURE: Final[LiteralString] = "SELECT ensure_reading_partitions(%s::date[])"
# not the lock of ensure_reading_partitions: a day that is being read must not hold up new ones
_LOCK: Final[LiteralString] = "SELECT pg_advisory_lock(hashtext('cityhum partitions'))"
_PATIENCE: Final[LiteralString] = "SET lock_timeout = '60 s'"
_DETACH: Final = SQL("ALTER TABLE reading DETACH PARTITION {} CONCURRENTLY")
_FINALIZE: Final = SQL("ALTER TABLE reading DETACH PARTITION {} FINALIZE")
_DROP: Final = SQL("DROP TABLE {}")
# a row of it is enough: no index finds the newest reading of all devices
_USED: Final = SQL("SELECT EXISTS (SELECT FROM {})")


class Partition(NamedTuple):
    """One day of readings; not attached, or half detached, if somebody died dropping it."""

    day: date
    bytes: int
    attached: bool
    half_detached: bool

    @property
    def name(self) -> str:
        """Of its table."""
        return f"reading_{self.day:%Y%m%d}"


class Kept(NamedTuple):
    """What was done: days that are new, and days that are gone."""

    made: Sequence[date]
    dropped: Sequence[date]


def partitions(settings: ProcessorSettings) -> Sequence[Partition]:
    """Days that have a partition, oldest first.

    Raises
    ------
    Unavailable
        If the database does not answer.
    """
    with _connected(settings) as connection:
        return _partitions(connection)


def keep(
    settings: ProcessorSettings,
    today: date,
    *,
    ahead_days: int,
    keep_days: int,
    reached: date | None = None,
) -> Kept:
    """Make the days ahead and drop the old ones; to do it twice, or at once, does no harm.

    Nor does a `today` that is far ahead: age is judged by what the record has reached too, unless
    somebody says what that is.

    Raises
    ------
    BadConfig
        If the user does not own the table.
    Unavailable
        If the database does not answer, or somebody has been reading an old day for a minute.
    """
    with _connected(settings) as connection:
        connection.execute(_PATIENCE)
        connection.execute(_LOCK)
        before = {one.day: one for one in _partitions(connection)}
        days = wanted(today, ahead_days)
        connection.execute(_ENSURE, (days,))
        old = outdated(before, today, reached or _reached(connection, before), keep_days)
        for day in old:
            _drop(connection, before[day])
        return Kept([day for day in days if day not in before], old)


def _reached(connection: Connection, days: Mapping[date, Partition]) -> date | None:
    """The last day that enough days with readings vouch for; the days ahead have none."""
    attached = [days[day] for day in sorted(days, reverse=True) if days[day].attached]
    used = (one.day for one in attached if not one.half_detached and _is_used(connection, one))
    return next(islice(used, WITNESSES - 1, None), None)


def _is_used(connection: Connection, partition: Partition) -> bool:
    row = connection.execute(_USED.format(Identifier(partition.name))).fetchone()
    return row is not None and bool(row[0])


def _drop(connection: Connection, partition: Partition) -> None:
    """Take a day away without holding up those who read and write the others."""
    name = Identifier(partition.name)
    if partition.half_detached:
        connection.execute(_FINALIZE.format(name))
    elif partition.attached:
        connection.execute(_DETACH.format(name))
    connection.execute(_DROP.format(name))


def _partitions(connection: Connection) -> Sequence[Partition]:
    rows = connection.execute(_DAYS).fetchall()
    return [Partition(_day(name), *others) for name, *others in rows]


def _day(name: str) -> date:
    return datetime.strptime(name.removeprefix("reading_"), "%Y%m%d").date()  # noqa: DTZ007


@contextmanager
def _connected(settings: ProcessorSettings) -> Iterator[Connection]:
    # a partition is detached in two transactions of its own
    with unavailable(), psycopg.connect(conninfo(settings), autocommit=True) as connection:
        try:
            yield connection
        except InsufficientPrivilege:
            raise BadConfig(
                f"{settings.postgres_user} does not own the table of readings"
            ) from None
