"""Keep a session's time beside the system clock although the sound card's crystal drifts.

A block says when its last sample was heard at the latest: now. How far the sample clock is behind
that, its lag, is a delay on the way plus drift. Delays come and go, so the smallest lag of the last
half minute is drift; it is worked off by at most 500 ppm, which no batch or window will notice.
"""

from dataclasses import dataclass
from typing import Final

MAX_SLEW: Final = 500e-6
MAX_DRIFT_S: Final = 1.0
"""Beyond this it was a step, or samples were lost unseen: a new session begins."""
_MEMORY: Final = 30


@dataclass(frozen=True, slots=True)
class Slew:
    """The smallest lag of each of the last seconds, s."""

    lags_s: tuple[float, ...] = ()

    @property
    def drift_s(self) -> float:
        """How far the sample clock is behind the system clock, as far as that is certain.

        A sample clock ahead is certain at once: nothing is heard before it sounds.
        """
        return min(self.lags_s) if len(self.lags_s) == _MEMORY else min((0.0, *self.lags_s))

    @property
    def has_stepped(self) -> bool:
        """Whether this is more than drift."""
        return abs(self.drift_s) > MAX_DRIFT_S


def step(slew: Slew, lag_s: float) -> tuple[Slew, float]:
    """Take the smallest lag of one more second.

    Parameters
    ----------
    slew : Slew
        What is known so far.
    lag_s : float
        System time less sample time, s.

    Returns
    -------
    slew : Slew
        For the next second.
    correction_s : float
        To be added to the sample clock now, at most 0.0005 either way.

    Examples
    --------
    >>> step(Slew(), -0.2)[1]
    -0.0005
    """
    seen = Slew((*slew.lags_s, lag_s)[-_MEMORY:])
    correction_s = max(-MAX_SLEW, min(MAX_SLEW, seen.drift_s))
    return Slew(tuple(lag - correction_s for lag in seen.lags_s)), correction_s
