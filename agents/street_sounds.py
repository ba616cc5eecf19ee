"""What a street is mixed from: pieces of sound with a place in time, each rendered from a seed.

A piece is a value; rendering it twice gives the same samples, so it can be made when its first
second is wanted and dropped after its last.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Final, Protocol

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from agents.sources import CALLS, Spectrum, engine, noise, tyre_spectrum
from agents.street_levels import RATE_HZ, Samples, rms_of

Seed = tuple[int, ...]
Drift = Callable[[int, NDArray[np.float64]], NDArray[np.float64]]
"""Seed of the city and seconds of the scene -> dB."""

_HOP: Final = RATE_HZ
_OVERLAP: Final = RATE_HZ // 4
_RISE: Final = np.sin(np.pi / 2 * (np.arange(_OVERLAP) + 0.5) / _OVERLAP).astype(np.float32)
_CONTROL: Final = RATE_HZ // 8  # levels are drawn at this many samples and interpolated
_SWINGS_S: Final = (5.3, 13.7, 41.0)  # periods of a bed's slow moves, with no common multiple
_TEXTURE: Final = 32 * RATE_HZ


def chance(*seed: int) -> Generator:
    """A generator for a tuple of seeds, another one for every other tuple.

    Parameters
    ----------
    seed : int
        Seeds, >= 0. Their number is part of the seed: numpy ignores trailing zeros.

    Returns
    -------
    numpy.random.Generator
        A fresh one.

    Examples
    --------
    >>> chance(7).integers(1000) == chance(7, 0).integers(1000)
    np.False_
    """
    return np.random.default_rng((len(seed), *seed))


def read_between(sound: Samples, at: NDArray[np.float64]) -> Samples:
    """Values of a sound between its samples, by a cubic through the nearest four.

    Parameters
    ----------
    sound : ndarray of float32, shape (n,)
        Samples, well below a quarter of their rate in frequency.
    at : ndarray of float64, shape (m,)
        Places, in samples, from 1 to n - 3.

    Returns
    -------
    ndarray of float32, shape (m,)
        The values there.

    Examples
    --------
    >>> read_between(np.arange(6, dtype=np.float32), np.array([2.25])).tolist()
    [2.25]
    """
    before = at.astype(np.int64)
    x = (at - before).astype(np.float32)
    a, b, c, d = (sound[before + offset] for offset in (-1, 0, 1, 2))
    return b + x / 2 * (c - a + x * (2 * a - 5 * b + 4 * c - d + x * (3 * (b - c) + d - a)))


class Sound(Protocol):
    """A piece of sound with a place in time."""

    @property
    def label(self) -> str:
        """What it is a sound of; the stem that it belongs to."""

    @property
    def kind(self) -> str:
        """Which variety of the label."""

    @property
    def start(self) -> int:
        """Its first sample, counted from the scene's first; may be negative."""

    @property
    def length(self) -> int:
        """Its duration, samples."""

    def render(self) -> Samples:
        """Its `length` samples, full scale 1.0."""


@dataclass(frozen=True)
class Bed:
    """A sound that never ends: noise whose level moves slowly by up to `swing_db`.

    The weather moves it too, at all devices alike: `drift_db` says by how much at which second.
    """

    label: str
    kind: str
    spectrum: Spectrum
    laeq_db: float
    swing_db: float
    drift_db: Drift | None = None


