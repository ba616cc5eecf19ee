"""From features back to sound: what an attacker does with nothing but the numbers.

Levels are interpolated to 10 ms, spread over the spectrum by the pseudo-inverse of the mel matrix,
and given phases by Griffin and Lim's iteration. Pure; one seed, so that a run can be repeated.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from acoustics import mel

FFT: Final = 1024
HOP: Final = 160  # 10 ms
_ITERATIONS: Final = 32
_FRAME: Final = mel.RATE_HZ // mel.FRAMES_PER_S
_HISTORY: Final = 824  # samples that the first column of a frame looks back
_COLUMNS: Final = 10
_FIRST_COLUMN_ENDS: Final = 200
_WINDOW: Final = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FFT) / FFT)
_FULL_SCALE: Final = (_WINDOW.sum() / 2) ** 2

Samples = NDArray[np.float64]
Power = NDArray[np.float64]


def spectrogram(sound: Samples, hop: int = HOP) -> NDArray[np.complex128]:
    """Short-time spectra without padding; a full-scale sine at a bin centre has power 1."""
    columns = np.lib.stride_tricks.sliding_window_view(sound, FFT)[::hop]
    return np.asarray(np.fft.rfft(columns * _WINDOW) / np.sqrt(_FULL_SCALE))


def fine_mel(sound: Samples, bands: int = 64, hop: int = HOP) -> Power:
    """What an ordinary recogniser is fed: mel band powers of every 10 ms, [columns, bands]."""
    return np.abs(spectrogram(sound, hop)) ** 2 @ filters(bands).T


def filters(bands: int) -> NDArray[np.float64]:
    """Mel filters like those of the profile, but as many as wanted, [bands, 513]."""
    ends = mel.hz_to_mel([50.0, 8000.0])
    edges = mel.mel_to_hz(np.linspace(ends[0], ends[1], bands + 2))
    bins = np.arange(FFT // 2 + 1) * (mel.RATE_HZ / FFT)
    rising = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    return np.maximum(0.0, np.minimum(rising, falling))


def profile_codes(sound: Samples) -> NDArray[np.uint8]:
    """What leaves the device in profile `mel32x8`, bytes and all, [frames, 32]."""
    return mel.frames(mel.MelState(np.zeros(_HISTORY)), sound)[1]


def interpolated(codes: NDArray[np.uint8], columns: int) -> Power:
    """Band powers of every 10 ms between the frames' centres, [columns, 32]; lines in dB."""
    levels_db = mel.codes_to_db(codes).astype(np.float64)
    middle = _FIRST_COLUMN_ENDS * (_COLUMNS + 1) / 2 - FFT / 2
    frames_at = _FRAME * np.arange(len(codes)) + middle
    wanted_at = HOP * np.arange(columns) + FFT / 2
    lines = [np.interp(wanted_at, frames_at, band_db) for band_db in levels_db.T]
    return np.asarray(10 ** (np.stack(lines, axis=1) / 10))


def sound_of(power: Power, samples: int, hop: int = HOP) -> Samples:
    """Sound whose mel powers are these: pseudo-inverse, then 32 iterations for the phases.

    Parameters
    ----------
    power : ndarray of float64, shape (columns, bands)
        Band powers of every `hop` samples.
    samples : int
        Length of the sound.
    hop : int
        Samples from one column to the next.

    Returns
    -------
    ndarray of float64, shape (samples,)
        The sound.
    """
    spectrum = np.maximum(power @ np.linalg.pinv(filters(power.shape[1])).T, 0.0)
    magnitude = np.sqrt(spectrum)
    turn = np.random.default_rng(0).random(magnitude.shape)
    phases = np.exp(2j * np.pi * turn)
    for _ in range(_ITERATIONS):
        heard = spectrogram(_overlapped(magnitude * phases, samples, hop), hop)
        phases = heard / np.maximum(np.abs(heard), 1e-12)
    return _overlapped(magnitude * phases, samples, hop)


def _overlapped(spectra: NDArray[np.complex128], samples: int, hop: int) -> Samples:
    """Least-squares inverse of `spectrogram`."""
    pieces = np.fft.irfft(spectra * np.sqrt(_FULL_SCALE)) * _WINDOW
    total, weight = np.zeros(samples), np.full(samples, 1e-3)
    for n, piece in enumerate(pieces):
        total[n * hop : n * hop + FFT] += piece
        weight[n * hop : n * hop + FFT] += _WINDOW**2
    return np.asarray(total / weight)
