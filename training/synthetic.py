"""Sounds made here: sirens that pass by, tones that are no sirens, and noise to hear them in."""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.signal import fftconvolve

from acoustics import mel
from acoustics.sirens import SIREN_KINDS, siren

Sound = NDArray[np.float64]
Made = tuple[Sound, frozenset[str], frozenset[str]]
"""Samples at 16 kHz, labels surely heard, labels perhaps heard."""

RATE_HZ: Final = mel.RATE_HZ
_SPEED_OF_SOUND: Final = 343.0
_DULL: Final = 1.4
"""From this slope of its spectrum on, noise may be taken for wind."""
_KIND_SHARES: Final = (0.36, 0.22, 0.24, 0.06, 0.12)  # wail, yelp, hi-lo, piercer, wail-yelp


def passing_siren(rng: np.random.Generator, seconds: float = 14.0) -> Sound:
    """A siren that drives by: Doppler shift and spherical spreading.

    Parameters
    ----------
    rng : numpy.random.Generator
        Chooses kind, speed (0 to 28 m/s), distance (4 to 60 m) and moment of passing.
    seconds : float
        Duration, s.

    Returns
    -------
    ndarray of float64
        Samples at 16 kHz, RMS 0.1.
    """
    kind = SIREN_KINDS[int(rng.choice(len(SIREN_KINDS), p=_KIND_SHARES))]
    return pass_by(siren(kind, seconds + 3.0, RATE_HZ, rng), rng, seconds)


def two_horns(rng: np.random.Generator, seconds: float = 14.0) -> Sound:
    """Two compressed-air horns in turn, driving by: what fire engines of the continent sound.

    Their overtones outlast each other in the echo of a street until they are nearly a chord.

    Parameters
    ----------
    rng : numpy.random.Generator
        Chooses pitches, tempo, timbre, way and echo.
    seconds : float
        Duration, s.

    Returns
    -------
    ndarray of float64
        Samples at 16 kHz, RMS 0.1.
    """
    n = round((seconds + 3.0) * RATE_HZ)
    low = rng.uniform(350, 490)
    high = low * rng.choice([4 / 3, 4 / 3, rng.uniform(1.1, 1.45)]) * rng.uniform(0.99, 1.01)
    period_s, share = rng.uniform(0.8, 3.2), rng.uniform(0.4, 0.6)
    phase = (np.arange(n) / RATE_HZ / period_s + rng.uniform()) % 1.0
    turn = rng.uniform(0.01, 0.1) / period_s
    first = np.clip(np.minimum(phase, share - phase) / turn, 0.0, 1.0)
    second = np.clip(np.minimum(phase - share, 1.0 - phase) / turn, 0.0, 1.0)
    harmonics, slope = int(rng.integers(5, 15)), rng.uniform(-0.1, 1.0)
    sound = first * _tone(rng, low, n, harmonics, slope)
    sound += second * _tone(rng, high, n, harmonics, slope)
    spectrum = np.fft.rfft(sound) / (
        1 + (rng.uniform(100, 1000) / np.maximum(np.fft.rfftfreq(n, 1 / RATE_HZ), 30.0)) ** 4
    )
    driven = pass_by(np.fft.irfft(spectrum, n).astype(np.float32), rng, seconds)
    return _level(_echoed(rng, driven))


def _echoed(rng: np.random.Generator, sound: Sound) -> Sound:
    decay_s, wet = rng.uniform(0.3, 2.5), rng.uniform(0.0, 1.5)
    t = np.arange(int(decay_s * RATE_HZ)) / RATE_HZ
    tail = rng.standard_normal(len(t)) * 10 ** (-3 * t / decay_s)
    echo = fftconvolve(sound, tail / np.sqrt(np.sum(tail**2)))[: len(sound)]
    return np.asarray(sound + wet * echo)


def pass_by(source: NDArray[np.float32], rng: np.random.Generator, seconds: float) -> Sound:
    """What is heard of a sound that drives by: Doppler shift and spherical spreading.

    Parameters
    ----------
    source : ndarray of float32
        Samples at 16 kHz at the vehicle, 3 s more than are heard.
    rng : numpy.random.Generator
        Chooses speed (0 to 28 m/s), distance (4 to 60 m) and moment of passing.
    seconds : float
        Duration, s.

    Returns
    -------
    ndarray of float64
        Samples at 16 kHz, RMS 0.1.
    """
    heard_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    speed = rng.uniform(0.0, 28.0)
    nearest = rng.uniform(4.0, 60.0)
    passing_s = rng.uniform(-2.0, seconds + 2.0)
    sent_s = heard_s
    for _ in range(3):  # the sound heard now left where the vehicle was then
        distance = np.hypot(nearest, speed * (sent_s - passing_s))
        sent_s = heard_s - distance / _SPEED_OF_SOUND
    sound = np.interp((sent_s + 2.5) * RATE_HZ, np.arange(len(source)), source) / distance
    return _level(sound)


