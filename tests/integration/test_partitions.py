"""Days of readings on a real PostgreSQL: made ahead, dropped when old, never in anybody's way."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import psycopg
import pytest

from processors import archive
from processors.adapters import reading_days
from processors.adapters.reading_days import Kept
from processors.adapters.store import PostgresStore
from processors.partitions import Checkpoint, Commit
from processors.reading_days import LEAST_KEEP_DAYS
from processors.settings import ProcessorSettings
from schemas.errors import BadConfig
from tests.builders import labelled
from tests.database import Database, settings_for
from tests.streams import KEY

TODAY = date(2031, 5, 4)
"""No other test has readings near it."""


OLD = TODAY - timedelta(days=LEAST_KEEP_DAYS + 1)


@pytest.fixture
def owner(database: Database) -> ProcessorSettings:
    """Leave no day of ours, whatever another test has made."""
    settings = settings_for(database.postgres, "cityhum_owner")
    for one in reading_days.partitions(settings):
        if one.day.year >= 2030:
            database.query(f"DROP TABLE {one.name}")
    return settings


def kept(owner: ProcessorSettings, today: date = TODAY) -> Kept:
    return reading_days.keep(owner, today, ahead_days=3, keep_days=LEAST_KEEP_DAYS)


def days(owner: ProcessorSettings) -> list[date]:
    return ours(one.day for one in reading_days.partitions(owner))


def ours(some: Iterable[date]) -> list[date]:
    return [day for day in some if day.year >= 2030]


def stored(database: Database) -> list[date]:
    rows = database.query("SELECT started_at FROM reading WHERE started_at > '2030-1-1' ORDER BY 1")
    return [at.astimezone(UTC).date() for (at,) in rows]


async def store_recent(store: PostgresStore) -> None:
    """Readings of enough days to say that today has come."""
    for day in (TODAY, TODAY + timedelta(days=1), TODAY + timedelta(days=2)):
        await store_reading(store, day)


async def store_reading(store: PostgresStore, day: date, of_day: time = time(12)) -> None:
    """Archive one reading, as a worker would."""
    at = datetime.combine(day, of_day, UTC)
    row = archive.reading_row(labelled(day.toordinal(), [60.0], started_at=at), day.toordinal())
    (known, _) = (await store.load("test", [KEY]))[KEY]
    before = known or await store.claim("test", KEY, Checkpoint(0, "c"))
    after = replace(before, next_offset=before.next_offset + 1, version=before.version + 1)
    await store.commit("test", [Commit(KEY, before, after, {}, (row,), ())])


def test_days_are_made_ahead_and_a_second_time_changes_nothing(owner: ProcessorSettings) -> None:
    assert list(kept(owner).made) == [TODAY + timedelta(days=n) for n in range(-1, 4)]
    assert kept(owner) == Kept([], [])
    assert list(kept(owner, TODAY + timedelta(days=1)).made) == [TODAY + timedelta(days=4)]


async def test_a_reading_of_any_day_is_stored_and_only_old_days_go(
    owner: ProcessorSettings, database: Database
) -> None:
    oldest_kept = OLD + timedelta(days=1)
    async with PostgresStore(database.settings) as store:
        for day in (OLD, oldest_kept):
            await store_reading(store, day)
        await store_recent(store)
        assert OLD in kept(owner).dropped
        assert stored(database)[:2] == [oldest_kept, TODAY]
        between = TODAY - timedelta(days=30)
        await store_reading(store, between)  # by a worker that was there before
    assert between in stored(database)


async def test_a_clock_years_ahead_drops_nothing_that_is_not_old_beside_the_newest_readings(
    owner: ProcessorSettings, database: Database
) -> None:
    recent = TODAY - timedelta(days=LEAST_KEEP_DAYS - 2)
    async with PostgresStore(database.settings) as store:
        for day in (OLD, recent):
            await store_reading(store, day)
        await store_recent(store)
        ahead = TODAY + timedelta(days=730)
        assert {OLD, recent, TODAY} & set(kept(owner, ahead).dropped) == {OLD}
        await store_reading(store, ahead)  # of a device on the same machine
        await store_reading(store, ahead + timedelta(days=1))
        assert not ours(kept(owner, ahead + timedelta(days=1)).dropped)
    assert stored(database)[:2] == [recent, TODAY]


async def test_a_city_that_has_fallen_silent_keeps_its_days_until_somebody_says_so(
    owner: ProcessorSettings, database: Database
) -> None:
    async with PostgresStore(database.settings) as store:
        await store_recent(store)
    later = TODAY + timedelta(days=730)
    assert not ours(kept(owner, later).dropped)
    said = reading_days.keep(owner, later, ahead_days=3, keep_days=LEAST_KEEP_DAYS, reached=later)
    assert TODAY in said.dropped


def test_without_a_reading_no_day_is_dropped(owner: ProcessorSettings, database: Database) -> None:
    database.query("TRUNCATE reading")
    kept(owner)
    assert not kept(owner, TODAY + timedelta(days=730)).dropped


async def test_a_reading_older_than_what_is_kept_ends_at_worst_one_worker(
    owner: ProcessorSettings, database: Database
) -> None:
    async with PostgresStore(database.settings) as store:
        await store_recent(store)
        await store_reading(store, OLD)
        assert OLD in kept(owner).dropped
        with pytest.raises(psycopg.errors.CheckViolation):  # it believes that the day is there
            await store_reading(store, OLD)
    async with PostgresStore(database.settings) as store:  # started again
        await store_reading(store, OLD)
    assert stored(database)[:2] == [OLD, TODAY]


async def test_many_at_once_do_no_harm(owner: ProcessorSettings, database: Database) -> None:
    async with PostgresStore(database.settings) as store:
        await store_reading(store, OLD)
        await store_recent(store)
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(kept, [owner] * 4))
    assert sum(OLD in one.dropped for one in done) == 1
    assert sum(TODAY - timedelta(days=1) in one.made for one in done) == 1


async def test_who_reads_other_days_is_not_held_up(
    owner: ProcessorSettings, database: Database
) -> None:
    async with PostgresStore(database.settings) as store:
        await store_reading(store, OLD)
        await store_recent(store)
        with psycopg.connect(database.postgres.conninfo("cityhum_reader")) as reader:
            reader.execute("SELECT count(*) FROM reading WHERE started_at >= %s", (TODAY,))
            with ThreadPoolExecutor(1) as pool:
                dropping = pool.submit(kept, owner)  # waits for this reader alone
                await store_reading(store, TODAY + timedelta(days=1))
                reader.commit()
                assert OLD in dropping.result(timeout=30).dropped


async def test_a_drop_that_was_cut_short_is_finished(
    owner: ProcessorSettings, database: Database
) -> None:
    async with PostgresStore(database.settings) as store:
        await store_reading(store, OLD)
        await store_recent(store)
    database.query(f"ALTER TABLE reading DETACH PARTITION reading_{OLD:%Y%m%d}")
    assert OLD in kept(owner).dropped
    assert OLD not in days(owner)


async def test_days_are_those_of_utc_wherever_the_server_is(
    owner: ProcessorSettings, database: Database
) -> None:
    database.query("ALTER ROLE cityhum_owner SET timezone = 'Pacific/Chatham'")
    try:
        kept(owner)
        async with PostgresStore(database.settings) as store:
            for at in (time(0), time(12), time(23, 59, 59)):
                await store_reading(store, TODAY, at)
        days_stored = "SELECT DISTINCT tableoid::regclass::text FROM reading WHERE seq >= %s"
        assert database.query(days_stored, TODAY.toordinal()) == [(f"reading_{TODAY:%Y%m%d}",)]
    finally:
        database.query("ALTER ROLE cityhum_owner RESET timezone")


def test_only_the_owner_may(database: Database) -> None:
    archive_user = settings_for(database.postgres, "cityhum_archive")
    with pytest.raises(BadConfig, match="cityhum_archive does not own"):
        kept(archive_user)