@dataclass(frozen=True)
class BedBlock:
    """One second of a bed, and the quarter before it in which it takes over from the last."""

    bed: Bed
    seed: Seed
    index: int

    @property
    def label(self) -> str:
        """Label of the bed."""
        return self.bed.label

    @property
    def kind(self) -> str:
        """Kind of the bed."""
        return self.bed.kind

    @property
    def start(self) -> int:
        """First sample of the fade-in."""
        return self.index * _HOP - _OVERLAP

    @property
    def length(self) -> int:
        """Samples from fade-in to fade-out."""
        return _HOP + _OVERLAP

    def render(self) -> Samples:
        """Noise of this block, faded so that the powers of two neighbours add up to a constant."""
        block = noise(chance(*self.seed, self.index), self.length, self.bed.spectrum)
        block[:_OVERLAP] *= _RISE
        block[-_OVERLAP:] *= _RISE[::-1]
        block *= self._gain()
        return block

    def _gain(self) -> Samples:
        at = np.arange(0, self.length + 1, _CONTROL)
        phases = chance(*self.seed).uniform(0, 2 * np.pi, (len(_SWINGS_S), 1))
        t_s = (self.start + at) / RATE_HZ
        turns = t_s / np.array(_SWINGS_S)[:, None]
        moves_db = self.bed.swing_db * np.sin(2 * np.pi * turns + phases).mean(axis=0)
        if self.bed.drift_db is not None:
            moves_db += self.bed.drift_db(self.seed[0], t_s)
        gains = rms_of(self.bed.laeq_db) * 10 ** (moves_db / 20)
        return np.asarray(np.interp(np.arange(self.length), at, gains), dtype=np.float32)


@dataclass(frozen=True)
class Call:
    """A bird, a dog or a horn: one of `CALLS`, once, at a level."""

    label: str
    kind: str
    start: int
    level_db: float
    seed: Seed

    @cached_property
    def length(self) -> int:
        """Known from rendering, which is cheap for a call."""
        return len(self.render())

    def render(self) -> Samples:
        """The call, its loudest eighth of a second at `level_db`, A-weighted."""
        return CALLS[self.label][self.kind](chance(*self.seed)) * np.float32(rms_of(self.level_db))


@dataclass(frozen=True)
class CarPass:
    """One car that drives by: tyres and engine swell and fade as the distance changes.

    Attributes
    ----------
    start, length : int
        Samples; the car is nearest in the middle.
    level_db : float
        A-weighted level when nearest, dB re 20 µPa.
    distance_m, speed_m_s : float
        Smallest distance, and speed.
    engine : float
        Amplitude of the engine, the tyres' being 1.
    pitch : float
        How fast the engine turns, 1 being an ordinary car's.
    texture : int
        Which piece of the noise it is made from.
    """

    start: int
    length: int
    level_db: float
    distance_m: float
    speed_m_s: float
    engine: float
    pitch: float
    texture: int
    label: str = "traffic"
    kind: str = "car"

    def render(self) -> Samples:
        """The car as the microphone hears it."""
        t = (np.arange(0, self.length + 1, _CONTROL) - self.length / 2) / RATE_HZ
        way_m = np.hypot(self.distance_m, self.speed_m_s * t)
        faded = np.cos(np.pi * t * RATE_HZ / self.length) ** 2
        gains = rms_of(self.level_db) * faded * self.distance_m / way_m / np.hypot(1, self.engine)
        at, grid = np.arange(self.length), np.arange(len(t)) * _CONTROL
        # the sound heard at t left the car way_m / 343 earlier: that is its Doppler shift
        turned = self.pitch * (t - t[0] - (way_m - way_m[0]) / 343.0) * RATE_HZ
        places = 1 + self.texture % (_TEXTURE // 4) + np.interp(at, grid, turned)
        begin = self.texture % (_TEXTURE - self.length)
        sound = read_between(_engine(), places) * np.float32(self.engine)
        sound += _tyres()[begin : begin + self.length]
        sound *= np.interp(at, grid, gains).astype(np.float32)
        return sound


@cache
def _tyres() -> Samples:
    """Tyre noise that all cars of all streets cut their piece from: it is the costly part."""
    return noise(chance(_TEXTURE), _TEXTURE, tyre_spectrum)


@cache
def _engine() -> Samples:
    """Likewise an engine, at an ordinary car's speed in town."""
    return engine(chance(_TEXTURE), _TEXTURE)
