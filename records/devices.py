"""Which devices there are, where they stand and whether they are heard."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, LiteralString, NamedTuple

from records.reader import Reader
from schemas.errors import BadQuestion


class Device(NamedTuple):
    """A device of the sites file, with its newest status."""

    device: str
    site: str
    name: str
    street: str
    latitude: float | None
    longitude: float | None
    height_m: float | None
    facade_correction_db: float
    active: bool
    online: bool
    status_at: datetime | None


class Site(NamedTuple):
    """A site, with its clock and its limits."""

    site: str
    name: str
    time_zone: str
    limit_day_db: float | None
    limit_evening_db: float | None
    limit_night_db: float | None


class UnknownDevice(BadQuestion):
    """No such device was ever installed."""


class _Named(NamedTuple):
    device: str


_DEVICES: Final[LiteralString] = """
SELECT device, site, name, street, latitude, longitude, height_m, facade_correction_db, active,
       online, status_at
FROM device
WHERE (%(site)s::text IS NULL OR site = %(site)s) AND active
ORDER BY device
"""
_SITES: Final[LiteralString] = """
SELECT site, name, time_zone, limit_day_db, limit_evening_db, limit_night_db
FROM site ORDER BY site
"""
_UNKNOWN: Final[LiteralString] = """
SELECT asked AS device FROM unnest(%(devices)s::text[]) WITH ORDINALITY AS asked (asked, position)
WHERE NOT EXISTS (SELECT FROM device WHERE device.device = asked) ORDER BY position LIMIT 1
"""


def installed(reader: Reader, site: str | None = None) -> list[Device]:
    """Devices that the sites file names today, of one site or of all."""
    return reader.rows(_DEVICES, {"site": site}, Device)


def sites(reader: Reader) -> list[Site]:
    """All sites."""
    return reader.rows(_SITES, {}, Site)


def require(reader: Reader, devices: Sequence[str]) -> None:
    """Do nothing if all devices are known, also those that were taken down.

    Raises
    ------
    UnknownDevice
        With the first that is not.
    """
    for unknown in reader.rows(_UNKNOWN, {"devices": list(devices)}, _Named):
        raise UnknownDevice(f"no device is called {unknown.device!r}")
