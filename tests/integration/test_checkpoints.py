"""What a fold needs is gone from Kafka: it stops and says so, and goes on when a person agrees."""

import asyncio

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from deploy.local.kafka import Kafka
from processors.adapters import checkpoints
from processors.partitions import Key
from processors.settings import ProcessorSettings
from schemas import topics
from tests import workers
from tests.database import Database, settings_for
from tests.integration.test_durable import REACHED, log_of, reached

GAP = Key(topics.READINGS, topics.partition("pole-01"))


@pytest.fixture
async def settings(kafka: Kafka, database: Database) -> ProcessorSettings:
    settings = settings_for(database.postgres, kafka_bootstrap=kafka.bootstrap)
    await workers.planned_topics(settings)
    return settings


async def remove_all_but_one(settings: ProcessorSettings) -> None:
    end = (await workers.ends(topics.READINGS, settings))[GAP]
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap)
    await admin.start()
    try:
        await admin.delete_records({TopicPartition(*GAP): RecordsToDelete(before_offset=end - 1)})
    finally:
        await admin.close()


async def test_a_gap_stops_a_fold_until_it_is_accepted(
    settings: ProcessorSettings, database: Database
) -> None:
    await workers.start_here("windows", topics.READINGS, settings)
    records = log_of(seconds=40)
    await workers.append(settings, records)
    await remove_all_but_one(settings)
    async with workers.worker("windows", settings) as stopped:
        assert await asyncio.wait_for(stopped.wait(), 60) == 2
    owner = settings.model_copy(
        update={
            "postgres_user": "cityhum_owner",
            "postgres_password_file": database.postgres.password_file("cityhum_owner"),
        }
    )
    lost = {one.key: one.gone for one in await checkpoints.places(owner) if one.gone}
    assert lost == {GAP: sum(key == GAP for key, _ in records) - 1}
    assert [one.key for one in await checkpoints.go_on(owner, "windows")] == [GAP]
    assert await checkpoints.go_on(owner, "windows") == []
    async with workers.worker("windows", settings):
        end = await workers.ends(topics.READINGS, settings)
        await database.until(REACHED, *reached(end))
    assert not any(one.waiting or one.gone for one in await checkpoints.places(owner))
