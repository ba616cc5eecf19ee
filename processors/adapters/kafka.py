"""Kafka as the bridge and `cityhum topics` need it: topics made and checked, a log to write to."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from processors.adapters import kafka_login
from processors.adapters.producer import producer
from processors.settings import ProcessorSettings
from processors.topic_plan import TopicPlan
from processors.verdicts import Record
from schemas.errors import BadConfig, Unavailable

_FIRST_WAIT_S: Final = 0.5
_LONGEST_WAIT_S: Final = 30.0
_STOP_WITHIN_S: Final = 2.0

log = logging.getLogger(__name__)


class KafkaLog:
    """Where records go. `append` gives an awaitable that is done when Kafka has the record."""

    def __init__(self, started: AIOKafkaProducer) -> None:
        self._producer = started

    async def append(self, record: Record) -> Awaitable[object]:
        """Hand a record over, in order; wait only while too many are on their way."""
        sent: Awaitable[object] = await self._producer.send(
            record.topic,
            value=record.value,
            key=record.key,
            partition=record.partition,
            headers=list(record.headers),
        )
        return sent

    async def ask(self) -> str:
        """Nothing to add; Unavailable if Kafka does not answer."""
        try:
            await self._producer.client.fetch_all_metadata()
        except (KafkaError, OSError) as error:
            raise Unavailable(f"Kafka: {error or type(error).__name__}") from error
        return ""


@asynccontextmanager
async def opened_log(
    settings: ProcessorSettings, topics: Iterable[str], partitions: int
) -> AsyncIterator[KafkaLog]:
    """A log whose topics exist; waits with back-off while Kafka is away, and says so.

    Raises
    ------
    BadConfig
        If a topic has another number of partitions.
    """
    started = await _started(settings, tuple(topics), partitions)
    try:
        yield KafkaLog(started)
    finally:
        await _stop(started)


async def _stop(started: AIOKafkaProducer) -> None:
    """Let it send what waits; what Kafka does not take in time nobody was told to be safe."""
    try:
        async with asyncio.timeout(_STOP_WITHIN_S):
            await started.stop()
    except TimeoutError:
        log.warning("kafka_away", extra={"why": "not all that was to be written has been"})


async def _started(
    settings: ProcessorSettings, topics: tuple[str, ...], partitions: int
) -> AIOKafkaProducer:
    wait_s = _FIRST_WAIT_S
    while True:
        candidate = producer(settings)
        try:
            await candidate.start()
            await _check_partitions(candidate, topics, partitions)
        except (KafkaError, OSError, Unavailable) as error:
            await candidate.stop()
            log.warning("kafka_away", extra={"broker": settings.kafka_bootstrap, "why": str(error)})
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)
        except BaseException:
            await candidate.stop()
            raise
        else:
            return candidate


async def _check_partitions(
    started: AIOKafkaProducer, topics: tuple[str, ...], partitions: int
) -> None:
    for topic in topics:
        there = await started.partitions_for(topic)
        if not there:
            raise Unavailable(f"topic {topic} is missing: cityhum topics create")
        if len(there) != partitions:
            raise BadConfig(f"topic {topic} has {len(there)} partitions, must have {partitions}")


@asynccontextmanager
async def _admin(settings: ProcessorSettings) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(
        bootstrap_servers=settings.kafka_bootstrap,
        client_id="cityhum-topics",
        **kafka_login.of_client(settings),
    )
    try:
        await admin.start()
        yield admin
    except (KafkaError, OSError) as error:
        raise Unavailable(f"Kafka at {settings.kafka_bootstrap}: {error}") from None
    finally:
        await admin.close()


async def create_topics(settings: ProcessorSettings, plan: TopicPlan) -> list[str]:
    """Create the topics that are missing; their names.

    Raises
    ------
    Unavailable
        If Kafka is away or refuses.
    """
    wanted = [
        NewTopic(name, plan.partitions, plan.replicas, topic_configs=dict(configuration))
        for name, configuration in plan.configurations().items()
    ]
    created = []
    async with _admin(settings) as admin:
        answer = await admin.create_topics(wanted)
        for name, code, *_ in answer.topic_errors:
            error = for_code(code)
            if code == 0:
                created.append(name)
            elif error is not TopicAlreadyExistsError:
                raise Unavailable(f"Kafka does not create {name}: {error.__name__}")
    return created


async def differences(settings: ProcessorSettings, plan: TopicPlan) -> list[str]:
    """What is not as planned, a line each; empty if all is well."""
    async with _admin(settings) as admin:
        described = await admin.describe_topics(list(plan.topics))
        partitions = {t["topic"]: len(t["partitions"]) for t in described if t["error_code"] == 0}
        found = [ConfigResource(ConfigResourceType.TOPIC, name) for name in partitions]
        configured = _configured(await admin.describe_configs(found) if found else [])
    return list(plan.differences(partitions, configured))


def _configured(answers: Iterable[object]) -> dict[str, Mapping[str, str]]:
    configured: dict[str, Mapping[str, str]] = {}
    for answer in answers:
        for _code, _message, _kind, name, entries in answer.resources:  # type: ignore[attr-defined]
            configured[name] = {entry[0]: entry[1] for entry in entries}
    return configured
