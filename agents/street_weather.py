"""One weather over the whole city: gusts that swell and fade everywhere, and showers.

A city begins dry, so that a demo hears its streets.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from agents.street_sounds import chance
from schemas.base import Frozen

Floats = NDArray[np.float64]

_WIND, _RAIN = 200, 201  # streams of chance of one city
_GUSTS_S: Final = (29.0, 83.0, 311.0, 1019.0)  # periods with no common multiple
_GUST_DB: Final = (1.5, 1.5, 2.0, 3.0)
_SPAN_S: Final = 1800  # at most one shower in each
_SHOWER_SHARE: Final = 0.4
_SWELL_S: Final = 60.0


class Weather(Frozen):
    """The weather at a moment; the same at every device."""

    at_s: float
    wind_db: float
    """Against the street's usual."""
    rain: float
    """0 dry, 1 heavy."""


@dataclass(frozen=True)
class Shower:
    """Rain from a second to another; `strength` 0 to 1 in its middle."""

    onset_s: float
    offset_s: float
    strength: float


def wind_db(seed: int, t_s: Floats) -> Floats:
    """Level of the wind against the street's usual.

    Parameters
    ----------
    seed : int
        City.
    t_s : ndarray, shape (n,)
        Seconds of the scene.

    Returns
    -------
    ndarray of float64, shape (n,)
        dB, within ±8.
    """
    phases = chance(seed, _WIND).uniform(0, 2 * np.pi, len(_GUSTS_S))
    turns = np.asarray(t_s)[:, None] / np.array(_GUSTS_S)
    return np.asarray(np.sin(2 * np.pi * turns + phases) @ np.array(_GUST_DB))


def rain(seed: int, t_s: Floats) -> Floats:
    """How hard it rains.

    Parameters
    ----------
    seed : int
        City.
    t_s : ndarray, shape (n,), n >= 1
        Seconds of the scene, rising.

    Returns
    -------
    ndarray of float64, shape (n,)
        0 dry, 1 heavy.
    """
    falls = np.zeros(len(t_s))
    for shower in showers(seed, float(t_s[-1])):
        edge_s = np.minimum(t_s - shower.onset_s, shower.offset_s - t_s)
        falls = np.maximum(falls, shower.strength * np.clip(edge_s / _SWELL_S, 0, 1))
    return falls


def rain_db(seed: int, t_s: Floats) -> Floats:
    """The same as a level against heavy rain: -inf where it is dry."""
    with np.errstate(divide="ignore"):
        return np.asarray(20 * np.log10(rain(seed, t_s)))


def showers(seed: int, until_s: float) -> Iterator[Shower]:
    """Showers that begin before a second, in order; none overlaps another."""
    for span in range(int(until_s // _SPAN_S) + 1):
        rng = chance(seed, _RAIN, span)
        falls, onset_s = rng.uniform() < _SHOWER_SHARE, span * _SPAN_S + rng.uniform(300, 900)
        shower = Shower(onset_s, onset_s + rng.uniform(240, 900), rng.uniform(0.4, 1))
        if falls and onset_s < until_s:
            yield shower


def conditions(seed: int, until_s: float, every_s: int = 60) -> tuple[Weather, ...]:
    """The weather at regular moments.

    Parameters
    ----------
    seed : int
        City.
    until_s : float
        Before this second.
    every_s : int
        Seconds between two moments.

    Returns
    -------
    tuple of Weather
    """
    at = np.arange(0, max(until_s, 1), every_s, dtype=np.float64)
    told = zip(at, wind_db(seed, at), rain(seed, at), strict=True)
    return tuple(
        Weather(at_s=float(t), wind_db=round(float(wind), 2), rain=round(float(fall), 3))
        for t, wind, fall in told
    )
