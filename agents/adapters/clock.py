"""Time and chance, as the rest of the agent gets them."""

import asyncio
import math
import os
import time
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from agents import slew
from agents.slew import Slew
from schemas.errors import BadConfig

CLOCK_STEP_S: Final = 1.0
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ULID_LENGTH = 26
_RANDOM_BYTES = 10


class Clock(Protocol):
    """Time as the agent needs it."""

    def utc_now(self) -> datetime:
        """Wall-clock time."""

    def monotonic_s(self) -> float:
        """Seconds on a clock that is never set."""

    async def sleep(self, seconds: float) -> None:
        """Return after so many seconds."""

    async def wait(self, event: asyncio.Event, timeout_s: float) -> None:
        """Return once the event is set, or after `timeout_s`, s."""


class SystemClock:
    """The computer's clocks."""

    def utc_now(self) -> datetime:
        """Wall-clock time."""
        return datetime.now(tz=UTC)

    def monotonic_s(self) -> float:
        """Seconds on a clock that is never set."""
        return time.monotonic()

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


class SessionClock:
    """The sample clock of one session beside the system's clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offset_s = self._now_offset_s()
        self._slew = Slew()
        self._least_lag_s = math.inf
        self._second_s = clock.monotonic_s()

    @property
    def has_stepped(self) -> bool:
        """Whether somebody has set the clock, or sound was lost unseen."""
        set_by_s = self._now_offset_s() - self._offset_s
        return abs(set_by_s) > CLOCK_STEP_S or self._slew.has_stepped

    def began(self, length_s: float) -> datetime:
        """When a block that is here now began."""
        return self._clock.utc_now() - timedelta(seconds=length_s)

    def correction(self, heard_until: datetime) -> timedelta:
        """What to add to the sample clock, decided once a second."""
        lag_s = (self._clock.utc_now() - heard_until).total_seconds()
        self._least_lag_s = min(self._least_lag_s, lag_s)
        if self._clock.monotonic_s() - self._second_s < 1:
            return timedelta()
        self._slew, correction_s = slew.step(self._slew, self._least_lag_s)
        self._second_s, self._least_lag_s = self._clock.monotonic_s(), math.inf
        return timedelta(seconds=correction_s)

    def _now_offset_s(self) -> float:
        return self._clock.utc_now().timestamp() - self._clock.monotonic_s()


def new_session(now: datetime) -> str:
    """ULID for a new session: its time in ms, then 80 random bits; sorts by time."""
    return ulid(now, os.urandom(_RANDOM_BYTES))


def ulid(now: datetime, entropy: bytes) -> str:
    """26 characters of Crockford's base 32.

    Parameters
    ----------
    now : datetime
        Aware; the first ten characters.
    entropy : bytes
        Ten bytes; the last sixteen characters.

    Examples
    --------
    >>> ulid(datetime(2026, 5, 4, tzinfo=UTC), bytes(10))
    '01KQR4HQ000000000000000000'
    """
    if len(entropy) != _RANDOM_BYTES:
        raise BadConfig(f"a session id takes {_RANDOM_BYTES} random bytes, not {len(entropy)}")
    number = int(now.timestamp() * 1000) << 80 | int.from_bytes(entropy, "big")
    return "".join(_CROCKFORD[number >> 5 * n & 31] for n in reversed(range(_ULID_LENGTH)))
