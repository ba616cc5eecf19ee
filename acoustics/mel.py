"""The features the `mel32x8` profile lets out: 32 mel bands, 8 frames a second, a byte each.

One function computes them for the device, the simulator, training and the tests. The frame
rate, not the number of bands, is what keeps words from leaving: see the privacy document.
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

RATE_HZ: Final = 16_000
BANDS: Final = 32
FRAMES_PER_S: Final = 8
PATCH_FRAMES: Final = 32
NO_FRAME: Final = 255

_FFT: Final = 1024
_HOP: Final = 200
_COLUMNS: Final = 10  # STFT columns averaged into one frame: the 125 ms that hide the words
_FRAME: Final = _HOP * _COLUMNS
_AT_ONCE: Final = 80 * _COLUMNS  # columns whose spectra are held together: 10 s
_HISTORY: Final = _FFT - _HOP  # samples that the first column of a frame needs before the frame
_FLOOR_DB: Final = -120.0
_STEP_DB: Final = 0.5
_BREAK_HZ: Final = 1000.0  # Slaney's scale: linear below, logarithmic above, 27 steps to 6.4 kHz
_BREAK_MEL: Final = 15.0
_LOG_STEP: Final = float(np.log(6.4) / 27.0)


def hz_to_mel(frequency_hz: ArrayLike) -> NDArray[np.float64]:
    """Slaney's mel scale: linear to 1 kHz, logarithmic above.

    Parameters
    ----------
    frequency_hz : array_like
        Frequencies, Hz, >= 0.

    Returns
    -------
    ndarray of float64
        The same shape, mel.

    Examples
    --------
    >>> hz_to_mel([0.0, 1000.0, 6400.0]).tolist()
    [0.0, 15.0, 42.0]
    """
    f = np.asarray(frequency_hz, dtype=np.float64)
    above = _BREAK_MEL + np.log(np.maximum(f, _BREAK_HZ) / _BREAK_HZ) / _LOG_STEP
    return np.where(f < _BREAK_HZ, f * _BREAK_MEL / _BREAK_HZ, above)


def mel_to_hz(mel: ArrayLike) -> NDArray[np.float64]:
    """Invert `hz_to_mel`.

    Parameters
    ----------
    mel : array_like
        Positions on Slaney's scale, mel, >= 0.

    Returns
    -------
    ndarray of float64
        The same shape, Hz.

    Examples
    --------
    >>> mel_to_hz([15.0, 42.0]).round(6).tolist()
    [1000.0, 6400.0]
    """
    m = np.asarray(mel, dtype=np.float64)
    above = _BREAK_HZ * np.exp(_LOG_STEP * (np.maximum(m, _BREAK_MEL) - _BREAK_MEL))
    return np.where(m < _BREAK_MEL, m * _BREAK_HZ / _BREAK_MEL, above)


def mel_matrix(low_hz: float = 50.0, high_hz: float = 8000.0) -> NDArray[np.float64]:
    """Triangular filters of unit peak, evenly spaced in mel, without area normalisation.

    Parameters
    ----------
    low_hz, high_hz : float
        Outer edges of the first and the last filter, Hz.

    Returns
    -------
    ndarray of float64, shape (32, 513)
        Weight of every FFT bin in every band, 0 to 1.
    """
    edges = mel_to_hz(np.linspace(hz_to_mel(low_hz), hz_to_mel(high_hz), BANDS + 2))
    bins = np.arange(_FFT // 2 + 1) * (RATE_HZ / _FFT)
    rising = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    return np.maximum(0.0, np.minimum(rising, falling))


# periodic, scaled so that a full-scale sine at a bin centre has power 1: |X|² / (Σw/2)²
_HANN: Final = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_FFT) / _FFT)
_WINDOW: Final = _HANN / (_HANN.sum() / 2)
_MEL: Final = np.ascontiguousarray(mel_matrix().T)


def _absent() -> NDArray[np.float64]:
    samples = np.full(_HISTORY, np.nan)
    samples.flags.writeable = False
    return samples


@dataclass(frozen=True, eq=False)
class MelState:
    """What one block leaves for the next; `MelState()` is the start of a session.

    Attributes
    ----------
    tail : ndarray of float64, shape (824 + r,), 0 <= r < 2000
        The history of the next frame and its r samples so far; NaN before the session began.
    """

    tail: NDArray[np.float64] = field(default_factory=_absent)


def frames(state: MelState, samples: ArrayLike) -> tuple[MelState, NDArray[np.uint8]]:
    """Frames that end within these samples; any split of a stream gives the same codes.

    Parameters
    ----------
    state : MelState
        What the samples before these left.
    samples : array_like, shape (n,)
        Sound at 16 kHz, full scale 1.0.

    Returns
    -------
    state : MelState
        For the next call.
    codes : ndarray of uint8, shape (k, 32)
        k = 8 for a one-second block; `NO_FRAME` where a frame lacks its history.

    Examples
    --------
    >>> state, codes = frames(MelState(), np.zeros(16_000))
    >>> codes.shape, int(codes[0, 0]), int(codes[1, 0])
    ((8, 32), 255, 0)
    """
    heard = np.concatenate([state.tail, np.asarray(samples, dtype=np.float64)])
    count = (len(heard) - _HISTORY) // _FRAME
    tail = heard[count * _FRAME :].copy()
    tail.flags.writeable = False
    if count == 0:
        return MelState(tail), np.empty((0, BANDS), np.uint8)
    columns = np.lib.stride_tricks.sliding_window_view(heard, _FFT)[::_HOP][: count * _COLUMNS]
    # ten seconds at a time: spectra of a long recording are a hundred times its size
    parts = range(0, len(columns), _AT_ONCE)
    mean = np.concatenate([_mean_power(columns[n : n + _AT_ONCE]) for n in parts])
    # row by row: a matrix product may round differently with the number of rows
    return MelState(tail), power_to_codes(np.stack([row @ _MEL for row in mean]))


def _mean_power(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean power spectrum of each frame; columns of whole frames."""
    power = np.abs(np.fft.rfft(columns * _WINDOW)) ** 2
    return np.asarray(power.reshape(-1, _COLUMNS, power.shape[1]).mean(axis=1))


