"""The peak of a sound between its samples: at 6 samples a cycle they miss up to 1.2 dB of it."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

OVERLAP: Final = 32
"""How many samples of the block before a block must begin with."""
_HALF: Final = OVERLAP // 2
_CANDIDATES: Final = 8
_OFFSETS: Final = np.arange(-7, 8) / 8


def _interpolators() -> NDArray[np.float64]:
    taps = np.arange(-_HALF, _HALF) - _OFFSETS[:, None]
    window = np.cos(np.pi * np.clip(taps / OVERLAP, -0.5, 0.5)) ** 2
    return np.asarray(np.sinc(taps) * window)


_SINC: Final = _interpolators()


def true_peak(samples: NDArray[np.float64]) -> float:
    """Largest absolute pressure, interpolated around the largest samples.

    Parameters
    ----------
    samples : ndarray of float64, shape (OVERLAP + n,), n >= 1
        The last samples of the block before, then the block. Each peak is searched 16 samples
        late, where both of its sides are known.

    Returns
    -------
    float
        Peak, in the unit of the samples, >= 0.

    Examples
    --------
    >>> tone = np.sin(2 * np.pi * np.arange(320) / 6)
    >>> round(float(np.abs(tone).max()), 2), round(true_peak(tone), 2)
    (0.87, 1.0)
    """
    size = np.abs(samples)
    inner = size[_HALF:-_HALF]
    count = min(_CANDIDATES, len(inner))
    largest = np.argpartition(inner, -count)[-count:]
    around = samples[largest[:, None] + np.arange(OVERLAP)]
    return float(max(size[OVERLAP:].max(), np.abs(around @ _SINC.T).max(initial=0.0)))
