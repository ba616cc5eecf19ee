"""What could not be read is counted in the database, each letter once."""

from deploy.local.kafka import Kafka
from processors.partitions import Key
from schemas import topics
from tests import workers
from tests.database import Database, settings_for

COUNTED = "SELECT sum(messages) = %s FROM dead_letter"
PLACES = (Key(topics.READINGS, 3), Key(topics.STATUS, 5))


async def test_each_dead_letter_is_counted_once_over_a_kill(
    kafka: Kafka, database: Database
) -> None:
    settings = settings_for(database.postgres, kafka_bootstrap=kafka.bootstrap)
    await workers.planned_topics(settings)
    for topic in (topics.READINGS, topics.INDICES, topics.STATUS, topics.DEAD_LETTERS):
        await workers.start_here("archive", topic, settings)
    async with workers.worker("archive", settings) as process:
        await workers.append(settings, [(place, b"garbage") for place in PLACES])
        await database.until(COUNTED, 2)
        process.kill()
        await process.wait()
    await workers.append(settings, [(place, b"more of it") for place in PLACES])
    async with workers.worker("archive", settings) as process:
        await database.until(COUNTED, 4)
        assert await workers.stopped(process) == 0
    told = database.query("SELECT origin, reason, sum(messages) FROM dead_letter GROUP BY 1, 2")
    assert sorted(told) == [(place.topic, "malformed", 2) for place in PLACES]
