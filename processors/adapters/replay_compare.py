"""Compares the final rows of a replay with the live ones, in the database."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from psycopg.rows import dict_row
from psycopg.sql import SQL, Composed, Identifier

from processors.adapters.postgres import unavailable
from processors.adapters.replay_catalog import Connection, schema_of
from processors.adapters.replay_tables import LIVE, Output, outputs
from processors.replay import Request
from processors.replay_diff import (
    AlertDiff,
    ColumnDiff,
    Difference,
    Found,
    WindowDiff,
    alerts_compared,
    with_cooldown,
)

_UNTOLD: Final = frozenset({"rule_version", "site", "sums"})
"""Follow from the rule, the device and the other columns."""

_ALERT: Final = "alert"


async def compared(connection: Connection, request: Request, live: str = LIVE) -> Difference:
    """Compare both ways.

    Parameters
    ----------
    connection : AsyncConnection
        To the database.
    request : Request
        Of the replay.
    live : str
        Schema that it is compared with.
    """
    them = {output.name: output for output in await outputs(connection)}
    alerts = await _alerts(connection, them.pop(_ALERT), live, request)
    return Difference(
        name=request.name,
        windows={
            name: await _windows(connection, output, live, request) for name, output in them.items()
        },
        alerts=alerts,
        cooldowns=with_cooldown(alerts, request.rules),
    )


async def _alerts(connection: Connection, output: Output, live: str, request: Request) -> AlertDiff:
    ours, theirs = [
        [_found(row) for row in await _rows(connection, output.rows(schema, request))]
        for schema in (live, schema_of(request.name))
    ]
    return alerts_compared(ours, theirs)


def _found(row: Mapping[str, Any]) -> Found:
    told = {"alert_id", "rule", "device", "onset_at", "ended_at"}
    return Found(
        alert_id=str(row["alert_id"]),
        rule=row["rule"],
        device=row["device"],
        onset_at=row["onset_at"],
        ended_at=row["ended_at"],
        rest={name: value for name, value in row.items() if name not in told | _UNTOLD},
    )


async def _windows(
    connection: Connection, output: Output, live: str, request: Request
) -> WindowDiff:
    columns = [name for name in output.others if name not in _UNTOLD]
    (row,) = await _rows(connection, _joined(output, columns, live, request))
    return WindowDiff(
        same=row["both"] - row["changed"],
        changed=row["changed"],
        gained=row["gained"],
        lost=row["lost"],
        columns={
            name: ColumnDiff(
                windows=row[f"{name} windows"],
                mean=row.get(f"{name} mean"),
                largest=row.get(f"{name} largest"),
            )
            for name in columns
            if row[f"{name} windows"]
        },
    )


def _joined(output: Output, columns: Sequence[str], live: str, request: Request) -> Composed:
    key = Identifier(output.keys[0])
    both = SQL("live.{key} IS NOT NULL AND new.{key} IS NOT NULL").format(key=key)
    told = [_column(name, both, number=name in output.numbers) for name in columns]
    return SQL(
        "SELECT count(*) FILTER (WHERE {both}) AS both, count(*) FILTER (WHERE {both} AND ({old})"
        " IS DISTINCT FROM ({new})) AS changed,"
        " count(*) FILTER (WHERE live.{key} IS NULL) AS gained,"
        " count(*) FILTER (WHERE new.{key} IS NULL) AS lost, {told}"
        " FROM ({live}) AS live FULL JOIN ({replayed}) AS new ON {matched}"
    ).format(
        both=both,
        key=key,
        old=_names("live", columns),
        new=_names("new", columns),
        told=SQL(", ").join(told),
        live=output.rows(live, request),
        replayed=output.rows(schema_of(request.name), request),
        matched=SQL(" AND ").join(
            SQL("live.{name} = new.{name}").format(name=Identifier(name)) for name in output.keys
        ),
    )


def _column(name: str, both: Composed, *, number: bool) -> Composed:
    differs = SQL("{both} AND live.{name} IS DISTINCT FROM new.{name}").format(
        both=both, name=Identifier(name)
    )
    windows = SQL("count(*) FILTER (WHERE {}) AS {}").format(differs, Identifier(f"{name} windows"))
    if not number:
        return windows
    return SQL(
        "{windows}, avg(new.{name}::float8 - live.{name}) FILTER (WHERE {differs}) AS {mean},"
        " max(abs(new.{name}::float8 - live.{name})) FILTER (WHERE {differs}) AS {largest}"
    ).format(
        windows=windows,
        name=Identifier(name),
        differs=differs,
        mean=Identifier(f"{name} mean"),
        largest=Identifier(f"{name} largest"),
    )


def _names(side: str, columns: Sequence[str]) -> Composed:
    return SQL(", ").join(Identifier(side, name) for name in columns)


async def _rows(connection: Connection, query: Composed) -> list[dict[str, Any]]:
    with unavailable():
        async with connection.cursor(row_factory=dict_row) as cursor:
            return await (await cursor.execute(query)).fetchall()
