"""The sites and devices of an installation, as `deploy/sites.yaml` names them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, TypeVar
from zoneinfo import ZoneInfo

import yaml
from pydantic import AfterValidator, Field, ValidationError

from schemas.base import Decibels, DeviceId, Frozen, SiteId
from schemas.errors import BadConfig
from schemas.results import Alert, Window

Told = TypeVar("Told", Alert, Window, Alert | Window)


def _existing_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError):  # unknown, the name of a folder, a path
        msg = f"no time zone is called {name[:50]!r}"
        raise ValueError(msg) from None
    return name


TimeZone = Annotated[str, AfterValidator(_existing_zone)]
TimeOfDay = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class Limits(Frozen):
    """What the site allows, LAeq in dB re 20 µPa."""

    day: Decibels
    evening: Decibels
    night: Decibels


class Device(Frozen):
    """One microphone on its pole."""

    device: DeviceId
    name: str = Field(default="", max_length=100)
    street: str = Field(default="", max_length=50, description="kind of street; the simulator's")
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = None
    height_m: Annotated[float, Field(ge=0, le=1000)] | None = None
    facade_correction_db: Decibels = 0.0


class Site(Frozen):
    """A quarter with its time zone, hours and limits."""

    site: SiteId
    name: str = Field(default="", max_length=100)
    time_zone: TimeZone = "UTC"
    day_starts: TimeOfDay = "07:00"
    evening_starts: TimeOfDay = "19:00"
    night_starts: TimeOfDay = "23:00"
    limits_db: Limits | None = None
    devices: tuple[Device, ...] = ()


class _File(Frozen):
    sites: tuple[Site, ...]


@dataclass(frozen=True)
class Registry:
    """Which devices exist, and at which site."""

    sites: tuple[Site, ...]
    site_of: Mapping[DeviceId, SiteId]

    @property
    def zones(self) -> Mapping[SiteId, ZoneInfo]:
        """Time zone of each site."""
        return {site.site: ZoneInfo(site.time_zone) for site in self.sites}

    @cached_property
    def devices(self) -> Mapping[DeviceId, Device]:
        """Every device by its id."""
        return {device.device: device for site in self.sites for device in site.devices}

    def knows(self, site: str, device: str) -> bool:
        """Whether this device stands at this site."""
        return self.site_of.get(device) == site


def parse(text: str, source: str = "sites.yaml") -> Registry:
    """Sites and devices of a file's text.

    Raises
    ------
    BadConfig
        One line that names `source` and the first mistake.

    Examples
    --------
    >>> parse("sites: [{site: harbour, devices: [{device: pole-07}]}]").knows("harbour", "pole-07")
    True
    """
    try:
        sites = _File.model_validate(yaml.safe_load(text)).sites
    except yaml.YAMLError as error:
        raise BadConfig(f"{source} is not YAML: {' '.join(str(error).split())[:200]}") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "file"
        raise BadConfig(f"{source}: {where}: {first['msg']}") from None
    for twice in _repeated(site.site for site in sites):
        raise BadConfig(f"{source}: site {twice} is named twice")
    for twice in _repeated(device.device for site in sites for device in site.devices):
        raise BadConfig(f"{source}: device {twice} is named twice")
    return Registry(sites, {d.device: site.site for site in sites for d in site.devices})


def placed(message: Told, registry: Registry) -> Told:
    """An alert with the coordinates of its device, where they are known; others as they are."""
    device = registry.devices.get(message.device) if isinstance(message, Alert) else None
    if device is None or device.latitude is None or device.longitude is None:
        return message
    where = {"latitude": device.latitude, "longitude": device.longitude}
    return message.model_copy(update=where)


def _repeated(names: Iterator[str]) -> Iterator[str]:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            yield name
        seen.add(name)
