"""`cityhum migrate`: bring the database to this version; load sites; make partitions ahead."""

import logging
from datetime import timedelta

from cityhum import environment, logs
from processors import registry
from processors.adapters import migrations, site_tables
from processors.adapters.clock import utc_now
from processors.settings import ProcessorSettings
from schemas.adapters import text_file

DAYS_AHEAD = 7

log = logging.getLogger(__name__)


def app() -> None:
    """Run migrations and load the sites; `CITYHUM_POSTGRES_USER` must own the database."""
    settings = environment.read(ProcessorSettings)
    logs.configure(settings.log_level)
    devices = registry.parse(text_file.read(settings.sites_file), str(settings.sites_file))
    migrations.upgrade(settings)
    today = utc_now().date()
    days = [today + timedelta(days=n) for n in range(-1, DAYS_AHEAD + 1)]
    site_tables.load(settings, devices, days)
    log.info("migrated", extra={"sites": len(devices.sites), "devices": len(devices.site_of)})