def distractor(rng: np.random.Generator) -> Made:
    """Something tonal or machine-like that must not be taken for a siren.

    Parameters
    ----------
    rng : numpy.random.Generator
        Chooses what, and how.

    Returns
    -------
    Made
        8 s of it.
    """
    makers: tuple[Callable[[np.random.Generator], Made], ...] = (
        _horns, _horns, _beeper, _chirps, _melody, _melody, _hum, _revving, _bell, _ringing,
    )  # fmt: skip
    sound, heard, perhaps = makers[int(rng.integers(len(makers)))](rng)
    return _level(sound), heard, perhaps


def bed(rng: np.random.Generator) -> Made:
    """Background noise: passing cars, wind, or plain coloured noise.

    Parameters
    ----------
    rng : numpy.random.Generator
        Chooses which, and how.

    Returns
    -------
    Made
        16 s of it.
    """
    n = 16 * RATE_HZ
    kind = str(rng.choice(["cars", "wind", "noise"], p=(0.45, 0.2, 0.35)))
    slope = rng.uniform(-0.6 if kind == "noise" else 0.6, 2.2)
    sound = _coloured(rng, n, slope)
    if kind == "cars":  # bursts of a few seconds, brighter than what lies beneath
        t = np.arange(n) / RATE_HZ
        for _ in range(int(rng.integers(2, 8))):
            width_s, at_s = rng.uniform(0.7, 3.0), rng.uniform(0, 16)
            bump = 1.0 / (1.0 + ((t - at_s) / width_s) ** 2)
            sound += rng.uniform(0.3, 4.0) * bump * _coloured(rng, n, rng.uniform(0.6, 1.6))
        like = {"wind", "engine_idling"} if slope > _DULL else {"engine_idling"}
        return _level(sound), frozenset({"traffic"}), frozenset(like)
    if kind == "wind":
        gusts = np.interp(np.arange(n) / RATE_HZ, np.arange(33) * 0.5, rng.uniform(0.1, 1, 33))
        sound = gusts * _coloured(rng, n, rng.uniform(1.6, 2.6))
        return _level(sound), frozenset({"wind"}), frozenset({"traffic"})
    noises = {"rain", "sea_waves", "air_conditioner"}
    if slope > _DULL:  # neither wind nor wheels sound like white noise
        noises |= {"wind", "traffic"}
    return _level(sound), frozenset(), frozenset(noises)


def _level(sound: Sound) -> Sound:
    return np.asarray(sound * (0.1 / (np.sqrt(np.mean(sound**2)) + 1e-9)))


def _coloured(rng: np.random.Generator, n: int, slope: float) -> Sound:
    """Noise whose power falls with frequency to the given power; unit RMS."""
    spectrum = np.fft.rfft(rng.standard_normal(n))
    f = np.maximum(np.fft.rfftfreq(n, 1 / RATE_HZ), 30.0)
    sound = np.fft.irfft(spectrum * f ** (-slope / 2), n)
    return np.asarray(sound / sound.std())


def _tone(
    rng: np.random.Generator, pitch_hz: Sound | float, n: int, harmonics: int, slope: float
) -> Sound:
    pitch = np.broadcast_to(np.asarray(pitch_hz, dtype=np.float64), (n,))
    phase = 2 * np.pi * np.cumsum(pitch) / RATE_HZ
    count = max(1, min(harmonics, int(0.45 * RATE_HZ / pitch.max())))
    sound = np.zeros(n)
    for k in range(1, count + 1):
        sound += rng.uniform(0.3, 1.0) * k**-slope * np.sin(k * phase + rng.uniform(0, 6.28))
    return sound


def _gate(n: int, start_s: float, seconds: float, attack_s: float = 0.01) -> Sound:
    t = np.arange(n) / RATE_HZ - start_s
    return np.clip(np.minimum(t, seconds - t) / attack_s, 0.0, 1.0)


def _horns(rng: np.random.Generator) -> Made:
    n = 8 * RATE_HZ
    low = rng.uniform(260, 520)
    pitches = [low, low * rng.uniform(1.15, 1.35)][: int(rng.integers(1, 3))]
    gate = np.zeros(n)
    at_s = rng.uniform(0, 1.5)
    while at_s < n / RATE_HZ:
        seconds = rng.choice([rng.uniform(0.12, 0.5), rng.uniform(0.5, 3.0)])
        gate = np.maximum(gate, _gate(n, at_s, seconds, 0.02))
        at_s += seconds + rng.choice([rng.uniform(0.1, 0.5), rng.uniform(0.5, 6.0)])
    sound = sum((_tone(rng, p, n, 20, rng.uniform(0.2, 1.0)) for p in pitches), np.zeros(n))
    return np.tanh(sound) * gate, frozenset({"car_horn"}), frozenset()