def power_to_codes(power: ArrayLike) -> NDArray[np.uint8]:
    """Half-decibel steps above -120 dB; NaN becomes `NO_FRAME`.

    Parameters
    ----------
    power : array_like
        Band powers, 1.0 for a full-scale sine.

    Returns
    -------
    ndarray of uint8
        The same shape, 0 to 254 or 255.

    Examples
    --------
    >>> power_to_codes([0.0, 1e-12, 1e-6, 1.0, 1e9, np.nan]).tolist()
    [0, 0, 120, 240, 254, 255]
    """
    p = np.asarray(power, dtype=np.float64)
    level_db = 10.0 * np.log10(np.maximum(np.where(np.isfinite(p), p, 1.0), 1e-12))
    codes = np.clip(np.rint((level_db - _FLOOR_DB) / _STEP_DB), 0, NO_FRAME - 1)
    return np.where(np.isfinite(p), codes, NO_FRAME).astype(np.uint8)


def codes_to_db(codes: ArrayLike) -> NDArray[np.float32]:
    """Levels that the codes stand for.

    Parameters
    ----------
    codes : array_like of uint8
        As `frames` gives them.

    Returns
    -------
    ndarray of float32
        The same shape, dB re full scale; NaN for `NO_FRAME`.

    Examples
    --------
    >>> codes_to_db([0, 240, 255]).tolist()
    [-120.0, 0.0, nan]
    """
    c = np.asarray(codes)
    return np.where(c == NO_FRAME, np.nan, c * _STEP_DB + _FLOOR_DB).astype(np.float32)
