"""How long to wait before a target is told again. Pure: the jitter is given."""

from typing import Final, NamedTuple

from schemas.errors import Unavailable

FIRST_WAIT_S: Final = 1.0
LONGEST_WAIT_S: Final = 3600.0


class NotNow(Unavailable):
    """The target was asked and names a time to wait (HTTP's `Retry-After`)."""

    def __init__(self, why: str, after_s: float) -> None:
        super().__init__(why)
        self.after_s = after_s


class Patience(NamedTuple):
    """How often a target is tried: 1 s after the first try, twice as long after each, up to 1 h.

    >>> [round(Patience(tries=4).wait_s(attempt, 1.0)) for attempt in (1, 2, 3)]
    [1, 2, 4]
    >>> Patience(tries=4).wait_s(4, 1.0) is None
    True
    """

    tries: int
    first_s: float = FIRST_WAIT_S
    longest_s: float = LONGEST_WAIT_S

    def wait_s(self, attempt: int, jitter: float, asked_s: float = 0.0) -> float | None:
        """Seconds until the next try; None: this was the last.

        Parameters
        ----------
        attempt : int
            Which try has failed, from 1.
        jitter : float
            0 to 1: where between half and all of the wait, so that targets that went away
            together are not asked together.
        asked_s : float
            What the target has asked for.
        """
        if attempt >= self.tries:
            return None
        doubled = min(self.first_s * 2.0 ** (attempt - 1), self.longest_s)
        return max(doubled * (0.5 + 0.5 * jitter), min(asked_s, self.longest_s))