def _beeper(rng: np.random.Generator) -> Made:
    n = 8 * RATE_HZ
    period_s = rng.uniform(0.4, 1.5)
    on = (np.arange(n) / RATE_HZ % period_s) < rng.uniform(0.3, 0.6) * period_s
    return _tone(rng, rng.uniform(800, 3200), n, 4, 1.0) * on, frozenset(), frozenset()


def _chirps(rng: np.random.Generator) -> Made:
    n = 8 * RATE_HZ
    sound = np.zeros(n)
    low, high = np.sort(rng.uniform(1800, 7000, 2))
    for at_s in rng.uniform(0, 7.8, int(rng.integers(4, 40))):
        seconds = rng.uniform(0.04, 0.3)
        m = int(seconds * RATE_HZ)
        shape = np.interp(np.linspace(0, 3, m), np.arange(4), rng.uniform(low, high, 4))
        begin = int(at_s * RATE_HZ)
        note = (
            rng.uniform(0.2, 1.0) * np.hanning(m) * np.sin(2 * np.pi * np.cumsum(shape) / RATE_HZ)
        )
        sound[begin : begin + m] += note[: n - begin]
    return sound, frozenset({"birds"}), frozenset()


def _melody(rng: np.random.Generator) -> Made:
    n = 8 * RATE_HZ
    beat_s = rng.choice([0.125, 0.25, 0.5, 1.0]) * rng.uniform(0.8, 1.4)
    scale = np.array([0, 2, 4, 5, 7, 9, 11, 12, 14, 16])
    root = rng.uniform(110, 700)
    harmonics, slope, decay_s = int(rng.integers(1, 12)), rng.uniform(0.5, 2.0), rng.uniform(0.1, 2)
    vibrato = 1 + rng.uniform(0, 0.02) * np.sin(2 * np.pi * 5.5 * np.arange(n) / RATE_HZ)
    sound = np.zeros(n)
    for start in np.arange(0, 7.9, beat_s):
        if rng.choice([True, False], p=(0.2, 0.8)):  # a rest
            continue
        begin, m = (
            int(start * RATE_HZ),
            int(min(8.0 - start, beat_s * rng.uniform(0.8, 2)) * RATE_HZ),
        )
        for _ in range(int(rng.integers(1, 4))):
            pitch = root * 2 ** (rng.choice(scale) / 12) * vibrato[:m]
            envelope = np.exp(-np.arange(m) / RATE_HZ / decay_s) * _gate(m, 0, m / RATE_HZ)
            sound[begin : begin + m] += _tone(rng, pitch, m, harmonics, slope) * envelope
    return sound, frozenset(), frozenset({"street_music"})


def _hum(rng: np.random.Generator) -> Made:
    n = 8 * RATE_HZ
    drift = np.interp(np.arange(n), np.linspace(0, n, 5), rng.uniform(0.99, 1.01, 5))
    sound = _tone(rng, rng.uniform(60, 2500) * drift, n, 10, rng.uniform(0.3, 1.5))
    noise = _coloured(rng, n, 1.0) * rng.uniform(0, 0.5)
    return sound + noise, frozenset(), frozenset({"air_conditioner", "engine_idling"})


def _revving(rng: np.random.Generator) -> Made:
    """An engine that speeds up and changes gear: pitch sweeps, but low and rough."""
    n = 8 * RATE_HZ
    knots = np.sort(rng.uniform(0, 8, 6))
    pitch = np.interp(np.arange(n) / RATE_HZ, knots, rng.uniform(40, 260, 6))
    rough = 1 + 0.3 * _coloured(rng, n, 1.0)
    sound = _tone(rng, pitch, n, 25, rng.uniform(0.4, 1.2)) * rough
    return sound, frozenset(), frozenset({"engine_idling", "traffic", "chainsaw"})


def _bell(rng: np.random.Generator) -> Made:
    n = 8 * RATE_HZ
    t = np.arange(n) / RATE_HZ
    base, period_s = rng.uniform(200, 900), rng.uniform(0.5, 3.0)
    since = t % period_s
    partials = (0.5, 1.0, 1.2, 1.5, 2.0, 2.7, 3.0)
    sound = sum(
        (rng.uniform(0.2, 1) * np.exp(-since * rng.uniform(0.5, 4)) * np.sin(6.2832 * base * p * t)
         for p in partials),
        np.zeros(n),
    )  # fmt: skip
    return sound, frozenset(), frozenset({"street_music"})


def _ringing(rng: np.random.Generator) -> Made:
    n = 8 * RATE_HZ
    t = np.arange(n) / RATE_HZ
    pulses = np.sin(2 * np.pi * rng.uniform(10, 25) * t) > 0
    cycle = (t % rng.uniform(1.5, 4.0)) < rng.uniform(0.5, 1.4)
    return _tone(rng, rng.uniform(400, 2500), n, 3, 1.0) * pulses * cycle, frozenset(), frozenset()
