"""Where the simulated devices stand, in metres, and the roads that lead past them.

The twenty positions are those of `deploy/sites.yaml`, seen from the middle of the example town;
a larger city is that town again, one beside the other.
"""

from collections.abc import Iterator
from math import cos, radians
from typing import Final

Metres = tuple[float, float]
"""East and north."""

TOWN: Final[tuple[Metres, ...]] = (
    (-857, -726), (-474, -743), (52, -600), (326, -717), (862, -730),
    (-839, -156), (-344, -194), (-32, -146), (384, -293), (739, -332),
    (-777, 300), (-403, 244), (61, 179), (414, 121), (710, 267),
    (-698, 570), (-417, 617), (-58, 697), (430, 742), (864, 582),
)  # fmt: skip
"""Of the example devices, in the order of the sites file."""

_ROADS: Final = (
    (0, 1, 2),
    (3, 4),
    (5, 6, 7),
    (8, 9),
    (10, 11, 12),
    (13, 14),
    (15, 16, 17),
    (18, 19),
)
_MIDDLE: Final = (54.326, 10.142)  # degrees north and east
_METRES_A_DEGREE: Final = 111_200.0
_TOWN_WIDTH_M: Final = 2500.0


def position_m(device: int) -> Metres:
    """Place of a device.

    Parameters
    ----------
    device : int
        Its index, >= 0.

    Returns
    -------
    tuple of float
        Metres east and north of the middle of the first town.

    Examples
    --------
    >>> position_m(21)
    (2026.0, -743.0)
    """
    town, place = divmod(device, len(TOWN))
    east, north = TOWN[place]
    return east + town * _TOWN_WIDTH_M, float(north)


def latitude_longitude(device: int) -> tuple[float, float]:
    """The same place on the globe.

    Parameters
    ----------
    device : int
        Its index, >= 0.

    Returns
    -------
    tuple of float
        Degrees north and east.

    Examples
    --------
    >>> latitude_longitude(0)
    (54.31947, 10.12878)
    """
    east, north = position_m(device)
    longitude = _MIDDLE[1] + east / (_METRES_A_DEGREE * cos(radians(_MIDDLE[0])))
    return round(_MIDDLE[0] + north / _METRES_A_DEGREE, 5), round(longitude, 5)


def roads(devices: int) -> Iterator[tuple[int, ...]]:
    """Devices that stand along one road each, neighbours beside each other.

    Parameters
    ----------
    devices : int
        How many the city has, >= 1.

    Yields
    ------
    tuple of int
        Every device is in exactly one.

    Examples
    --------
    >>> list(roads(4))
    [(0, 1, 2), (3,)]
    """
    for first in range(0, devices, len(TOWN)):
        for road in _ROADS:
            along = tuple(first + place for place in road if first + place < devices)
            if along:
                yield along
