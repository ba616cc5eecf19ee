"""The city's emergency vehicles: one way each, in metres and seconds, past the devices of a road.

A vehicle keeps its speed and its siren. So the times at which it is nearest to its devices follow
from the metres between them, and its level at each from the distance alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import dist, log10
from typing import Final

import numpy as np
from numpy.random import Generator

from acoustics.sirens import SirenKind
from agents.street_kinds import STREETS
from agents.street_map import Metres, position_m, roads
from agents.street_sounds import chance

BLOCK_S: Final = 90
WAY_S: Final = 20.0
"""A vehicle's siren is on for so long before its first device, and after its last."""

_ROUTES, _CITY = 2, 3  # streams of chance of one city
_KINDS: Final[Mapping[SirenKind, float]] = {
    "wail": 0.35, "hi-lo": 0.25, "yelp": 0.2, "wail-yelp": 0.15, "piercer": 0.05,
}  # fmt: skip
_FIRST_VEHICLES: Final = 3  # a demo of 90 s must hear some; afterwards one a block
_FIRST_WAY: Final = 2  # devices that one of those passes: the demo hears all of it


@dataclass(frozen=True)
class Vehicle:
    """An emergency vehicle.

    Attributes
    ----------
    block, index : int
        In which block of 90 s it sets out, and which of that block's vehicles it is.
    kind : str
        Kind of its siren.
    speed_m_s : float
        Its speed.
    level_db : float
        Level of its siren at 1 m, dB re 20 µPa.
    """

    block: int
    index: int
    kind: SirenKind
    speed_m_s: float
    level_db: float


@dataclass(frozen=True)
class Visit:
    """A vehicle comes by a device.

    Attributes
    ----------
    vehicle : Vehicle
        Which.
    device : int
        At which device.
    at_m : tuple of float
        Where the vehicle is when nearest, metres east and north.
    nearest_s : float
        When that is, seconds of the scene.
    siren_s : float
        The same moment in seconds of the vehicle's siren.
    before_s, after_s : float
        How long after its last device, and before its next: inf where there is none.
    """

    vehicle: Vehicle
    device: int
    at_m: Metres
    nearest_s: float
    siren_s: float
    before_s: float
    after_s: float

    @property
    def distance_m(self) -> float:
        """From the vehicle to the device."""
        return dist(self.at_m, position_m(self.device))

    @property
    def level_db(self) -> float:
        """Level of the siren at the device, dB re 20 µPa, were there nothing but air between."""
        return self.vehicle.level_db - 20 * log10(self.distance_m)


def visits(seed: int, devices: int, block: int) -> tuple[Visit, ...]:
    """Where the emergency vehicles that set out within one block of 90 s come by.

    Each drives one road. Even and odd blocks use different roads, so two visits to a device are
    more than a minute apart.

    Parameters
    ----------
    seed, devices, block : int
        City, how many devices it has, block; >= 0.

    Returns
    -------
    tuple of Visit
        In the order of vehicles; none is heard beyond the block after this.

    Examples
    --------
    >>> len({visit.vehicle for visit in visits(seed=7, devices=20, block=0)})
    3
    """
    all_roads = list(roads(devices))
    order = chance(seed, _CITY).permutation(len(all_roads))
    turn = [all_roads[i] for i in order[block % 2 :: 2]]
    rng = chance(seed, _ROUTES, block)
    count = min(1 if block else _FIRST_VEHICLES, len(turn))
    picked = rng.permutation(len(turn))[:count]
    drawn = rng.choice(len(_KINDS), len(picked), replace=False, p=list(_KINDS.values()))
    found: list[Visit] = []
    for index, road in enumerate(picked):
        kind = list(_KINDS)[drawn[index]]
        vehicle = Vehicle(block, index, kind, rng.uniform(14, 17), rng.uniform(110, 112.5))
        found += _way(rng, vehicle, _stretch(rng, turn[road], block))
    return tuple(found)


def _stretch(rng: Generator, road: tuple[int, ...], block: int) -> tuple[int, ...]:
    """Two or three neighbours, in one direction or the other."""
    longest = len(road) if block else _FIRST_WAY
    return road[:: rng.choice((1, -1))][: rng.integers(2, max(longest, 2), endpoint=True)]


def _way(rng: Generator, vehicle: Vehicle, devices: tuple[int, ...]) -> list[Visit]:
    places = _beside(rng, devices)
    legs_s = [dist(a, b) / vehicle.speed_m_s for a, b in pairwise(places)]
    first_s = vehicle.block * BLOCK_S + rng.uniform(25, 29)
    since_s = np.cumsum([0.0, *legs_s])
    around_s = [np.inf, *legs_s, np.inf]
    return [
        Visit(
            vehicle, device, places[n], first_s + float(since_s[n]), WAY_S + float(since_s[n]),
            before_s=around_s[n], after_s=around_s[n + 1],
        )
        for n, device in enumerate(devices)
    ]  # fmt: skip


def _beside(rng: Generator, devices: tuple[int, ...]) -> list[Metres]:
    """Points of the way nearest to its devices: off the line from the first to the last."""
    (west, south), (east, north) = position_m(devices[0]), position_m(devices[-1])
    along = complex(east - west, north - south) or 1
    aside = 1j * along / abs(along) * rng.choice((1, -1))
    places = []
    for device in devices:
        x, y = position_m(device)
        off = aside * rng.uniform(*STREETS[device % len(STREETS)].siren_m)
        places.append((x + off.real, y + off.imag))
    return places
