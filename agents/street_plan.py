"""What happens when: a street's everyday sounds, and the city's emergency vehicles.

Time is cut into minutes (everyday sounds) and blocks of 90 s (vehicles). Each is planned from
its own seed, so any second can be rendered without those before it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.random import Generator

from acoustics.sirens import SirenKind
from agents.sources import CALLS
from agents.street_kinds import Street
from agents.street_levels import RATE_HZ
from agents.street_passage import Passage
from agents.street_sounds import Call, CarPass, chance

MINUTE_S: Final = 60
BLOCK_S: Final = 90
_EVERYDAY, _VISIT, _ROUTES, _CITY = range(4)  # streams of chance of one city
_CAR_S: Final = 10.0
_ROAD: Final = 3  # neighbouring devices that one vehicle can pass
_KINDS: Final[Mapping[SirenKind, float]] = {
    "wail": 0.35, "hi-lo": 0.25, "yelp": 0.2, "wail-yelp": 0.15, "piercer": 0.05,
}  # fmt: skip
_FIRST_VEHICLES: Final = 3  # a demo of 90 s must hear some; afterwards one a block


@dataclass(frozen=True)
class Visit:
    """An emergency vehicle comes by a device."""

    device: int
    kind: SirenKind
    nearest_s: float
    vehicle: int


def everyday(street: Street, seed: int, device: int, minute: int) -> tuple[Call | CarPass, ...]:
    """Cars and calls that begin within one minute at one device.

    Parameters
    ----------
    street : Street
        Kind of street at the device.
    seed, device, minute : int
        City, device, minute; all >= 0.

    Returns
    -------
    tuple of Call and CarPass
        In a fixed order; each is shorter than a minute.

    Examples
    --------
    >>> from agents.street_kinds import BUSY
    >>> everyday(BUSY, 7, 0, 3) == everyday(BUSY, 7, 0, 3)
    True
    """
    rng = chance(seed, _EVERYDAY, device, minute)
    cars = [_car(street, rng, minute) for _ in range(rng.poisson(street.cars_per_min))]
    return (*cars, *_calls(street, rng, minute))


def _car(street: Street, rng: Generator, minute: int) -> CarPass:
    return CarPass(
        start=_start(rng, minute),
        length=round(_CAR_S * RATE_HZ),
        level_db=rng.uniform(*street.car_db),
        distance_m=rng.uniform(5, 12),
        speed_m_s=rng.uniform(7, 15),
        engine=rng.uniform(0.2, 1.2),
        pitch=rng.uniform(0.6, 1.5),
        texture=int(rng.integers(1 << 30)),
    )


def _calls(street: Street, rng: Generator, minute: int) -> Iterator[Call]:
    for label, per_min, level_db in street.calls:
        for _ in range(rng.poisson(per_min)):
            kind = str(rng.choice(list(CALLS[label])))
            level = rng.uniform(*level_db)
            yield Call(label, kind, _start(rng, minute), level, (int(rng.integers(1 << 30)),))


def _start(rng: Generator, minute: int) -> int:
    return int((minute + rng.uniform()) * MINUTE_S * RATE_HZ)


def visits(seed: int, devices: int, block: int) -> tuple[Visit, ...]:
    """Where the city's emergency vehicles come by within one block of 90 s.

    Each drives one road of neighbouring devices. Even and odd blocks use different roads, so
    two visits to a device are more than a minute apart.

    Parameters
    ----------
    seed, devices, block : int
        City, how many devices it has, block; >= 0.

    Returns
    -------
    tuple of Visit
        In the order of vehicles; all nearest between second 27 and 60 of the block.

    Examples
    --------
    >>> len({visit.kind for visit in visits(seed=7, devices=20, block=0)})
    3
    """
    roads = [tuple(range(i, min(i + _ROAD, devices))) for i in range(0, devices, _ROAD)]
    order = chance(seed, _CITY).permutation(len(roads))
    turn = [roads[i] for i in order[block % 2 :: 2]]
    rng = chance(seed, _ROUTES, block)
    vehicles = min(1 if block else _FIRST_VEHICLES, len(turn))
    picked = rng.permutation(len(turn))[:vehicles]
    drawn = rng.choice(len(_KINDS), len(picked), replace=False, p=list(_KINDS.values()))
    kinds = [list(_KINDS)[kind] for kind in drawn]
    routes = [_route(rng, turn[road], kinds[n], block, n) for n, road in enumerate(picked)]
    return tuple(visit for route in routes for visit in route)


def _route(
    rng: Generator, road: tuple[int, ...], kind: SirenKind, block: int, vehicle: int
) -> list[Visit]:
    way = road[:: rng.choice((1, -1))][: rng.integers(2, _ROAD + 1)]
    later_s = np.cumsum(rng.uniform(6, 12, len(way) - 1))
    nearest_s = block * BLOCK_S + rng.uniform(27, 36) + np.array([0.0, *later_s])
    return [Visit(d, kind, float(at), vehicle) for d, at in zip(way, nearest_s, strict=True)]


def passages(street: Street, seed: int, visited: tuple[Visit, ...]) -> tuple[Passage, ...]:
    """How the vehicles of some visits to one device sound there.

    Parameters
    ----------
    street : Street
        Kind of street at the device.
    seed : int
        City.
    visited : tuple of Visit
        Visits to one device.

    Returns
    -------
    tuple of Passage
        One for each visit.
    """
    return tuple(_passage(street, seed, visit) for visit in visited)


def _passage(street: Street, seed: int, visit: Visit) -> Passage:
    rng = chance(seed, _VISIT, visit.device, int(visit.nearest_s))
    in_s, out_s, speed = rng.uniform(8, 12), rng.uniform(8, 12), rng.uniform(9, 15)
    near, level = rng.uniform(*street.siren_m), rng.uniform(*street.siren_db)
    corner = np.hypot(near, speed * (in_s + out_s) / 2)
    # the siren turns in a few decibels above the street, so that its onset is a clear moment
    surplus_db = level - 20 * np.log10(corner / near) - street.ambient_db - rng.uniform(5, 8)
    return Passage(
        kind=visit.kind,
        nearest=round(visit.nearest_s * RATE_HZ),
        in_s=in_s,
        out_s=out_s,
        speed_m_s=speed,
        distance_m=near,
        level_db=level,
        excess_db_per_m=max(0.0, float(surplus_db / (corner - near))),
        screen_db=rng.uniform(14, 18),
        echoes=_echoes(street, rng),
        seed=(seed, _VISIT, int(visit.nearest_s) // BLOCK_S, visit.vehicle),
    )


def _echoes(street: Street, rng: Generator) -> tuple[tuple[int, float], ...]:
    delays = rng.uniform(0.01, 0.12, 4)
    return tuple(
        (int(delay * RATE_HZ), float(street.echo * rng.uniform(0.5, 1) * np.exp(-delay / 0.06)))
        for delay in delays
        if street.echo > 0
    )
