"""How often a key may ask: a bucket of tokens that fills steadily. Pure."""

from typing import Final, NamedTuple

BURST_S: Final = 10.0
"""A full bucket lasts so long at the key's rate; at least one token."""


class Bucket(NamedTuple):
    """Tokens at a time, s of any steady clock."""

    tokens: float
    at_s: float


def full(per_minute: int, now_s: float) -> Bucket:
    """Bucket of a key that has not asked yet."""
    return Bucket(_capacity(per_minute), now_s)


def taken(bucket: Bucket, per_minute: int, now_s: float) -> tuple[Bucket, float]:
    """Take a token.

    Parameters
    ----------
    bucket : Bucket
        As it was left.
    per_minute : int
        Tokens that come in a minute.
    now_s : float
        Not before the bucket's time.

    Returns
    -------
    Bucket, float
        As it is now, and how long to wait, s; 0: a token was taken.

    Examples
    --------
    >>> bucket, wait_s = taken(Bucket(1.0, 0.0), 60, 0.0)
    >>> wait_s, taken(bucket, 60, 0.25)[1], taken(bucket, 60, 1.0)[1]
    (0.0, 0.75, 0.0)
    """
    per_s = per_minute / 60
    tokens = min(_capacity(per_minute), bucket.tokens + per_s * (now_s - bucket.at_s))
    if tokens < 1:
        return Bucket(tokens, now_s), (1 - tokens) / per_s
    return Bucket(tokens - 1, now_s), 0.0


def _capacity(per_minute: int) -> float:
    return max(1.0, per_minute * BURST_S / 60)
