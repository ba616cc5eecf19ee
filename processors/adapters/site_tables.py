"""Sites and devices as the database knows them; the file is the truth."""

from collections.abc import Sequence
from datetime import date
from typing import Final

import psycopg

from processors.adapters.postgres import conninfo, unavailable
from processors.registry import Device, Registry, Site
from processors.settings import ProcessorSettings

_SITE: Final = """
INSERT INTO site (site, name, time_zone, day_starts, evening_starts, night_starts,
    limit_day_db, limit_evening_db, limit_night_db)
VALUES (%(site)s, %(name)s, %(time_zone)s, %(day_starts)s, %(evening_starts)s, %(night_starts)s,
    %(day)s, %(evening)s, %(night)s)
ON CONFLICT (site) DO UPDATE SET name = excluded.name, time_zone = excluded.time_zone,
    day_starts = excluded.day_starts, evening_starts = excluded.evening_starts,
    night_starts = excluded.night_starts, limit_day_db = excluded.limit_day_db,
    limit_evening_db = excluded.limit_evening_db, limit_night_db = excluded.limit_night_db"""
_DEVICE: Final = """
INSERT INTO device (device, site, name, street, latitude, longitude, height_m,
    facade_correction_db)
VALUES (%(device)s, %(site)s, %(name)s, %(street)s, %(latitude)s, %(longitude)s, %(height_m)s,
    %(facade_correction_db)s)
ON CONFLICT (device) DO UPDATE SET site = excluded.site, name = excluded.name,
    street = excluded.street, latitude = excluded.latitude, longitude = excluded.longitude,
    height_m = excluded.height_m, facade_correction_db = excluded.facade_correction_db,
    active = true"""
# what it measures at another site later has another row
_STAND: Final = """
INSERT INTO stand (device, site, facade_correction_db)
VALUES (%(device)s, %(site)s, %(facade_correction_db)s)
ON CONFLICT (device, site) DO UPDATE SET facade_correction_db = excluded.facade_correction_db"""
_GONE: Final = "UPDATE device SET active = false WHERE device <> ALL(%s)"
_PARTITIONS: Final = "SELECT ensure_reading_partitions(%s::date[])"


def load(settings: ProcessorSettings, registry: Registry, days: Sequence[date]) -> None:
    """Write sites and devices, and make partitions for these days; the user must be the owner.

    Raises
    ------
    Unavailable
        If the database does not answer.
    """
    devices = [_of_device(site, device) for site in registry.sites for device in site.devices]
    with (
        unavailable(),
        psycopg.connect(conninfo(settings)) as connection,
        connection.cursor() as cursor,
    ):
        cursor.executemany(_SITE, [_of_site(site) for site in registry.sites])
        cursor.executemany(_DEVICE, devices)
        cursor.executemany(_STAND, devices)
        cursor.execute(_GONE, (list(registry.site_of),))
        cursor.execute(_PARTITIONS, (list(days),))


def _of_site(site: Site) -> dict[str, object]:
    limits = site.limits_db
    allowed = limits.model_dump() if limits else {"day": None, "evening": None, "night": None}
    return {**site.model_dump(exclude={"devices", "limits_db"}), **allowed}


def _of_device(site: Site, device: Device) -> dict[str, object]:
    return {"site": site.site, **device.model_dump()}
