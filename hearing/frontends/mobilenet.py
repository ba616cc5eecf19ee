"""`mn128`: 128 mel bands of a power spectrum at 32 kHz, 10 ms apart (EfficientAT)."""

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hearing.frontends.spectra import Sound, Spectrum, framed, triangles

RATE_HZ: Final = 32_000
BANDS: Final = 128
HOP: Final = 320
_WINDOW: Final = 800
_FFT: Final = 1024
_TOP_HZ: Final = 15_000.0
_PRE_EMPHASIS: Final = np.float32(0.97)


def look(frames: int) -> int:
    """Samples that make so many frames; pre-emphasis costs one.

    Examples
    --------
    >>> look(400)
    127681
    """
    return (frames - 1) * HOP + 1


def patches(sound: Sound) -> NDArray[np.float32]:
    """One patch of a sound.

    Parameters
    ----------
    sound : ndarray of float32, shape (n,), n > 512
        At 32 kHz, full scale 1.0.

    Returns
    -------
    ndarray of float32, shape (1, 1, 128, 1 + (n - 1) // 320)
        (ln(mel + 0.00001) + 4.5) / 5.
    """
    emphasised = sound[1:] - _PRE_EMPHASIS * sound[:-1]
    padded = np.pad(emphasised, _FFT // 2, mode="reflect")
    power = np.abs(np.fft.rfft(framed(padded, _FFT, HOP) * _window())) ** 2
    log_mel = np.log(power.astype(np.float32) @ _filters() + np.float32(1e-5))
    return np.asarray((log_mel.T + 4.5) / 5.0, dtype=np.float32)[None, None]


@cache
def _window() -> Sound:
    """Symmetric, in the middle of the transform."""
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_WINDOW) / (_WINDOW - 1))
    return np.pad(hann, (_FFT - _WINDOW) // 2).astype(np.float32)


@cache
def _filters() -> Spectrum:
    return triangles(0.0, _TOP_HZ, BANDS, _FFT, RATE_HZ)
