"""The sounds of a street, made from numbers: noise, birds, dogs, horns.

Each is float32 at 16 kHz with an A-weighted RMS of 1 (noise: expected over the whole; calls: in
their loudest eighth of a second), so that whoever mixes them sets a level and nothing else.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from agents.street_levels import RATE_HZ, Samples, a_power, a_weight

Floats = NDArray[np.float64]
Spectrum = Callable[[Floats], Floats]
"""Relative power density over frequency, Hz."""

_LOUDEST: Final = RATE_HZ // 8


def traffic_spectrum(f: Floats) -> Floats:
    """Distant traffic: engines below 100 Hz, tyres up to 1.5 kHz, little above."""
    return np.asarray(1 / ((1 + f / 80) * (1 + (f / 1500) ** 2.5) * (1 + (35 / f) ** 4)))


def tyre_spectrum(f: Floats) -> Floats:
    """A car nearby: tyres on asphalt, strongest around 1 kHz."""
    return np.asarray(1 / ((1 + f / 150) * (1 + (f / 2500) ** 2) * (1 + (60 / f) ** 4)))


def wind_spectrum(f: Floats) -> Floats:
    """Wind at the microphone and in leaves: a rumble, and a thin hiss."""
    return np.asarray(1 / (1 + (f / 50) ** 3) + 3e-5 / (1 + (f / 3000) ** 2))


def water_spectrum(f: Floats) -> Floats:
    """Small waves on a quay wall."""
    return np.asarray(1 / ((1 + (f / 500) ** 1.5) * (1 + (120 / f) ** 4)))


def rain_spectrum(f: Floats) -> Floats:
    """Rain on leaves and asphalt: a broad hiss."""
    return np.asarray(1 / ((1 + (300 / f) ** 2) * (1 + (f / 5000) ** 2)))


def noise(rng: Generator, samples: int, spectrum: Spectrum) -> Samples:
    """Gaussian noise of a given spectrum.

    Parameters
    ----------
    rng : numpy.random.Generator
        Chooses the noise.
    samples : int
        Length, even, >= 4. The last sample joins the first smoothly.
    spectrum : callable
        Relative power density over frequency.

    Returns
    -------
    ndarray of float32, shape (samples,)
        Expected A-weighted RMS 1; a short piece varies by chance.

    Examples
    --------
    >>> round(a_power(noise(np.random.default_rng(1), 160_000, tyre_spectrum)), 1)
    1.0
    """
    amplitudes = _bin_amplitudes(samples, spectrum)
    drawn = rng.standard_normal(2 * len(amplitudes), dtype=np.float32).view(np.complex64)
    bins = np.zeros(samples // 2 + 1, dtype=np.complex64)
    np.multiply(drawn, amplitudes, out=bins[1:-1])
    return np.fft.irfft(bins, samples).astype(np.float32, copy=False)


@lru_cache(maxsize=32)
def _bin_amplitudes(samples: int, spectrum: Spectrum) -> Samples:
    """Amplitudes of the bins between DC and Nyquist, for an A-weighted RMS of 1."""
    f = np.arange(1, samples // 2, dtype=np.float64) * (RATE_HZ / samples)
    power = spectrum(f)
    # a bin of a real signal holds 2|X|²/n², and a complex normal of two unit parts has power 2
    weighted = 4 * np.sum(power * a_weight(f)) / samples**2
    return np.sqrt(power / weighted).astype(np.float32)


def engine(rng: Generator, samples: int) -> Samples:
    """A four-stroke engine under load: harmonics of half the firing rate, never quite steady.

    Parameters
    ----------
    rng : numpy.random.Generator
        Chooses the timbre.
    samples : int
        Length.

    Returns
    -------
    ndarray of float32, shape (samples,)
        A-weighted RMS 1.
    """
    control = np.arange(0, samples + RATE_HZ, RATE_HZ // 4)
    wander = np.interp(np.arange(samples), control, rng.normal(1, 0.03, len(control)))
    phase = 2 * np.pi * np.cumsum(35.0 * wander) / RATE_HZ
    sound = np.zeros(samples, dtype=np.float32)
    for harmonic in range(1, 33):
        strength = rng.uniform(0.2, 1) * (1 if harmonic % 2 == 0 else 0.4) / (1 + harmonic / 8)
        sound += (strength * np.sin(harmonic * phase + rng.uniform(0, 2 * np.pi))).astype(
            np.float32
        )
    return sound / np.float32(np.sqrt(a_power(sound)))


def whistled_song(rng: Generator) -> Samples:
    """Render a few long, clear notes, like a blackbird's."""
    notes = [_note(rng, rng.uniform(0.12, 0.35), bend=0.15) for _ in range(rng.integers(3, 8))]
    return _in_turn(rng, notes, (0.05, 0.25))


