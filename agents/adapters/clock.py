"""Time and chance, as the rest of the agent gets them."""

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final, Protocol

from schemas.adapters.host_clock import has_met_a_time_server
from schemas.ulid import RANDOM_BYTES, ulid


class Clock(Protocol):
    """Time as the agent needs it."""

    def utc_now(self) -> datetime:
        """Wall-clock time."""

    def monotonic_s(self) -> float:
        """Seconds on a clock that is never set."""

    def is_synced(self) -> bool:
        """Whether wall-clock time is known to be true."""

    async def sleep(self, seconds: float) -> None:
        """Return after so many seconds."""

    async def wait(self, event: asyncio.Event, timeout_s: float) -> None:
        """Return once the event is set, or after `timeout_s`, s."""


TRUST: Final[Mapping[str, Callable[[], bool]]] = {
    "auto": has_met_a_time_server,
    "trusted": lambda: True,
}
"""By the setting `clock`: whether wall-clock time is known to be true."""


class SystemClock:
    """The computer's clocks."""

    def __init__(self, is_synced: Callable[[], bool] = has_met_a_time_server) -> None:
        self._is_synced = is_synced

    def utc_now(self) -> datetime:
        """Wall-clock time."""
        return datetime.now(tz=UTC)

    def monotonic_s(self) -> float:
        """Seconds on a clock that is never set."""
        return time.monotonic()

    def is_synced(self) -> bool:
        """Whether wall-clock time is known to be true."""
        return self._is_synced()

    async def sleep(self, seconds: float) -> None:
        """Return after so many seconds."""
        await asyncio.sleep(seconds)

    async def wait(self, event: asyncio.Event, timeout_s: float) -> None:
        """Return once the event is set, or after `timeout_s`, s."""
        try:
            async with asyncio.timeout(max(timeout_s, 0)):
                await event.wait()
        except TimeoutError:
            return


def new_session(now: datetime) -> str:
    """ULID for a new session: its time in ms, then 80 random bits; sorts by time."""
    return ulid(now, os.urandom(RANDOM_BYTES))
