"""What Kafka holds of a partition: its first and last offset, and which cluster it is."""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndTimestamp

from processors.adapters import kafka_login
from processors.partitions import Key, Span
from processors.settings import ProcessorSettings
from schemas.errors import Unavailable


class Offsets:
    """Asks Kafka about partitions; without a group, so that nothing is ever committed."""

    def __init__(self, consumer: AIOKafkaConsumer, admin: AIOKafkaAdminClient) -> None:
        self._consumer = consumer
        self._admin = admin

    async def spans(self, keys: Iterable[Key]) -> Mapping[Key, Span]:
        """First and last offset of each partition.

        Raises
        ------
        Unavailable
            If Kafka is away.
        """
        partitions = [TopicPartition(*key) for key in keys]
        with _unavailable():
            cluster_id = (await self._admin.describe_cluster())["cluster_id"]
            begins = await self._consumer.beginning_offsets(partitions)
            ends = await self._consumer.end_offsets(partitions)
            first = await self._consumer.offsets_for_times(dict.fromkeys(partitions, 0))
        return {
            Key(*tp): Span(cluster_id, begins[tp], ends[tp], _appended_at(first[tp]))
            for tp in partitions
        }

    async def ends(self, keys: Iterable[Key]) -> Mapping[Key, int]:
        """Offset behind the last record of each partition; Unavailable if Kafka is away."""
        with _unavailable():
            ends = await self._consumer.end_offsets([TopicPartition(*key) for key in keys])
        return {Key(tp.topic, tp.partition): end for tp, end in ends.items()}


def _appended_at(found: OffsetAndTimestamp | None) -> datetime | None:
    return None if found is None else datetime.fromtimestamp(found.timestamp / 1000, UTC)


@asynccontextmanager
async def opened_offsets(settings: ProcessorSettings) -> AsyncIterator[Offsets]:
    """Connect to a Kafka that answers."""
    where = {"bootstrap_servers": settings.kafka_bootstrap, **kafka_login.of_client(settings)}
    consumer = AIOKafkaConsumer(group_id=None, **where)
    admin = AIOKafkaAdminClient(**where)
    with _unavailable():
        await consumer.start()
        await admin.start()
    try:
        yield Offsets(consumer, admin)
    finally:
        await consumer.stop()
        await admin.close()


@contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except (KafkaError, OSError) as error:
        raise Unavailable(f"Kafka: {error or type(error).__name__}") from error
