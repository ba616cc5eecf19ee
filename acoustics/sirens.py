"""Emergency sirens as source signals: what rendered streets and the training mixes play.

Pitch contours follow what vehicles use: a slow sweep (wail), a fast one (yelp), two alternating
tones (hi-lo), a very fast sweep (piercer). What is left open, chance chooses: range, tempo,
symmetry, harmonics, how hard the horn driver clips.
"""

from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

SirenKind = Literal["wail", "yelp", "hi-lo", "piercer", "wail-yelp"]
SIREN_KINDS: Final[tuple[SirenKind, ...]] = get_args(SirenKind)

_CONTROL_HZ: Final = 1000  # pitch contours are drawn at this rate and interpolated


def siren(
    kind: SirenKind, seconds: float, rate_hz: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """A siren at its source: no distance, no street, no Doppler shift.

    Parameters
    ----------
    kind : SirenKind
        Which pitch contour.
    seconds : float
        Duration, s, > 0.
    rate_hz : int
        Sample rate, Hz, >= 8000.
    rng : numpy.random.Generator
        Chooses range, tempo, timbre and the place in the cycle where it begins.

    Returns
    -------
    ndarray of float32, shape (round(seconds * rate_hz),)
        Sound with RMS 1.

    Examples
    --------
    >>> sound = siren("hi-lo", 2.0, 16_000, np.random.default_rng(1))
    >>> sound.shape, round(float(np.sqrt(np.mean(sound**2))), 3)
    ((32000,), 1.0)
    """
    samples = round(seconds * rate_hz)
    control_s = np.arange(int(np.ceil(seconds * _CONTROL_HZ)) + 2) / _CONTROL_HZ
    pitch_hz = np.interp(
        np.arange(samples) / rate_hz, control_s, pitch_contour_hz(kind, control_s, rng)
    )
    sound = _voiced(pitch_hz, rate_hz, rng)
    return np.asarray(sound / np.sqrt(np.mean(sound**2)), dtype=np.float32)


def pitch_contour_hz(
    kind: SirenKind, t_s: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Fundamental frequency of a siren over time.

    Parameters
    ----------
    kind : SirenKind
        Which pitch contour.
    t_s : ndarray, shape (n,)
        Times, s.
    rng : numpy.random.Generator
        Chooses range, tempo and phase.

    Returns
    -------
    ndarray of float64, shape (n,)
        Hz, within 330 to 1900.
    """
    if kind == "hi-lo":
        return _two_tones(t_s, rng)
    low, high = rng.uniform(400, 800), rng.uniform(1000, 1900)
    begin, rise = rng.uniform(), rng.uniform(0.3, 0.7)
    slow = _sweep(t_s / rng.uniform(2.5, 7.0) + begin, rise)
    fast = _sweep(t_s * rng.uniform(2.2, 5.0) + begin, rise)
    piercing = _sweep(t_s * rng.uniform(8.0, 18.0) + begin, rise)
    alternating = np.where(np.floor(t_s / rng.uniform(2.0, 5.0) + begin) % 2 == 0, slow, fast)
    share = {"wail": slow, "yelp": fast, "piercer": piercing, "wail-yelp": alternating}[kind]
    return np.asarray(low * (high / low) ** share)


def _sweep(cycles: NDArray[np.float64], rise: float) -> NDArray[np.float64]:
    """0 to 1 and back within each cycle, with rounded turns; `rise` is the rising share."""
    phase = cycles % 1.0
    ramp = np.where(phase < rise, phase / rise, (1.0 - phase) / (1.0 - rise))
    return 0.6 * ramp + 0.4 * (0.5 - 0.5 * np.cos(np.pi * ramp))


def _two_tones(t_s: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    low = rng.uniform(360, 760)
    high = low * rng.uniform(1.12, 1.5)
    first_share = rng.uniform(0.4, 0.6)
    phase = (t_s / rng.uniform(0.7, 2.6) + rng.uniform()) % 1.0
    return np.where(phase < first_share, low, high)


def _voiced(
    pitch_hz: NDArray[np.float64], rate_hz: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Harmonics of a pitch contour through a driver that clips softly."""
    phase = 2 * np.pi * np.cumsum(pitch_hz) / rate_hz + rng.uniform(0, 2 * np.pi)
    below_nyquist = int(0.45 * rate_hz / pitch_hz.max())
    count = min(int(rng.integers(1, 9)), max(1, below_nyquist))
    slope = rng.uniform(0.4, 2.0)
    sound = np.zeros_like(phase)
    for harmonic in range(1, count + 1):
        weight = rng.uniform(0.3, 1.0) if harmonic > 1 else 1.0
        sound += weight * harmonic**-slope * np.sin(harmonic * phase)
    drive = rng.uniform(0.3, 4.0)
    return np.asarray(np.tanh(drive * sound / np.sqrt(np.mean(sound**2))))
