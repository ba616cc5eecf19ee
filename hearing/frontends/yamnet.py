"""`yamnet64`: 64 mel bands of a magnitude spectrum, 10 ms apart, 0.96 s a patch."""

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hearing.frontends.spectra import Sound, Spectrum, framed, triangles

RATE_HZ: Final = 16_000
PATCH_FRAMES: Final = 96
PATCH_HOP: Final = 48
BANDS: Final = 64
_WINDOW: Final = 400
_HOP: Final = 160
_FFT: Final = 512
LOOK: Final = _WINDOW + (PATCH_FRAMES + PATCH_HOP - 1) * _HOP
"""Two patches, which cover more than a second."""


def patches(sound: Sound) -> NDArray[np.float32]:
    """Patches of a sound.

    Parameters
    ----------
    sound : ndarray of float32, shape (n,), n >= 15600
        At 16 kHz, full scale 1.0.

    Returns
    -------
    ndarray of float32, shape (patches, 96, 64)
        ln(mel + 0.001); each patch begins 48 frames after the one before.
    """
    # framed from the end, so that the last patch ends with the sound
    whole = (len(sound) - _WINDOW) // _HOP * _HOP + _WINDOW
    spectrum = np.abs(np.fft.rfft(framed(sound[-whole:], _WINDOW, _HOP) * _hann(), _FFT))
    log_mel = np.log(spectrum.astype(np.float32) @ _filters() + np.float32(1e-3))
    first = (len(log_mel) - PATCH_FRAMES) % PATCH_HOP
    starts = range(first, len(log_mel) - PATCH_FRAMES + 1, PATCH_HOP)
    return np.stack([log_mel[n : n + PATCH_FRAMES] for n in starts])


@cache
def _hann() -> Sound:
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_WINDOW) / _WINDOW)).astype(np.float32)


@cache
def _filters() -> Spectrum:
    filters = triangles(125.0, 7500.0, BANDS, _FFT, RATE_HZ)
    filters[0] = 0.0
    return filters
