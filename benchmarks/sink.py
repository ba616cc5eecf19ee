"""How fast do rows get into PostgreSQL? `python -m benchmarks sink [--json]`.

Nine columns with a primary key, 2,000 rows a transaction, a row that is there already stays: by
COPY and upsert as the processors write, by executemany, and by one INSERT of unnested arrays.
Rounds alternate; each figure is a median. Status 1 if a row of ours is not there.
"""

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import psycopg
from psycopg import AsyncCursor

from benchmarks import stage
from processors.adapters.upserts import Table
from schemas.base import Frozen

PER_TRANSACTION: Final = 2_000
DEVICES: Final = 20
OURS: Final = "copy and upsert (cityhum)"
CREATE: Final = """
CREATE TABLE sink (
    device text, session text, seq bigint, started_at timestamptz,
    laeq double precision, lceq double precision, lzeq double precision,
    lafmax double precision, lasmax double precision,
    PRIMARY KEY (device, session, seq)
)"""
KEY: Final = ("device", "session", "seq")
COLUMNS: Final = ("started_at", "laeq", "lceq", "lzeq", "lafmax", "lasmax")
ONE: Final = "INSERT INTO sink VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING"
MANY: Final = """
INSERT INTO sink
SELECT * FROM unnest(
    %s::text[], %s::text[], %s::bigint[], %s::timestamptz[], %s::double precision[],
    %s::double precision[], %s::double precision[], %s::double precision[], %s::double precision[]
) ON CONFLICT DO NOTHING"""

Row = tuple[object, ...]
Write = Callable[[AsyncCursor[Any], Sequence["Line"]], Awaitable[object]]


class Line(Frozen):
    """A row as it comes from a fold."""

    values: Row


_TABLE: Final = Table("sink", KEY, COLUMNS, update=None, values=lambda line: [line.values])


async def by_copy(cursor: AsyncCursor[Any], lines: Sequence[Line]) -> None:
    """As the processors do."""
    await _TABLE.write(cursor, lines)


async def by_executemany(cursor: AsyncCursor[Any], lines: Sequence[Line]) -> None:
    """One statement a row, pipelined by psycopg."""
    await cursor.executemany(ONE, [line.values for line in lines])


async def by_unnest(cursor: AsyncCursor[Any], lines: Sequence[Line]) -> None:
    """One statement, a column an array."""
    await cursor.execute(
        MANY, [list(column) for column in zip(*(ln.values for ln in lines), strict=True)]
    )


WAYS: Final[dict[str, Write]] = {
    OURS: by_copy,
    "executemany": by_executemany,
    "unnest": by_unnest,
}


def lines(count: int) -> list[Line]:
    """Rows of some devices in turn."""
    began_at = datetime(2026, 5, 4, 10, tzinfo=UTC)
    return [
        Line(
            values=(
                f"pole-{n % DEVICES:02d}", "0" * 26, n // DEVICES,
                began_at + timedelta(seconds=n // DEVICES), *(50.0 + n % 97 / 4,) * 5,
            )
        )
        for n in range(count)
    ]  # fmt: skip


async def measured(conninfo: str, made: Sequence[Line], rounds: int) -> dict[str, Any]:
    """Rows per second of each way, and how many rows each left in the table, at least."""
    rates: dict[str, list[float]] = {name: [] for name in WAYS}
    stored: dict[str, int] = dict.fromkeys(WAYS, len(made))
    async with await psycopg.AsyncConnection.connect(conninfo) as connection:
        async with connection.transaction():
            await connection.execute(CREATE)
        for _ in range(rounds):
            for name, write in WAYS.items():
                await connection.execute("TRUNCATE sink")
                await connection.commit()
                began_s = time.perf_counter()
                for begin in range(0, len(made), PER_TRANSACTION):
                    async with connection.transaction():
                        await write(connection.cursor(), made[begin : begin + PER_TRANSACTION])
                rates[name].append(len(made) / (time.perf_counter() - began_s))
                row = await (await connection.execute("SELECT count(*) FROM sink")).fetchone()
                stored[name] = min(stored[name], row[0] if row else 0)
    return {
        name: {"rows_per_s": round(statistics.median(some)), "stored": stored[name]}
        for name, some in rates.items()
    }


def is_clean(result: Mapping[str, Any]) -> bool:
    """Whether our way has stored every row."""
    return bool(result["ways"][OURS]["stored"] == result["rows"])


def main() -> None:
    """Measure all ways and print them."""
    parser = argparse.ArgumentParser(description="how fast do rows get into PostgreSQL?")
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    result = stage.surroundings("psycopg")
    result |= {"rows": asked.rows, "rounds": asked.rounds, "devices": DEVICES}
    result["rows_per_transaction"] = PER_TRANSACTION
    with stage.staged() as stack:
        conninfo = stack.postgres.conninfo("cityhum_owner")
        result["ways"] = asyncio.run(measured(conninfo, lines(asked.rows), asked.rounds))
    sys.stdout.write(json.dumps(result, indent=None if asked.json else 2) + "\n")
    sys.exit(not is_clean(result))


if __name__ == "__main__":
    main()
