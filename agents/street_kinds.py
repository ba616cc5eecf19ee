"""Kinds of streets: how loud, what passes, what calls. The figures are ours, typical of towns."""

from dataclasses import dataclass
from typing import Final

from agents.sources import rain_spectrum, traffic_spectrum, water_spectrum, wind_spectrum
from agents.street_sounds import Bed
from agents.street_weather import rain_db, wind_db

Range = tuple[float, float]


@dataclass(frozen=True)
class Street:
    """A kind of street.

    Attributes
    ----------
    name : str
        As `deploy/sites.yaml` calls it.
    beds : tuple of Bed
        What never stops.
    ambient_db : float
        Typical LAeq of everything but sirens, dB re 20 µPa.
    cars_per_min, car_db : float, range
        Cars that pass close by, and their level when nearest.
    calls : tuple of (label, per minute, level range)
        Birds, dogs, horns.
    siren_m : range
        Distance of a siren when nearest.
    echo : float
        How strongly walls reflect, 0 to 1.
    """

    name: str
    beds: tuple[Bed, ...]
    ambient_db: float
    cars_per_min: float
    car_db: Range
    calls: tuple[tuple[str, float, Range], ...]
    siren_m: Range
    echo: float


def _traffic(laeq_db: float, swing_db: float = 4.0) -> Bed:
    return Bed("traffic", "distant", traffic_spectrum, laeq_db, swing_db)


def _wind(laeq_db: float) -> Bed:
    return Bed("wind", "gusts", wind_spectrum, laeq_db, 5.0, wind_db)


RAIN: Final = Bed("rain", "shower", rain_spectrum, 58.0, 2.0, rain_db)
"""Heavy rain around the microphone, in every street."""
BUSY: Final = Street(
    name="busy",
    beds=(_traffic(59.0), _wind(40.0)),
    ambient_db=63.5,
    cars_per_min=8.0,
    car_db=(64.0, 71.0),
    calls=(
        ("car_horn", 0.5, (72.0, 84.0)),
        ("dog_bark", 0.1, (62.0, 74.0)),
        ("birds", 0.5, (50.0, 60.0)),
    ),
    siren_m=(7.0, 12.0),
    echo=0.35,
)
SIDE: Final = Street(
    name="side",
    beds=(_traffic(52.0), _wind(40.0)),
    ambient_db=56.0,
    cars_per_min=2.0,
    car_db=(60.0, 67.0),
    calls=(
        ("car_horn", 0.2, (66.0, 78.0)),
        ("dog_bark", 0.5, (60.0, 74.0)),
        ("birds", 2.0, (48.0, 62.0)),
    ),
    siren_m=(8.0, 18.0),
    echo=0.3,
)
PARK: Final = Street(
    name="park",
    beds=(_traffic(48.0), _wind(46.0)),
    ambient_db=52.5,
    cars_per_min=0.0,
    car_db=(0.0, 0.0),
    calls=(
        ("car_horn", 0.1, (52.0, 60.0)),
        ("dog_bark", 1.0, (56.0, 72.0)),
        ("birds", 7.0, (46.0, 62.0)),
    ),
    siren_m=(20.0, 36.0),
    echo=0.0,
)
HARBOUR: Final = Street(
    name="harbour",
    beds=(
        _traffic(52.0),
        _wind(49.0),
        Bed("water", "waves", water_spectrum, 50.0, 6.0),
    ),
    ambient_db=57.0,
    cars_per_min=1.5,
    car_db=(60.0, 66.0),
    calls=(
        ("car_horn", 0.15, (64.0, 76.0)),
        ("dog_bark", 0.2, (58.0, 70.0)),
        ("birds", 2.0, (50.0, 62.0)),
    ),
    siren_m=(12.0, 28.0),
    echo=0.2,
)
STREETS: Final = (
    *(HARBOUR,) * 4, *(BUSY,) * 2, *(HARBOUR,) * 2, *(BUSY,) * 2,
    *(SIDE,) * 2, *(BUSY,) * 2, SIDE, *(PARK,) * 3, BUSY, SIDE,
)  # fmt: skip
"""Streets of the twenty example devices, in the order of `deploy/sites.yaml`."""
