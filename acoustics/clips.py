"""A short recording as frames, the same way in training and in evaluation."""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from acoustics import mel

_HISTORY: Final = 824  # samples that the first column of a frame looks back
_FRAME: Final = mel.RATE_HZ // mel.FRAMES_PER_S
_SILENT: Final = 1e-4  # of the peak: the zeros with which clips are padded, and their dither


def without_silence(sound: ArrayLike) -> NDArray[np.float64]:
    """Cut the silence with which clips are padded at either end.

    Parameters
    ----------
    sound : array_like, shape (n,), n >= 1
        Samples.

    Returns
    -------
    ndarray of float64, shape (m,), 1 <= m <= n
        From the first to the last sample within 80 dB of the peak.

    Examples
    --------
    >>> without_silence([0.0, 0.0, 0.5, 0.0, 0.3, 0.0]).tolist()
    [0.5, 0.0, 0.3]
    """
    samples = np.asarray(sound, dtype=np.float64)
    loud = np.flatnonzero(np.abs(samples) > _SILENT * max(1e-9, np.abs(samples).max()))
    return samples[loud[0] : loud[-1] + 1] if len(loud) else samples[:1]


def looped_codes(sound: ArrayLike) -> NDArray[np.uint8]:
    """Mel frames of a sound whose end leads into its beginning, so that no frame is missing.

    Parameters
    ----------
    sound : array_like, shape (n,), n >= 1
        Samples at 16 kHz.

    Returns
    -------
    ndarray of uint8, shape (ceil(n / 2000), 32)
        As `mel.frames` gives them.

    Examples
    --------
    >>> looped_codes(np.zeros(4001)).shape
    (3, 32)
    """
    samples = np.asarray(sound, dtype=np.float64)
    frames = -(-len(samples) // _FRAME)
    history = np.resize(samples[-_HISTORY:][::-1], _HISTORY)[::-1]
    missing = frames * _FRAME - len(samples)
    whole = np.concatenate([samples, np.resize(samples[:missing], missing)])
    return mel.frames(mel.MelState(history), whole)[1]
