"""From 48 kHz to the 16 kHz of the mel frames: one fixed filter, its memory handed on."""

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

FACTOR: Final = 3
RATE_HZ: Final = 48_000
_TAPS: Final = 193  # flat to 7.3 kHz, 80 dB down where it would fold below that
_CUT_HZ: Final = 7_900
HISTORY: Final = _TAPS - 1
"""How many samples of the block before the filter remembers (2 ms late in the middle)."""
_PADDED: Final = 3 * 2**14
"""Length of the transform: a second and the history, and quick to transform."""


@lru_cache(maxsize=1)
def _response() -> NDArray[np.complex128]:
    """Of a sinc under a Kaiser window, as long as the transform."""
    away = np.arange(_TAPS) - HISTORY / 2
    taps = np.sinc(2 * _CUT_HZ / RATE_HZ * away) * np.kaiser(_TAPS, 8.0)
    return np.fft.rfft(taps / taps.sum(), _PADDED)


def decimated(
    history: NDArray[np.float64], samples: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Every third sample of the low-passed sound.

    Parameters
    ----------
    history : ndarray of float64, shape (HISTORY,)
        The samples before these; zeros at the start.
    samples : ndarray of float64, shape (48000,)
        One second at 48 kHz.

    Returns
    -------
    history : ndarray of float64, shape (HISTORY,)
        For the next call.
    samples : ndarray of float64, shape (16000,)
        The same second at 16 kHz, 2 ms late.

    Examples
    --------
    >>> _, sound = decimated(np.zeros(HISTORY), np.ones(48_000))
    >>> len(sound), round(float(sound[-1]), 6)
    (16000, 1.0)
    """
    heard = np.concatenate([history, samples])
    filtered = np.fft.irfft(np.fft.rfft(heard, _PADDED) * _response())
    return heard[-HISTORY:], filtered[HISTORY : len(heard) : FACTOR]
