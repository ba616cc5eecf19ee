"""What a rendered street calls a level: full scale, A-weighting, energy of a second.

The simulator's microphone reads 94 dB at -26 dBFS, 0 dBFS being the RMS of a full-scale sine:
a full-scale sine is 120 dB re 20 µPa.
"""

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from acoustics.weighting import a_weighting_db

RATE_HZ: Final = 16_000
DB_AT_FULL_SCALE: Final = 94.0 + 26.0

Samples = NDArray[np.float32]


def rms_of(level_db: float) -> float:
    """RMS of samples that sound at a level.

    Parameters
    ----------
    level_db : float
        Sound pressure level, dB re 20 µPa.

    Returns
    -------
    float
        RMS, full scale 1.0.

    Examples
    --------
    >>> round(rms_of(120.0), 4)
    0.7071
    """
    return float(10 ** ((level_db - DB_AT_FULL_SCALE) / 20) / np.sqrt(2))


def level_of(power: float) -> float:
    """Level of a mean square; the inverse of `rms_of`.

    Parameters
    ----------
    power : float
        Mean square of the samples, > 0.

    Returns
    -------
    float
        Sound pressure level, dB re 20 µPa.

    Examples
    --------
    >>> round(level_of(rms_of(65.0) ** 2), 6)
    65.0
    """
    return float(DB_AT_FULL_SCALE + 10 * np.log10(2 * power))


def a_weight(frequency_hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """A-weighting as a ratio of powers.

    Parameters
    ----------
    frequency_hz : ndarray
        Frequencies, Hz, > 0.

    Returns
    -------
    ndarray of float64
        The same shape; 1 at 1 kHz.

    Examples
    --------
    >>> a_weight(np.array([1000.0])).round(6).tolist()
    [1.0]
    """
    return np.asarray(10 ** (a_weighting_db(frequency_hz) / 10))


@lru_cache(maxsize=64)
def _bin_weights(samples: int) -> NDArray[np.float32]:
    """What turns the squared bins of `rfft`, DC left out, into an A-weighted mean square."""
    f = np.arange(1, samples // 2 + 1, dtype=np.float64) * (RATE_HZ / samples)
    weights = 2 * a_weight(f) / samples**2
    weights[-1] /= 2 - samples % 2  # the Nyquist bin of an even length counts once
    return weights.astype(np.float32)


def a_power(samples: Samples) -> float:
    """A-weighted mean square of a piece of sound, taken as one period.

    Parameters
    ----------
    samples : ndarray of float32, shape (n,), n >= 2
        Sound at 16 kHz.

    Returns
    -------
    float
        Mean square after A-weighting.

    Examples
    --------
    >>> tone = np.sin(2 * np.pi * 1000 / RATE_HZ * np.arange(RATE_HZ), dtype=np.float32)
    >>> round(a_power(tone), 3)
    0.5
    """
    bins = np.fft.rfft(samples)[1:]
    return float(np.dot(bins.real**2 + bins.imag**2, _bin_weights(len(samples))))
