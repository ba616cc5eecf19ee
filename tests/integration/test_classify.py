"""Classify with the bundled model, and archive behind it, on real servers."""

from collections.abc import Mapping
from datetime import timedelta

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from deploy.local.kafka import Kafka
from processors.partitions import Key
from processors.settings import ProcessorSettings
from schemas import topics
from schemas.base import Frozen
from schemas.codec import encode
from schemas.envelopes import FeatureEnvelope, ReceivedFeatures, ReceivedResults, ResultEnvelope
from tests import batches, workers
from tests.builders import STARTED_AT
from tests.database import Database, settings_for

DEVICES = [f"pole-{n:02d}" for n in range(1, 21)]
SECONDS = 120
MODEL = workers.ROOT / "models" / ProcessorSettings().model
READ = {
    "classify": (topics.FEATURES, topics.RESULTS),
    "archive": (topics.READINGS, topics.INDICES, topics.STATUS),
}

pytestmark = pytest.mark.skipif(not MODEL.is_dir(), reason=f"no model {MODEL.name}")


@pytest.fixture
async def settings(kafka: Kafka, database: Database) -> ProcessorSettings:
    settings = settings_for(database.postgres, kafka_bootstrap=kafka.bootstrap)
    await workers.planned_topics(settings)
    for topic in READ["archive"]:
        await workers.start_here("archive", topic, settings)
    for topic in READ["classify"]:
        await workers.commit_group(
            "cityhum-classify", await workers.ends(topic, settings), settings
        )
    return settings


def received(first_seq: int, device: str) -> FeatureEnvelope:
    batch = batches.feature_batch(first_seq, device=device)
    at = batch.started_at + timedelta(seconds=1)
    return FeatureEnvelope(
        batches=(ReceivedFeatures(received_at=at, digest="0" * 32, batch=batch),)
    )


def record(topic: str, device: str, message: Frozen | bytes) -> tuple[Key, bytes]:
    value = message if isinstance(message, bytes) else encode(message)
    return Key(topic, topics.partition(device)), value


async def test_a_killed_classifier_costs_no_reading_and_doubles_none(
    settings: ProcessorSettings, database: Database
) -> None:
    records = [
        record(topics.FEATURES, device, received(seq, device))
        for seq in range(SECONDS)
        for device in DEVICES
    ]
    stored = "SELECT count(*) >= %s FROM reading"
    async with workers.worker("archive", settings) as archive:
        await workers.append(settings, records[: len(records) // 2])
        async with workers.worker("classify", settings):
            await database.until(stored, len(records) // 4)
        async with workers.worker("classify", settings) as classify:
            await workers.append(settings, records[len(records) // 2 :])
            await database.until(stored, len(records))
            assert await workers.stopped(classify) == 0
        assert await workers.stopped(archive) == 0
    (found,) = database.query(
        "SELECT count(*), count(DISTINCT (device, seq)), min(seq), max(seq), min(model) "
        "FROM reading"
    )
    total = SECONDS * len(DEVICES)
    assert found[:4] == (total, total, 0, SECONDS - 1)
    assert found[4].startswith(settings.model)


async def test_everything_a_device_sends_finds_its_table(
    settings: ProcessorSettings, database: Database
) -> None:
    labelled = ReceivedResults(
        received_at=STARTED_AT, digest="0" * 32, batch=batches.result_batch()
    )
    junk = [record(topic, "pole-07", b"junk") for topic in READ["archive"]]
    ends = await workers.ends(topics.DEAD_LETTERS, settings)
    await workers.append(
        settings,
        [
            *junk,
            record(topics.RESULTS, "pole-07", ResultEnvelope(batches=(labelled,))),
            record(topics.INDICES, "pole-07", batches.indices()),
            record(topics.STATUS, "pole-07", batches.status()),
        ],
    )
    async with workers.worker("classify", settings), workers.worker("archive", settings):
        await database.until("SELECT count(*) = 1 FROM reading")
        await database.until("SELECT count(*) = 1 FROM indices")
        await database.until("SELECT online FROM device WHERE device = 'pole-07'")
    assert database.query("SELECT label, score FROM detection") == [("siren", 930)]
    letters = await _letters(ends, len(junk), settings)
    assert {value for value, _ in letters} == {b"junk"}
    assert {source.split("/")[0] for _, source in letters} == set(READ["archive"])


async def _letters(
    begins: Mapping[Key, int], count: int, settings: ProcessorSettings
) -> list[tuple[bytes, str]]:
    """Dead letters since some offsets, with their sources."""
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.kafka_bootstrap)
    async with consumer:
        consumer.assign([TopicPartition(*key) for key in begins])
        for key, offset in begins.items():
            consumer.seek(TopicPartition(*key), offset)
        found = [await consumer.getone() for _ in range(count)]
    return [(one.value, dict(one.headers)["source"].decode()) for one in found]
