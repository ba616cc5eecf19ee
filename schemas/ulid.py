"""Ids of sessions: ULIDs, which begin with their time and so sort by it."""

from datetime import datetime
from typing import Final

from schemas.errors import BadConfig

DIGITS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32."""
RANDOM_BYTES: Final = 10
_LENGTH: Final = 26
_OF_TIME: Final = 10


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
    >>> from datetime import UTC
    >>> ulid(datetime(2026, 5, 4, tzinfo=UTC), bytes(10))
    '01KQR4HQ000000000000000000'
    """
    if len(entropy) != RANDOM_BYTES:
        raise BadConfig(f"a session id takes {RANDOM_BYTES} random bytes, not {len(entropy)}")
    number = int(now.timestamp() * 1000) << 80 | int.from_bytes(entropy, "big")
    return "".join(DIGITS[number >> 5 * n & 31] for n in reversed(range(_LENGTH)))


def began_s(session: str) -> float:
    """When a session began, as its id says, s since 1970.

    >>> from datetime import UTC
    >>> began_s("01KQR4HQ000000000000000000") == datetime(2026, 5, 4, tzinfo=UTC).timestamp()
    True
    """
    digits = [DIGITS.index(each) for each in session[:_OF_TIME]]
    return sum(digit << 5 * (_OF_TIME - 1 - n) for n, digit in enumerate(digits)) / 1000
