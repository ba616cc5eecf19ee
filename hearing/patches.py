"""The 4 s that a model hears at a time: 32 frames of 32 bands."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from schemas.messages import CONTEXT_FRAMES, FRAMES_PER_READING, MEL_BANDS, NO_FRAME

PATCH_FRAMES: Final = CONTEXT_FRAMES + FRAMES_PER_READING

_POWERS: Final = 10 ** (np.arange(256) / 20 - 12)
_POWERS[NO_FRAME] = 0.0
"""Of each code, which is half decibels from -120 dB; re full scale."""


def of_readings(codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The patch of each reading: the 32 frames that end with it.

    Parameters
    ----------
    codes : ndarray of uint8, shape (24 + 8 n, 32)
        The frames of n consecutive readings behind the 24 frames before them.

    Returns
    -------
    ndarray of uint8, shape (n, 32, 32)
        A view into `codes`.

    Examples
    --------
    >>> of_readings(np.zeros((24 + 8 * 3, 32), np.uint8)).shape
    (3, 32, 32)
    """
    if len(codes) < PATCH_FRAMES:
        return np.empty((0, PATCH_FRAMES, MEL_BANDS), np.uint8)
    if len(codes) == PATCH_FRAMES:  # as usual; making windows takes ten times as long
        return codes[np.newaxis]
    windows = np.lib.stride_tricks.sliding_window_view(codes, PATCH_FRAMES, axis=0)
    return windows[::FRAMES_PER_READING].transpose(0, 2, 1)


def behind_silence(codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Put the missing context of a session's start before its first frames.

    Parameters
    ----------
    codes : ndarray of uint8, shape (8 n, 32)
        Frames from the first reading of a session on.

    Returns
    -------
    ndarray of uint8, shape (24 + 8 n, 32)
        The same behind 24 frames that were never heard.
    """
    context = np.full((CONTEXT_FRAMES, MEL_BANDS), NO_FRAME, np.uint8)
    return np.concatenate([context, codes])


def is_silent(patches: NDArray[np.uint8], gate_dbfs: float = -95.0) -> NDArray[np.bool_]:
    """Whether nothing was heard in the last second of each patch.

    Parameters
    ----------
    patches : ndarray of uint8, shape (n, 32, 32)
        Mel codes.
    gate_dbfs : float
        Level of all bands together below which a second is silent, dB re full scale.

    Returns
    -------
    ndarray of bool, shape (n,)
        True also where there was no frame at all.

    Examples
    --------
    >>> is_silent(np.stack([np.zeros((32, 32), int), np.full((32, 32), 120)])).tolist()
    [True, False]
    """
    power = _POWERS[patches[:, -FRAMES_PER_READING:]]
    return np.asarray(power.sum(axis=2).mean(axis=1) < 10 ** (gate_dbfs / 10))


def of_clip(codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """One patch a second of a clip; a short clip is played over and over.

    Parameters
    ----------
    codes : ndarray of uint8, shape (frames, 32), frames >= 1
        A clip.

    Returns
    -------
    ndarray of uint8, shape (n, 32, 32), n >= 1
        Patches, each beginning a second after the one before.

    Examples
    --------
    >>> of_clip(np.zeros((10, 32), np.uint8)).shape, of_clip(np.zeros((50, 32), np.uint8)).shape
    ((1, 32, 32), (3, 32, 32))
    """
    if len(codes) < PATCH_FRAMES:
        codes = codes[np.arange(PATCH_FRAMES) % len(codes)]
    starts = range(0, len(codes) - PATCH_FRAMES + 1, FRAMES_PER_READING)
    return np.stack([codes[n : n + PATCH_FRAMES] for n in starts])
