"""What a run has concluded: rows without what may differ, and what subscribers were told."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, LiteralString, NamedTuple

import psycopg
from psycopg import sql

from benchmarks import stage
from deploy.local.stack import LocalStack
from schemas import topics
from schemas.codec import decode
from schemas.errors import Unavailable
from schemas.results import Alert

TABLES: Final = ("reading", "level_window", "label_window", "alert")
MAY_DIFFER: Final = frozenset({"received_at", "revision", "written_at", "first_written_at"})
_SHOWN: Final = 5
_QUIET_MS: Final = 1500

COUNTS: LiteralString = "SELECT count(*), count(DISTINCT (device, session, seq)) FROM reading"
IN_WINDOWS: LiteralString = """
SELECT coalesce(min(seconds), 0) FROM (
    SELECT sum(coverage_s) AS seconds FROM level_window GROUP BY length_s
) AS by_length
"""
OPEN: LiteralString = "SELECT count(*) FROM alert WHERE ended_at IS NULL"
UNDELIVERED: LiteralString = "SELECT count(*) FROM delivery WHERE delivered_at IS NULL"
LIVE: LiteralString = "SELECT alert_id::text, revision FROM alert WHERE NOT historical"
COLUMNS: LiteralString = """
SELECT column_name FROM information_schema.columns
WHERE table_schema = 'public' AND table_name = %s ORDER BY ordinal_position
"""

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Record:
    """What a database and the alert topic hold."""

    stored_readings: int
    distinct_readings: int
    folded_readings: int
    open_alerts: int
    undelivered: int
    delivered_twice: int
    unknown_ids: int
    missing_ids: int
    dead_letters: int
    columns: dict[str, Sequence[str]]
    tables: dict[str, set[Row]]

    def named(self, table: str, row: Row) -> dict[str, str]:
        """A row's values by their columns, as text."""
        return dict(zip(self.columns[table], row, strict=True))

    def is_settled(self, readings: int) -> bool:
        """Whether nothing is on its way any more."""
        return (
            self.distinct_readings == self.folded_readings == readings
            and not self.open_alerts
            and not self.undelivered
            and not self.missing_ids
        )


class Span(NamedTuple):
    """When something began and ended."""

    begin: datetime
    end: datetime


def span(record: Record, table: str, row: Row) -> Span:
    """Of a window or an alert."""
    named = record.named(table, row)
    if table == "alert":
        onset_at = datetime.fromisoformat(named["onset_at"])
        return Span(onset_at, datetime.fromisoformat(named["ended_at"] or named["raised_at"]))
    began_at = datetime.fromisoformat(named["started_at"])
    return Span(began_at, began_at + timedelta(seconds=int(named["length_s"])))


def ended(record: Record, until: datetime) -> Record:
    """Without windows that reach beyond a time: when they are told early depends on who looks."""
    tables = {
        name: {row for row in rows if not _is_window(name) or span(record, name, row).end <= until}
        for name, rows in record.tables.items()
    }
    return replace(record, tables=tables)


def _is_window(table: str) -> bool:
    return table.endswith("_window")


async def read_record(stack: LocalStack) -> Record:
    """Everything at once.

    Parameters
    ----------
    stack : LocalStack
        Running.

    Returns
    -------
    Record

    Raises
    ------
    Unavailable
        If the database does not answer.
    """
    try:
        conninfo = stack.postgres.conninfo("cityhum_reader")
        async with await psycopg.AsyncConnection.connect(conninfo) as connection:
            stored, distinct = await _one(connection, COUNTS)
            (folded,) = await _one(connection, IN_WINDOWS)
            (still_open,) = await _one(connection, OPEN)
            (undelivered,) = await _one(connection, UNDELIVERED)
            live = {id_: revision async for id_, revision in await connection.execute(LIVE)}
            columns = {name: await _columns(connection, name) for name in TABLES}
            tables = {name: await _rows(connection, name, columns[name]) for name in TABLES}
    except psycopg.OperationalError as error:
        raise Unavailable(f"PostgreSQL: {str(error).splitlines()[0]}") from error
    told = [decode(Alert, value) for value in await _values(stack, topics.ALERTS)]
    heard = {(str(alert.alert_id), alert.revision) for alert in told}
    return Record(
        stored_readings=stored,
        distinct_readings=distinct,
        folded_readings=folded,
        open_alerts=still_open,
        undelivered=undelivered,
        delivered_twice=len(told) - len(heard),
        unknown_ids=len({id_ for id_, _ in heard} - live.keys()),
        missing_ids=len(set(live.items()) - heard),
        dead_letters=len(await _values(stack, topics.DEAD_LETTERS)),
        columns=columns,
        tables=tables,
    )


def differences(calm: Record, told: Record) -> dict[str, Any]:
    """Rows that only one of two runs has, by table; the first ones in full.

    Parameters
    ----------
    calm, told : Record
        The run that was left alone, and the other.

    Returns
    -------
    dict
        Empty if both concluded the same.
    """
    found = {}
    for name in TABLES:
        lost, gained = calm.tables[name] - told.tables[name], told.tables[name] - calm.tables[name]
        if lost or gained:
            found[name] = {
                "only_undisturbed": len(lost),
                "only_disturbed": len(gained),
                "examples": [str(row) for row in (*sorted(map(str, lost))[:_SHOWN],
                                                   *sorted(map(str, gained))[:_SHOWN])],
            }  # fmt: skip
    return found


async def _one(connection: psycopg.AsyncConnection[Row], query: LiteralString) -> Row:
    row = await (await connection.execute(query)).fetchone()
    assert row is not None  # noqa: S101  # aggregates always give one
    return row


async def _columns(connection: psycopg.AsyncConnection[Row], table: str) -> Sequence[str]:
    names = [name async for (name,) in await connection.execute(COLUMNS, [table])]
    return [name for name in names if name not in MAY_DIFFER]


async def _rows(
    connection: psycopg.AsyncConnection[Row], table: str, columns: Sequence[str]
) -> set[Row]:
    kept = [sql.Identifier(name) + sql.SQL("::text") for name in columns]
    query = sql.SQL("SELECT {} FROM {}").format(sql.SQL(", ").join(kept), sql.Identifier(table))
    return {row async for row in await connection.execute(query)}


async def _values(stack: LocalStack, topic: str) -> list[bytes]:
    async with stage.log_of(stack.kafka.bootstrap, topic) as log:
        ends = await log.end_offsets(list(log.assignment()))
        values: list[bytes] = []
        while [place for place in ends if await log.position(place) < ends[place]]:
            found = await log.getmany(timeout_ms=_QUIET_MS)
            values += [record.value for records in found.values() for record in records]
        return values
