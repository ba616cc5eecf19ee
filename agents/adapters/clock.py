"""Time and chance, as the rest of the agent gets them."""

import asyncio
import os
import time
from datetime import UTC, datetime

from schemas.errors import BadConfig

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ULID_LENGTH = 26
_RANDOM_BYTES = 10


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
    '01KQRKWN000000000000000000'
    """
    if len(entropy) != _RANDOM_BYTES:
        raise BadConfig(f"a session id takes {_RANDOM_BYTES} random bytes, not {len(entropy)}")
    number = int(now.timestamp() * 1000) << 80 | int.from_bytes(entropy, "big")
    return "".join(_CROCKFORD[number >> 5 * n & 31] for n in reversed(range(_ULID_LENGTH)))
