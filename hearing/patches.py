"""The 4 s that a model hears of each reading."""

import numpy as np
from numpy.typing import NDArray

from acoustics import mel

CONTEXT_FRAMES = mel.PATCH_FRAMES - mel.FRAMES_PER_S


def of_readings(codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The patch of each reading: the 32 frames that end with it.

    Parameters
    ----------
    codes : ndarray of uint8, shape (24 + 8 n, 32), n >= 1
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
    windows = np.lib.stride_tricks.sliding_window_view(codes, mel.PATCH_FRAMES, axis=0)
    return windows[:: mel.FRAMES_PER_S].transpose(0, 2, 1)


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
    context = np.full((CONTEXT_FRAMES, mel.BANDS), mel.NO_FRAME, np.uint8)
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
    >>> is_silent(np.stack([np.zeros((32, 32)), np.full((32, 32), 120)])).tolist()
    [True, False]
    """
    level_db = mel.codes_to_db(patches[:, -mel.FRAMES_PER_S :]).astype(np.float64)
    power = np.where(np.isnan(level_db), 0.0, 10 ** (level_db / 10))
    return np.asarray(power.sum(axis=2).mean(axis=1) < 10 ** (gate_dbfs / 10))
