"""The notifications in PostgreSQL: what a target is still to be told, and what became of it."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from psycopg import AsyncConnection

from processors.adapters.postgres import connected, unavailable
from processors.settings import ProcessorSettings
from schemas.codec import decode
from schemas.results import Alert

CHANNEL: Final = "cityhum_notify"
_LOOK_EVERY_S: Final = 5.0
_SERVING: Final = "SELECT pg_advisory_lock(hashtext('cityhum notify'), hashtext(%s))"
_KNOW: Final = """
INSERT INTO notify_target (target) SELECT unnest(%s::text[]) ON CONFLICT DO NOTHING"""
_SINCE: Final = "SELECT target, since FROM notify_target WHERE target = ANY(%s)"
# the revisions of an alert in their order; other alerts do not wait for one that fails
_DUE: Final = """
SELECT id, payload::text, attempts FROM notification AS this
WHERE target = %(target)s AND state = 'waiting' AND next_try_at <= clock_timestamp()
    AND NOT EXISTS (
        SELECT FROM notification AS earlier
        WHERE earlier.target = this.target AND earlier.alert_id = this.alert_id
            AND earlier.revision < this.revision AND earlier.state = 'waiting')
ORDER BY id LIMIT %(limit)s"""
_NEXT: Final = """
SELECT extract(epoch FROM min(next_try_at) - clock_timestamp())::float FROM notification
WHERE target = %s AND state = 'waiting' AND next_try_at > clock_timestamp()"""
_SETTLED: Final = """
UPDATE notification SET state = %(state)s, attempts = attempts + 1, last_error = %(why)s,
    settled_at = clock_timestamp()
WHERE target = %(target)s AND id = %(id)s"""
_LATER: Final = """
UPDATE notification SET attempts = attempts + 1, last_error = %(why)s,
    next_try_at = clock_timestamp() + %(wait)s
WHERE target = %(target)s AND id = %(id)s"""
_FORGET: Final = """
DELETE FROM notification WHERE state <> 'waiting' AND settled_at < clock_timestamp() - %s"""


class Waiting(NamedTuple):
    """An event that a target is to be told; `attempts` were in vain."""

    id: int
    alert: Alert
    attempts: int


class Notifications:
    """Those of one target, for which no other process works."""

    def __init__(self, connection: AsyncConnection[Any], target: str) -> None:
        self._connection = connection
        self._target = target

    async def due(self, limit: int) -> Sequence[Waiting]:
        """The oldest that may be told now, at most one of an alert."""
        with unavailable():
            cursor = await self._connection.execute(_DUE, {"target": self._target, "limit": limit})
            return [
                Waiting(number, decode(Alert, payload.encode()), attempts)
                async for number, payload, attempts in cursor
            ]

    async def delivered(self, waiting: Waiting) -> None:
        """Mark as told."""
        await self._settle(waiting, "delivered", None)

    async def given_up(self, waiting: Waiting, why: str) -> None:
        """Put on the list of the dead."""
        await self._settle(waiting, "dead", why)

    async def failed(self, waiting: Waiting, why: str, wait_s: float) -> None:
        """Try again later."""
        wait = timedelta(seconds=wait_s)
        named = {"target": self._target, "id": waiting.id, "why": why, "wait": wait}
        with unavailable():
            await self._connection.execute(_LATER, named)

    async def more(self) -> None:
        """Wait until there may be something due."""
        with unavailable():
            cursor = await self._connection.execute(_NEXT, (self._target,))
            row = await cursor.fetchone()
            wait_s = min(_LOOK_EVERY_S, row[0]) if row and row[0] is not None else _LOOK_EVERY_S
            async for _ in self._connection.notifies(timeout=max(wait_s, 0.0), stop_after=1):
                pass

    async def _settle(self, waiting: Waiting, state: str, why: str | None) -> None:
        named = {"target": self._target, "id": waiting.id, "state": state, "why": why}
        with unavailable():
            await self._connection.execute(_SETTLED, named)


@asynccontextmanager
async def opened(settings: ProcessorSettings, target: str) -> AsyncIterator[Notifications]:
    """Connect, and wait until no other process works for this target.

    Raises
    ------
    Unavailable
        If the database does not answer.
    """
    with unavailable():
        async with await connected(settings) as connection:
            await connection.execute(_SERVING, (target,))
            await connection.execute(f"LISTEN {CHANNEL}")
            yield Notifications(connection, target)


async def known_since(
    settings: ProcessorSettings, targets: Iterable[str]
) -> Mapping[str, datetime]:
    """Since when each target is known; those that are new, since now.

    Raises
    ------
    Unavailable
        If the database does not answer.
    """
    names = list(targets)
    with unavailable():
        async with await connected(settings) as connection:
            await connection.execute(_KNOW, (names,))
            return {name: since async for name, since in await connection.execute(_SINCE, (names,))}


async def forget(settings: ProcessorSettings, older_than: timedelta) -> None:
    """Delete what was settled long ago; Unavailable if the database does not answer."""
    with unavailable():
        async with await connected(settings) as connection:
            await connection.execute(_FORGET, (older_than,))
