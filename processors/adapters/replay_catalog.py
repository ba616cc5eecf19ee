"""Which replays there are, and their schemas: made, listed, removed by functions of the owner."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final, Literal, LiteralString

from psycopg import AsyncConnection, errors
from psycopg.rows import class_row
from psycopg.sql import SQL, Identifier
from pydantic import ValidationError

from processors.adapters.postgres import connected, unavailable
from processors.replay import FORMAT, Request
from processors.settings import ProcessorSettings
from schemas.base import Frozen
from schemas.errors import BadConfig, Unavailable

Connection = AsyncConnection[Any]

_ADD: Final = """
INSERT INTO public.replay (name, format, request, cluster_id)
VALUES (%(name)s, %(format)s, %(request)s, %(cluster_id)s)"""
RUNNING: Final = """EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory'
    AND classid IN (hashtext('cityhum replay')::bigint::bit(32)::bigint::oid,
        hashtext('cityhum replay crew')::bigint::bit(32)::bigint::oid)
    AND objid = hashtext(name)::bigint::bit(32)::bigint::oid)"""
"""Whether the replay of a row runs: a session holds its lock."""

_COLUMNS: Final = f"""
SELECT name, format, request, cluster_id, readings, unreadable, created_at, finished_at,
    promoted_at, state, {RUNNING} AS running
FROM public.replay"""  # noqa: S608
_SO_FAR: Final = "UPDATE public.replay SET readings = %s WHERE name = %s"
_FINISH: Final = """
UPDATE public.replay SET state = 'complete', readings = %s, unreadable = %s,
    finished_at = clock_timestamp() WHERE name = %s"""
_LOCK: Final = "SELECT pg_try_advisory_lock(hashtext('cityhum replay'), hashtext(%s))"
_UNLOCK: Final = "SELECT pg_advisory_unlock(hashtext('cityhum replay'), hashtext(%s))"
_JOIN: Final = "SELECT pg_try_advisory_lock_shared(hashtext('cityhum replay crew'), hashtext(%s))"
_CREW_GONE: Final = "SELECT pg_advisory_xact_lock(hashtext('cityhum replay crew'), hashtext(%s))"
_SOON: Final = "SET LOCAL lock_timeout = '3s'"
"""A session ends a moment after its process."""


class Entry(Frozen):
    """A replay as the database knows it."""

    name: str
    format: int
    request: dict[str, Any]
    cluster_id: str
    state: Literal["incomplete", "complete", "promoted"]
    running: bool
    readings: int
    unreadable: int
    created_at: datetime
    finished_at: datetime | None
    promoted_at: datetime | None

    @property
    def asked(self) -> Request:
        """What was asked for; BadConfig if a newer version wrote it."""
        newer = f"replay {self.name} was written by a newer version of cityhum"
        if self.format > FORMAT:
            raise BadConfig(newer)
        try:
            return Request.model_validate(self.request)
        except ValidationError:
            raise BadConfig(newer) from None


def schema_of(name: str) -> str:
    """Schema of a replay's tables."""
    return f"replay_{name}"


@asynccontextmanager
async def opened(settings: ProcessorSettings, name: str) -> AsyncIterator[Connection]:
    """Connect so that the tables of a replay stand for the live ones of the same names."""
    with unavailable():
        connection = await connected(settings)
    async with connection:
        with unavailable():
            # without `public`: no row of a replay can get into a live table by mistake
            path = SQL("SET search_path = {}").format(Identifier(schema_of(name)))
            await connection.execute(path)
        yield connection


async def claim(connection: Connection, name: str) -> None:
    """Say that this session works on a replay, as long as it lasts; BadConfig if another does.

    Those of a crew do so too: they may outlive, for a moment, the process that started them.
    """
    running = BadConfig(f"replay {name} is running")
    with unavailable():
        if not await _locked(connection, _LOCK, name):
            raise running
        try:
            async with connection.transaction():
                await connection.execute(_SOON)
                await connection.execute(_CREW_GONE, (name,))
        except errors.LockNotAvailable:
            await connection.execute(_UNLOCK, (name,))
            raise running from None


async def join(connection: Connection, name: str) -> None:
    """Say that this session writes what another one has claimed, which may end before it."""
    with unavailable():
        if not await _locked(connection, _JOIN, name):
            raise Unavailable(f"replay {name} is given up")


async def create(connection: Connection, request: Request, cluster_id: str) -> None:
    """Make an empty shadow; BadConfig if there is one of that name."""
    entry = {
        "name": request.name,
        "format": FORMAT,
        "request": request.model_dump_json(),
        "cluster_id": cluster_id,
    }
    try:
        with unavailable():
            async with connection.transaction():
                await connection.execute(_ADD, entry)
                await connection.execute("SELECT public.replay_create(%s)", (request.name,))
    except (errors.UniqueViolation, errors.DuplicateSchema):
        raise BadConfig(
            f"replay {request.name} exists already: choose another name, or"
            f" cityhum replay drop {request.name}"
        ) from None


async def so_far(connection: Connection, name: str, readings: int) -> None:
    """Say how many readings have been heard by now."""
    with unavailable():
        await connection.execute(_SO_FAR, (readings, name))


async def finish(connection: Connection, name: str, readings: int, unreadable: int) -> None:
    """Say that all of a shadow is there."""
    with unavailable():
        await connection.execute(_FINISH, (readings, unreadable, name))


async def _locked(connection: Connection, query: LiteralString, name: str) -> bool:
    row = await (await connection.execute(query, (name,))).fetchone()
    return row is not None and bool(row[0])


async def drop(connection: Connection, name: str) -> None:
    """Remove a replay; BadConfig if there is none, or it is running."""
    await entry_of(connection, name)
    await claim(connection, name)
    with unavailable():
        await connection.execute("SELECT public.replay_drop(%s)", (name,))


async def entries(connection: Connection) -> Sequence[Entry]:
    """All replays, by name."""
    with unavailable():
        async with connection.cursor(row_factory=class_row(Entry)) as cursor:
            return await (await cursor.execute(f"{_COLUMNS} ORDER BY name")).fetchall()


async def entry_of(connection: Connection, name: str) -> Entry:
    """One replay; BadConfig if there is none of that name."""
    with unavailable():
        async with connection.cursor(row_factory=class_row(Entry)) as cursor:
            found = await (await cursor.execute(f"{_COLUMNS} WHERE name = %s", (name,))).fetchone()
    if found is None:
        raise BadConfig(f"no replay is called {name[:40]!r}: cityhum replay list")
    return found
