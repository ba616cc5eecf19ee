"""Hears the outbox fill: one connection for all who follow alerts."""

import asyncio
import logging
from typing import Final

import psycopg
from psycopg import AsyncConnection

from records.adapters.postgres import conninfo
from records.address import Address

log = logging.getLogger(__name__)

CHANNEL: Final = "cityhum_outbox"
_AGAIN_S: Final = 1.0
_LOOK_EVERY_S: Final = 5.0
_NOT_OFTENER_S: Final = 0.1


class DatabaseBell:
    """`api.ports.Bell` on the database's notifications; rings now and then without one, too."""

    def __init__(self, address: Address) -> None:
        self._conninfo = conninfo(address)
        self._ring = asyncio.Event()

    def next_ring(self) -> asyncio.Event:
        """See `api.ports.Bell`."""
        return self._ring

    async def listen(self) -> None:
        """Ring for ever; a database that is away is waited for."""
        while True:
            try:
                async with await AsyncConnection.connect(
                    self._conninfo, autocommit=True
                ) as connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    await self._ring_for(connection)
            except psycopg.Error as error:
                why = (str(error).strip().splitlines() or [type(error).__name__])[0]
                log.warning("bell_waiting", extra={"why": why})
            await asyncio.sleep(_AGAIN_S)

    async def _ring_for(self, connection: AsyncConnection[object]) -> None:
        while True:
            self._ring.set()
            self._ring = asyncio.Event()
            await asyncio.sleep(_NOT_OFTENER_S)  # windows ring too, many at a time
            async for _ in connection.notifies(timeout=_LOOK_EVERY_S, stop_after=1):
                pass
