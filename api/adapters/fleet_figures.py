"""The fleet's figures, read from the database now and then and shown as metrics."""

import asyncio
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, Never

from prometheus_client import Gauge

from records import observation
from records.fleet import Waiting
from records.observation import Figures
from records.reader import Reader
from schemas import metrics
from schemas.errors import CityhumError

EVERY_S: Final = 15.0

log = logging.getLogger(__name__)


async def watch(reader: Reader) -> Never:
    """Show them for ever; while the database is away the last ones stand."""
    while True:
        try:
            found = await asyncio.to_thread(observation.figures, reader)
        except CityhumError as error:
            log.warning("figures_later", extra={"why": str(error)})
        else:
            show(found, datetime.now(UTC))
        await asyncio.sleep(EVERY_S)


def show(found: Figures, now: datetime) -> None:
    """Set the gauges."""
    _set(metrics.DEVICES, found.devices)
    _set(metrics.DEVICES_IN_TROUBLE, found.in_trouble)
    _set(metrics.SPOOLED_READINGS, found.spooled)
    _set(metrics.ACCOUNT_READINGS, found.account)
    _set(metrics.REPLAYS, found.replays)
    _set(metrics.UNDELIVERED, {name: one.messages for name, one in found.waiting.items()})
    ages = {name: _age_s(one, now) for name, one in found.waiting.items()}
    _set(metrics.UNDELIVERED_AGE_SECONDS, ages)
    metrics.REPLAYED_READINGS.set(found.replayed_readings)
    metrics.DATABASE_BYTES.set(found.database_bytes)
    metrics.BACKUP_AT.set(found.backup_at_s)


def _age_s(waiting: Waiting, now: datetime) -> float:
    return 0.0 if waiting.oldest_at is None else max(0.0, (now - waiting.oldest_at).total_seconds())


def _set(gauge: Gauge, values: Mapping[str, float]) -> None:
    """Set a gauge by its only label; what was there before and is no more, is 0."""
    before = [sample.labels for family in gauge.collect() for sample in family.samples]
    for label in {value for labels in before for value in labels.values()} | values.keys():
        gauge.labels(label).set(values.get(label, 0.0))
