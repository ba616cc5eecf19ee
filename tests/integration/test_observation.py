"""The fleet in figures, from a real database."""

from collections.abc import Iterator
from datetime import UTC, datetime

import orjson
import pytest
from prometheus_client import REGISTRY

from api.adapters import fleet_figures
from records import observation
from records.adapters.postgres import PostgresReader
from tests.database import Database
from tests.recorded import address

_LEDGER = """
INSERT INTO ledger
    (device, sessions, counted, missing, duplicates, off_clock, overlapping, newest_at)
VALUES (%s, 1, 100, %s, 2, 0, 0, now() - %s::interval)"""
_STATUS = """
UPDATE device SET online = %s, status = %s, status_written_at = now() - %s::interval
WHERE device = %s"""
_WELL = {"clock": "synced", "calibration": "tone", "spooled_readings": 3, "temperature_c": 40.0}


@pytest.fixture
def reader(database: Database) -> Iterator[PostgresReader]:
    with PostgresReader(address(database)) as found:
        yield found


def hear_of(
    database: Database, device: str, *, online: bool, ago: str = "1 s", **status: object
) -> None:
    told = orjson.dumps({**_WELL, **status}).decode()
    database.query(_STATUS, online, told, ago, device)


def shown(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


def test_the_fleet_is_counted_not_named(database: Database, reader: PostgresReader) -> None:
    hear_of(database, "pole-01", online=True)
    hear_of(database, "pole-02", online=True, clock="unsynced", spooled_readings=5000)
    hear_of(database, "pole-03", online=False, dropped=[{"count": 60}, {"count": 1}])
    hear_of(database, "pole-04", online=False, ago="3 h")
    database.query(_LEDGER, "pole-01", 7, "2 s")
    database.query(_LEDGER, "pole-02", 0, "20 min")
    fleet_figures.show(observation.figures(reader), datetime.now(UTC))
    states = {one: shown("cityhum_devices", state=one) for one in ("online", "offline", "lost")}
    assert states == {"online": 2, "offline": 1, "lost": 1}
    troubles = ("mute", "clock", "heat")
    found = [shown("cityhum_devices_in_trouble", trouble=one) for one in troubles]
    assert found == [1, 1, 0]
    assert shown("cityhum_spooled_readings", quantile="1") == 5000
    kinds = ("counted", "missing", "duplicate", "dropped")
    assert [shown("cityhum_account_readings", state=one) for one in kinds] == [200, 7, 4, 61]
    [(complete,)] = database.query("SELECT count(*) FROM replay WHERE state = 'complete'")
    assert shown("cityhum_replays", state="complete") == complete


def test_a_backup_is_known_by_its_time(database: Database, reader: PostgresReader) -> None:
    fleet_figures.show(observation.figures(reader), datetime.now(UTC))
    assert shown("cityhum_backup_timestamp_seconds") == 0
    database.query("INSERT INTO backup VALUES ('epoch', 1), ('1970-01-02T00:00Z', 1)")
    fleet_figures.show(observation.figures(reader), datetime.now(UTC))
    assert shown("cityhum_backup_timestamp_seconds") == 86_400


def test_a_target_that_has_everything_has_nothing_to_come(
    database: Database, reader: PostgresReader
) -> None:
    database.query("INSERT INTO outbox (kind, key, payload) VALUES ('alert', 'a', '{}')")
    database.query("INSERT INTO delivery (outbox_id, target) SELECT id, 'mqtt' FROM outbox")
    fleet_figures.show(observation.figures(reader), datetime.now(UTC))
    assert shown("cityhum_undelivered_messages", target="mqtt") == 1
    assert (shown("cityhum_undelivered_age_seconds", target="mqtt") or 0) > 0
    database.query("UPDATE delivery SET delivered_at = now()")
    fleet_figures.show(observation.figures(reader), datetime.now(UTC))
    assert shown("cityhum_undelivered_messages", target="mqtt") == 0
    assert shown("cityhum_undelivered_age_seconds", target="mqtt") == 0
