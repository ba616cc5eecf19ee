"""`mel64x100`: 64 mel bands up to 8 kHz, 10 ms apart, for `street`, which stays on the device.

The same numbers as `librosa.feature.melspectrogram(sr=16000, n_fft=512, win_length=400,
hop_length=160, n_mels=64)` of frames without padding, in dB.
"""

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hearing.frontends.spectra import Sound, Spectrum, framed

RATE_HZ: Final = 16_000
BANDS: Final = 64
WINDOW: Final = 400
HOP: Final = 160
FLOOR: Final = np.float32(1e-10)
"""Power below which it is silent: -100 dB."""
_FFT: Final = 512
_TOP_HZ: Final = 8_000.0
_LINEAR_UP_TO_HZ: Final = 1_000.0  # Slaney's scale: 15 mels up to here, then 27 to each 6.4-fold
_LINEAR_MELS: Final = 15
_HZ_PER_MEL: Final = 200 / 3
_LOG_STEP: Final = np.log(6.4) / 27


def power(sound: Sound) -> Spectrum:
    """Power in every band.

    Parameters
    ----------
    sound : ndarray of float32, shape (n,), n >= 400
        At 16 kHz, full scale 1.0.

    Returns
    -------
    ndarray of float32, shape (1 + (n - 400) // 160, 64)
    """
    spectrum = np.fft.rfft(framed(sound, WINDOW, HOP) * _hann(), _FFT)
    magnitude = spectrum.real**2 + spectrum.imag**2
    return np.asarray(magnitude.astype(np.float32, copy=False) @ _filters(), dtype=np.float32)


def decibels(bands: Spectrum) -> Spectrum:
    """Level of band powers, at least -100 dB."""
    return np.asarray(10 * np.log10(np.maximum(bands, FLOOR)), dtype=np.float32)


def look(frames: int) -> int:
    """Samples that make so many frames.

    Examples
    --------
    >>> look(196) / RATE_HZ
    1.975
    """
    return WINDOW + (frames - 1) * HOP


def patches(sound: Sound, frames: int) -> NDArray[np.float32]:
    """One patch, whose last frame ends with the sound.

    Parameters
    ----------
    sound : ndarray of float32, shape (n,), n >= look(frames)
        At 16 kHz, full scale 1.0.
    frames : int
        How many the model takes.

    Returns
    -------
    ndarray of float32, shape (1, frames, 64)
        dB.

    Examples
    --------
    >>> patches(np.zeros(16_000, np.float32), 90).shape
    (1, 90, 64)
    """
    return decibels(power(sound[-look(frames) :].astype(np.float32, copy=False)))[None]


def centres_hz() -> NDArray[np.float64]:
    """Frequency of each band's peak, Hz, shape (64,)."""
    return _edges_hz()[1:-1]


@cache
def _hann() -> Sound:
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)).astype(np.float32)


@cache
def _filters() -> Spectrum:
    """Triangles that are straight in Hz, each of the same area (Slaney)."""
    edges = _edges_hz()
    bins = (np.arange(_FFT // 2 + 1) * RATE_HZ / _FFT)[:, None]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    return np.asarray(triangles * 2 / (edges[2:] - edges[:-2]), dtype=np.float32)


def _edges_hz() -> NDArray[np.float64]:
    top = _LINEAR_MELS + np.log(_TOP_HZ / _LINEAR_UP_TO_HZ) / _LOG_STEP
    mels = np.linspace(0.0, top, BANDS + 2)
    curved = _LINEAR_UP_TO_HZ * np.exp((mels - _LINEAR_MELS) * _LOG_STEP)
    return np.asarray(np.where(mels < _LINEAR_MELS, mels * _HZ_PER_MEL, curved), dtype=np.float64)
