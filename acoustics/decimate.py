"""From 48 kHz to the 16 kHz of the mel frames: one fixed polyphase filter."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import signal

FACTOR: Final = 3
RATE_HZ: Final = 48_000
_TAPS: Final = 193  # flat to 7.3 kHz, 80 dB down where it would fold below that
HISTORY: Final = _TAPS - 1
"""How many samples of the block before the filter remembers (2 ms late in the middle)."""
_FIR: Final = signal.firwin(_TAPS, 7_900, window=("kaiser", 8.0), fs=RATE_HZ)


def decimated(
    history: NDArray[np.float64], samples: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Every third sample of the low-passed sound.

    Parameters
    ----------
    history : ndarray of float64, shape (HISTORY,)
        The samples before these; zeros at the start.
    samples : ndarray of float64, shape (3 n,), n >= 64
        Sound at 48 kHz.

    Returns
    -------
    history : ndarray of float64, shape (HISTORY,)
        For the next call.
    samples : ndarray of float64, shape (n,)
        Sound at 16 kHz, 2 ms late.

    Examples
    --------
    >>> _, sound = decimated(np.zeros(HISTORY), np.ones(48_000))
    >>> len(sound), round(float(sound[-1]), 6)
    (16000, 1.0)
    """
    heard = np.concatenate([history, samples])
    filtered = signal.upfirdn(_FIR, heard, down=FACTOR)
    first = HISTORY // FACTOR
    return heard[-HISTORY:], filtered[first : first + len(samples) // FACTOR]