def trill(rng: Generator) -> Samples:
    """Render one short note, repeated fast, like a greenfinch's."""
    note = _note(rng, rng.uniform(0.03, 0.06), bend=0.3)
    return _in_turn(rng, [note] * int(rng.integers(12, 30)), (0.015, 0.03))


def chirps(rng: Generator) -> Samples:
    """Render falling chirps, like a sparrow's."""
    count = rng.integers(3, 12)
    notes = [_note(rng, rng.uniform(0.05, 0.1), bend=0.5) for _ in range(count)]
    return _in_turn(rng, notes, (0.12, 0.4))


def barks(rng: Generator) -> Samples:
    """Render a dog that barks a few times."""
    pitch_hz = rng.uniform(280, 650)
    calls = [_bark(rng, pitch_hz * rng.uniform(0.95, 1.05)) for _ in range(rng.integers(2, 8))]
    return _in_turn(rng, calls, (0.12, 0.5))


def honks(rng: Generator) -> Samples:
    """Render a car's two-tone horn, pressed once to three times."""
    tones_hz = rng.uniform(340, 440) * np.array([1.0, rng.uniform(1.19, 1.27)])
    count = rng.integers(1, 4)
    calls = [_honk(tones_hz, rng.uniform(0.2, 1.3 / count)) for _ in range(count)]
    return _in_turn(rng, calls, (0.08, 0.25))


CALLS: Final[Mapping[str, Mapping[str, Callable[[Generator], Samples]]]] = {
    "birds": {"song": whistled_song, "trill": trill, "chirps": chirps},
    "dog_bark": {"barks": barks},
    "car_horn": {"honks": honks},
}
"""Label, kind, and what renders it."""


def _note(rng: Generator, seconds: float, bend: float) -> Floats:
    """One note of a bird: a sine that glides by up to `bend` of its pitch."""
    t = np.arange(int(seconds * RATE_HZ)) / (seconds * RATE_HZ)
    pitch_hz = rng.uniform(2200, 5500) * (1 + bend * rng.uniform(-1, 1) * (t - 0.5))
    phase = 2 * np.pi * np.cumsum(pitch_hz) / RATE_HZ
    return np.asarray(np.sin(np.pi * t) ** 2 * (np.sin(phase) + 0.1 * np.sin(2 * phase)))


def _bark(rng: Generator, pitch_hz: float) -> Floats:
    """A voice that falls, through a mouth with one wide formant, and breath."""
    seconds = rng.uniform(0.12, 0.25)
    t = np.arange(int(seconds * RATE_HZ)) / (seconds * RATE_HZ)
    phase = 2 * np.pi * pitch_hz * np.cumsum(1.25 - 0.5 * t) / RATE_HZ
    formant_hz = rng.uniform(700, 1400)
    harmonics = np.arange(1, int(6000 / pitch_hz))
    weights = 1 / (1 + ((harmonics * pitch_hz - formant_hz) / 500) ** 2)
    voice = weights @ np.sin(harmonics[:, None] * phase)
    breath = 0.3 * rng.standard_normal(len(t))
    return np.asarray((voice + breath) * np.minimum(1, 12 * t) * (1 - t) ** 1.5)


def _honk(tones_hz: Floats, seconds: float) -> Floats:
    """Two reeds with strong harmonics up to about 5 kHz."""
    t = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    harmonics = np.arange(1, 12)[:, None]
    waves = [np.sin(2 * np.pi * f * harmonics * t + harmonics) for f in tones_hz]
    reeds = np.sum(waves / harmonics**0.7, axis=(0, 1))
    return np.asarray(reeds * np.minimum(1, np.minimum(t, t[-1] - t) / 0.02))


def _in_turn(rng: Generator, calls: list[Floats], gap_s: tuple[float, float]) -> Samples:
    """Calls one after another with gaps, scaled by the loudest eighth of a second."""
    parts: list[Floats] = []
    for call in calls:
        parts += [call, np.zeros(int(rng.uniform(*gap_s) * RATE_HZ))]
    sound = np.concatenate(parts).astype(np.float32)
    eighths = np.pad(sound, (0, -len(sound) % _LOUDEST)).reshape(-1, _LOUDEST)
    return sound / np.float32(np.sqrt(max(a_power(eighth) for eighth in eighths)))
