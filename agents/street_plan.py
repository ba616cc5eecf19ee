"""What happens when: a street's everyday sounds, and what it makes of a vehicle that comes by.

Everyday sounds are planned by the minute, each from its own seed, so any second can be rendered
without those before it; vehicles likewise by blocks of 90 s, see `street_routes`.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.random import Generator

from agents.sources import CALLS
from agents.street_kinds import Street
from agents.street_levels import RATE_HZ
from agents.street_passage import Passage
from agents.street_routes import Visit
from agents.street_sounds import Call, CarPass, chance

MINUTE_S: Final = 60
_EVERYDAY, _VISIT = 0, 1  # streams of chance of one city
_CAR_S: Final = 10.0


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
    in_s = min(rng.uniform(8, 12), visit.before_s / 2)
    out_s = min(rng.uniform(8, 12), visit.after_s / 2)
    vehicle, near = visit.vehicle, visit.distance_m
    corner = np.hypot(near, vehicle.speed_m_s * (in_s + out_s) / 2)
    # the siren turns in a few decibels above the street, so that its onset is a clear moment
    level_there = visit.level_db - 20 * np.log10(corner / near)
    surplus_db = level_there - street.ambient_db - rng.uniform(5, 8)
    return Passage(
        kind=vehicle.kind,
        nearest=round(visit.nearest_s * RATE_HZ),
        in_s=in_s,
        out_s=out_s,
        speed_m_s=vehicle.speed_m_s,
        distance_m=near,
        level_db=visit.level_db,
        excess_db_per_m=max(0.0, float(surplus_db / (corner - near))),
        screen_db=rng.uniform(14, 18),
        echoes=_echoes(street, rng),
        siren_s=visit.siren_s,
        seed=(seed, _VISIT, vehicle.block, vehicle.index),
    )


def _echoes(street: Street, rng: Generator) -> tuple[tuple[int, float], ...]:
    delays = rng.uniform(0.01, 0.12, 4)
    return tuple(
        (int(delay * RATE_HZ), float(street.echo * rng.uniform(0.5, 1) * np.exp(-delay / 0.06)))
        for delay in delays
        if street.echo > 0
    )
