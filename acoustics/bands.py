"""Third-octave levels of one second, with the analogue Butterworth response of each band.

Overlap-save: the spectrum of two seconds is cut into bands, each band goes back to time at
its own low rate, and the first second, which holds the filters' memory, is thrown away. The
filters are therefore causal and free of bilinear warping at any sample rate.
"""

from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

LOWEST: Final = -16
"""Of the band index k: 1000·10^(k/10) Hz, so 25 Hz."""
HIGHEST: Final = 14
_ORDER: Final = 4
_STEEPNESS: Final = 1 / (10**0.05 - 10**-0.05)  # -3 dB at the edges, centre · 10^(±1/20)
_KEPT: Final = 10**0.22  # the response reaches from centre / this to centre · this: -50 dB


class _Band(NamedTuple):
    bins: slice
    response: NDArray[np.complex64]
    points: int


def centres_hz(rate_hz: int) -> tuple[float, ...]:
    """Exact centres of the bands whose upper edge lies below half the sample rate.

    Parameters
    ----------
    rate_hz : int
        Sample rate, Hz.

    Returns
    -------
    tuple of float
        1000·10^(k/10) Hz, ascending from 25 Hz.

    Examples
    --------
    >>> [round(f) for f in centres_hz(16_000)][::6], len(centres_hz(16_000))
    ([25, 100, 398, 1585, 6310], 25)
    >>> len(centres_hz(48_000))
    30
    """
    every = (1000 * 10 ** (k / 10) for k in range(LOWEST, HIGHEST + 1))
    return tuple(f for f in every if f * 10**0.05 < rate_hz / 2)


def _band(centre_hz: float, rate_hz: int) -> _Band:
    low = int(2 * centre_hz / _KEPT)  # bins are 0.5 Hz apart
    high = min(int(2 * centre_hz * _KEPT) + 1, rate_hz)
    ratio = np.arange(low, high) / (2 * centre_hz)
    detuning = 1j * _STEEPNESS * (ratio - 1 / ratio)
    poles = np.exp(1j * np.pi * (2 * np.arange(_ORDER) + _ORDER + 1) / (2 * _ORDER))
    response = 1 / np.prod(detuning[:, None] - poles, axis=1)
    points = 2 * _fast_length((high - low + 1) // 2)
    return _Band(slice(low, high), response.astype(np.complex64), points)


def _fast_length(least: int) -> int:
    """The next number without a prime factor above 5."""
    n = least
    while pow(30, 64, n):  # 30^64 holds every such number below 2^64
        n += 1
    return n


@lru_cache(maxsize=8)
def _bank(rate_hz: int) -> tuple[_Band, ...]:
    return tuple(_band(centre, rate_hz) for centre in centres_hz(rate_hz))


def third_octave_powers(spectrum: NDArray[np.complex128], rate_hz: int) -> NDArray[np.float64]:
    """Mean square in each third octave of the latter of two seconds.

    Parameters
    ----------
    spectrum : ndarray of complex128, shape (rate_hz + 1,)
        `rfft` of the second before, which the filters remember, and the one that is measured.
    rate_hz : int
        Sample rate, Hz.

    Returns
    -------
    ndarray of float64, shape (len(centres_hz(rate_hz)),)
        Mean squares, in the squared unit of the samples.

    Examples
    --------
    >>> tone = np.sin(2 * np.pi * 1000 * np.arange(32_000) / 16_000)
    >>> third_octave_powers(np.fft.rfft(tone), 16_000)[16].round(3)
    np.float64(0.5)
    """
    fine = spectrum.astype(np.complex64)  # half the time, and still 130 dB of range
    powers = np.empty(len(_bank(rate_hz)))
    for n, (bins, response, points) in enumerate(_bank(rate_hz)):
        envelope = np.fft.ifft(fine[bins] * response, points)[points // 2 :]
        powers[n] = np.vdot(envelope, envelope).real * 4 * points
    # an analytic signal has twice the amplitude of its half of the spectrum, and half the
    # mean square belongs to the real part; `points` undoes the scaling of the short ifft
    return powers / (2 * rate_hz) ** 2
