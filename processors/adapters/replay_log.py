"""A plain reader of Kafka for replay: no group, so the live offsets stay as they are."""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from typing import Final, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from processors.adapters import kafka_login
from processors.partitions import Key
from processors.replay import Oldest
from processors.settings import ProcessorSettings
from schemas.errors import LogGap, Unavailable

_FETCH_BYTES: Final = 16 * 1024 * 1024
_AT_ONCE: Final = 1000
_WAIT_MS: Final = 500
_FETCH_WAIT_MS: Final = 20
"""A fetch at the end of one partition must not keep the next one waiting."""


class Slice(NamedTuple):
    """Records of a partition: offsets `begin` to `end`, exclusive."""

    begin: int
    end: int


class Read(NamedTuple):
    """One record."""

    key: Key
    offset: int
    appended_ms: int
    value: bytes
    headers: Sequence[tuple[str, bytes]] = ()


class ReplayLog:
    """Asks and reads Kafka by offsets."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer

    async def oldest(self, keys: Iterable[Key]) -> Mapping[Key, Oldest]:
        """Oldest record of each partition."""
        partitions = [TopicPartition(*key) for key in keys]
        with _unavailable():
            begins = await self._consumer.beginning_offsets(partitions)
            first = await self._consumer.offsets_for_times(dict.fromkeys(partitions, 0))
        return {
            Key(*tp): Oldest(begins[tp], _moment(at.timestamp) if (at := first[tp]) else None)
            for tp in partitions
        }

    async def slices(self, keys: Sequence[Key], begin_at: datetime) -> Mapping[Key, Slice]:
        """What was appended from a time on, up to the present ends."""
        partitions = [TopicPartition(*key) for key in keys]
        begin_ms = max(0, int(begin_at.timestamp() * 1000))
        with _unavailable():
            ends = await self._consumer.end_offsets(partitions)
            first = await self._consumer.offsets_for_times(dict.fromkeys(partitions, begin_ms))
        return {
            Key(*tp): Slice(at.offset if (at := first[tp]) else ends[tp], ends[tp])
            for tp in partitions
        }

    async def records(self, key: Key, part: Slice) -> AsyncIterator[Sequence[Read]]:
        """Read a slice in its order, some records at a time."""
        if part.begin >= part.end:
            return
        partition = TopicPartition(*key)
        self._consumer.assign([partition])
        self._consumer.seek(partition, part.begin)
        position = part.begin
        while position < part.end:
            with _unavailable():
                got = await self._consumer.getmany(
                    partition, timeout_ms=_WAIT_MS, max_records=_AT_ONCE
                )
                position = await self._consumer.position(partition)
            yield [
                Read(key, one.offset, one.timestamp, one.value, one.headers)
                for one in got.get(partition, ())
                if one.offset < part.end
            ]


@asynccontextmanager
async def opened_replay_log(settings: ProcessorSettings) -> AsyncIterator[ReplayLog]:
    """Connect to a Kafka that answers."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka_bootstrap,
        client_id="cityhum-replay",
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="none",
        fetch_max_wait_ms=_FETCH_WAIT_MS,
        max_partition_fetch_bytes=_FETCH_BYTES,
        **kafka_login.of_client(settings),
    )
    try:
        with _unavailable():
            await consumer.start()
        yield ReplayLog(consumer)
    finally:
        await consumer.stop()


@contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except OffsetOutOfRangeError as error:
        raise LogGap("retention has removed records that were still to be replayed") from error
    except (KafkaError, OSError) as error:
        raise Unavailable(f"Kafka: {error or type(error).__name__}") from error


def _moment(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)
