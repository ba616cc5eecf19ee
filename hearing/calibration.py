"""Do probabilities keep their word? Reliability diagram and expected calibration error."""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from schemas.base import Frozen

BINS: Final = 15


class Reliability(Frozen):
    """Probabilities in bins of equal width, and how often they came true.

    Attributes
    ----------
    count : tuple of int
        Of each bin, from 0 to 1.
    confidence : tuple of float
        Mean probability of each bin; the bin's middle where it is empty.
    share : tuple of float
        Share that came true; 0 where the bin is empty.
    ece : float
        Expected calibration error: mean over all probabilities of |confidence - share| of their
        bin, 0 to 1.
    """

    count: tuple[int, ...]
    confidence: tuple[float, ...]
    share: tuple[float, ...]
    ece: float


def reliability(probabilities: ArrayLike, true: ArrayLike, bins: int = BINS) -> Reliability:
    """Compare probabilities with what was true.

    Parameters
    ----------
    probabilities : array_like, shape (n,), n >= 1
        0 to 1.
    true : array_like of bool, shape (n,)
        Whether it was so.
    bins : int
        How many, of equal width.

    Returns
    -------
    Reliability

    Examples
    --------
    >>> round(reliability([0.9, 0.9, 0.9, 0.9], [True, True, True, False]).ece, 3)
    0.15
    """
    given, came = np.asarray(probabilities, np.float64), np.asarray(true, bool)
    place = np.minimum((given * bins).astype(np.int64), bins - 1)
    count = np.bincount(place, minlength=bins)
    filled = np.maximum(count, 1)
    middle = (np.arange(bins) + 0.5) / bins
    confidence = np.where(count, np.bincount(place, given, bins) / filled, middle)
    share = np.bincount(place, came, bins) / filled
    error = (count * np.abs(confidence - share)).sum() / max(1, len(given))
    return Reliability(
        count=tuple(count.tolist()),
        confidence=tuple(np.round(confidence, 4).tolist()),
        share=tuple(np.round(share, 4).tolist()),
        ece=round(float(error), 4),
    )
