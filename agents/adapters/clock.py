"""Time and chance, as the rest of the agent gets them."""

import asyncio
import ctypes
import os
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol

from schemas.ulid import RANDOM_BYTES, ulid

_SYNCED_MARK: Final = Path("/run/systemd/timesync/synchronized")
_TIMEX_BYTES: Final = 512  # more than any kernel's struct timex; zeros ask and change nothing
_TIME_ERROR: Final = 5


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


def has_met_a_time_server() -> bool:
    """Whether this computer's clock was set by a time server since it was switched on.

    Where the kernel does not say, as in a container, the clock is the host's and taken as set.
    """
    if _SYNCED_MARK.exists():  # systemd-timesyncd, from the first time on
        return True
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except AttributeError:  # no Linux: nobody to ask
        return True
    return bool(state != _TIME_ERROR)


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
