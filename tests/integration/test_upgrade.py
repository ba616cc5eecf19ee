"""A migration while two workers share the log, and one of them is replaced by a newer one."""

import asyncio

import psycopg
import pytest

from deploy.local.kafka import Kafka
from processors.adapters import migrations
from processors.settings import ProcessorSettings
from schemas import topics
from schemas.errors import Unavailable
from tests import workers
from tests.database import Database, settings_for
from tests.integration.test_durable import (
    BOTH_AT_WORK,
    PASSED,
    REACHED,
    STORED,
    final,
    log_of,
    reached,
    told,
    undisturbed,
)

NEXT = """
ALTER TABLE level_window ADD made_up_db real, ADD made_up_at timestamptz DEFAULT clock_timestamp();
ALTER TABLE checkpoint ADD made_up text NOT NULL DEFAULT '';
ALTER TABLE fold_state ADD made_up integer;
CREATE INDEX made_up ON level_window (made_up_at);
UPDATE level_window SET made_up_db = laeq_db"""
BACK = """
ALTER TABLE level_window DROP made_up_db, DROP made_up_at;
ALTER TABLE checkpoint DROP made_up;
ALTER TABLE fold_state DROP made_up"""


@pytest.fixture
async def settings(kafka: Kafka, database: Database) -> ProcessorSettings:
    settings = settings_for(database.postgres, kafka_bootstrap=kafka.bootstrap)
    await workers.planned_topics(settings)
    return settings


async def test_old_and_new_workers_side_by_side_lose_nothing_and_count_nothing_twice(
    settings: ProcessorSettings, database: Database
) -> None:
    records = log_of(seconds=240)
    third = len(records) // 3
    start = sum((await workers.start_here("windows", topics.READINGS, settings)).values())
    async with workers.worker("windows", settings) as old, workers.worker("windows", settings):
        await database.until(BOTH_AT_WORK)
        await workers.append(settings, records[:third])
        await database.until(PASSED, start + third // 2)
        try:
            await asyncio.to_thread(database.query, NEXT)  # in the middle of it, as one transaction
            await workers.append(settings, records[third : 2 * third])
            assert await workers.stopped(old) == 0
            async with workers.worker("windows", settings):
                await workers.append(settings, records[2 * third :])
                end = await workers.ends(topics.READINGS, settings)
                await database.until(REACHED, *reached(end))
        finally:
            database.query(BACK)
    rows = undisturbed(records)
    assert set(database.query(STORED)) == rows
    assert told(database) == final(rows)


def test_a_migration_gives_up_rather_than_hold_up_everybody(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "_PATIENCE", "SET LOCAL lock_timeout = '50 ms'")
    owner = settings_for(database.postgres, "cityhum_owner")
    with psycopg.connect(database.postgres.conninfo("cityhum_owner")) as busy:
        busy.execute("LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(Unavailable, match="lock timeout"):
            migrations.upgrade(owner)
    migrations.upgrade(owner)
