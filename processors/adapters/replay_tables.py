"""The final rows of a span, live and replayed: hashes, and what differs between them."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final, LiteralString, NamedTuple

from psycopg.sql import SQL, Composed, Identifier, Literal

from processors.adapters.postgres import unavailable
from processors.adapters.replay_catalog import Connection
from processors.replay import Request

LIVE: Final = "public"
_OUTPUTS: Final = """
SELECT name, at, length_s, keys, others, array(
    SELECT attname::text FROM pg_attribute JOIN pg_type ON pg_type.oid = atttypid
    WHERE attrelid = ('public.' || name)::regclass AND attname = ANY (others) AND typcategory = 'N')
FROM public.replay_outputs(), public.replay_columns(name) ORDER BY name"""
_FINAL: Final[Mapping[str, LiteralString]] = {
    "level_window": "final",
    "alert": "ended_at IS NOT NULL",
}
"""Other tables belong to windows: their rows are final with them."""

_OF_FINAL_WINDOW: Final[LiteralString] = (
    "EXISTS (SELECT FROM {schema}.level_window AS w WHERE w.final AND w.device = {table}.device"
    " AND w.length_s = {table}.length_s AND w.started_at = {table}.started_at)"
)


class Output(NamedTuple):
    """A table of a replay: when a row was, its key, and the columns that make a row what it is."""

    name: str
    at: str
    length_s: str | None
    keys: Sequence[str]
    others: Sequence[str]
    numbers: Sequence[str]

    def rows(self, schema: str, request: Request) -> Composed:
        """Query of the final rows of a span, without an order."""
        columns = map(Identifier, (*self.keys, *self.others))
        return SQL("SELECT {columns} FROM {schema}.{table} WHERE {inside} AND {final}").format(
            columns=SQL(", ").join(columns),
            schema=Identifier(schema),
            table=Identifier(self.name),
            inside=self.inside(request),
            final=SQL(_FINAL.get(self.name, _OF_FINAL_WINDOW)).format(
                schema=Identifier(schema), table=Identifier(self.name)
            ),
        )

    def inside(self, request: Request) -> Composed:
        """Condition: of the span and the devices of a request."""
        at, until = Identifier(self.at), Literal(request.end)
        inside = SQL("{at} >= {begin} AND {at} < {until}").format(
            at=at, begin=Literal(request.begin), until=until
        )
        if self.length_s is not None:
            inside += SQL(" AND public.replay_end(device, {length}, {at}) <= {until}").format(
                length=Identifier(self.length_s), at=at, until=until
            )
        if request.devices:
            inside += SQL(" AND device = ANY ({})").format(Literal(list(request.devices)))
        return inside


async def outputs(connection: Connection) -> Sequence[Output]:
    """Tables of a replay."""
    with unavailable():
        cursor = await connection.execute(_OUTPUTS)
        return [Output(*row) for row in await cursor.fetchall()]


async def hashes(connection: Connection, schema: str, request: Request) -> Mapping[str, str]:
    """SHA-256 over the final rows of each table, in the order of their keys.

    All columns count but those that say when or how often a row was written.
    """
    return {
        output.name: await _hash(connection, output, schema, request)
        for output in await outputs(connection)
    }


async def _hash(connection: Connection, output: Output, schema: str, request: Request) -> str:
    ordered = SQL("COPY ({} ORDER BY {}) TO STDOUT").format(
        output.rows(schema, request), SQL(", ").join(map(Identifier, output.keys))
    )
    sha = hashlib.sha256()
    with unavailable():
        async with connection.cursor() as cursor, cursor.copy(ordered) as copy:
            async for part in copy:
                sha.update(part)
    return sha.hexdigest()
