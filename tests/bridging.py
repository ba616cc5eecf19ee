"""The bridge as a process, a device that talks to it, and a look into Kafka."""

import asyncio
import os
import secrets
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from cityhum.bridge import EXIT_FAILED
from deploy.local.mosquitto import Mosquitto
from processors.settings import ProcessorSettings
from schemas import topics
from schemas.base import Frozen
from schemas.codec import decode, digest, encode
from schemas.messages import Ack, FeatureBatch
from schemas.ulid import DIGITS
from tests.batches import feature_batch

ROOT = Path(__file__).parents[1]
SITE = "harbour"
PATIENCE_S = 60.0


@asynccontextmanager
async def bridge(settings: ProcessorSettings) -> AsyncIterator[Process]:
    """Yield a bridge that hears; killed at the end, if it still runs."""
    async with launched(settings) as process:
        await said(process, "mqtt_subscribed")
        yield process


@asynccontextmanager
async def launched(settings: ProcessorSettings) -> AsyncIterator[Process]:
    """Yield a bridge that has just been started."""
    ours = {f"CITYHUM_{n.upper()}": str(getattr(settings, n)) for n in settings.model_fields_set}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cityhum", "bridge"),
        env={**os.environ, **ours},
        cwd=ROOT,
        stderr=PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def said(process: Process, event: str) -> None:
    """Wait for a line of the bridge's log."""
    assert process.stderr is not None
    async with asyncio.timeout(PATIENCE_S):
        while event.encode() not in (line := await process.stderr.readline()):
            assert line, f"ended without saying {event}"


class Device:
    """A device: publishes, and hears what the bridge answers."""

    def __init__(self, broker: Mosquitto, device: str) -> None:
        self.device = device
        self.session = "".join(secrets.choice(DIGITS) for _ in range(26))
        self.began_at = datetime.now(UTC) - timedelta(minutes=30)
        self.accepted: set[int] = set()
        self.rejected: dict[str, str] = {}
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._client = Client(
            CallbackAPIVersion.VERSION2, device, protocol=MQTTProtocolVersion.MQTTv5
        )
        self._client.username_pw_set(device, broker.password_file(device).read_text().strip())
        self._client.max_inflight_messages_set(500)
        self._client.on_message = self._on_message
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.connect(broker.host, broker.port)
        self._client.loop_start()

    async def ready(self) -> "Device":
        """Wait until answers can be heard."""
        async with asyncio.timeout(PATIENCE_S):
            await self._news.wait()
        return self

    def batch(self, first_seq: int, count: int = 1) -> FeatureBatch:
        """Readings of this device's session."""
        return feature_batch(
            first_seq,
            count,
            session=self.session,
            started_at=self.began_at + timedelta(seconds=first_seq),
            device=self.device,
        )

    def publish(self, message: Frozen | bytes, stream: str = "features") -> str:
        """Send a message, or any bytes; its digest."""
        payload = message if isinstance(message, bytes) else encode(message)
        topic = f"{topics.NAMESPACE}/{SITE}/{self.device}/{stream}"
        self._client.publish(topic, payload, qos=1)
        return digest(payload)

    async def hears(self, enough: Callable[[], bool]) -> None:
        """Wait for answers until there are enough."""
        async with asyncio.timeout(PATIENCE_S):
            while not enough():
                self._news.clear()
                await self._news.wait()

    async def hears_all(self, seqs: Collection[int]) -> None:
        """Wait until all of these readings are accepted."""
        await self.hears(lambda: self.accepted.issuperset(seqs))

    def leave(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, client: Client, *_: object) -> None:
        client.subscribe(topics.ack_topic(SITE, self.device), qos=1)

    def _on_subscribe(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._news.set)

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        self._loop.call_soon_threadsafe(self._hear, decode(Ack, bytes(message.payload)))

    def _hear(self, ack: Ack) -> None:
        for seqs in (*ack.accepted, *ack.accepted_indices):
            if seqs.session == self.session:
                self.accepted |= set(range(seqs.first_seq, seqs.first_seq + seqs.count))
        self.rejected |= {rejected.digest: rejected.reason for rejected in ack.rejected}
        self._news.set()


@asynccontextmanager
async def supervised(settings: ProcessorSettings) -> AsyncIterator[None]:
    """Keep a bridge running: after a failure it is started again, as in production."""
    async with launched(settings) as first:
        await said(first, "mqtt_subscribed")
        keeper = asyncio.create_task(_restarted(settings, first))
        try:
            yield
        finally:
            keeper.cancel()
            with suppress(asyncio.CancelledError):
                await keeper


async def _restarted(settings: ProcessorSettings, process: Process) -> None:
    assert await _end(process) == EXIT_FAILED
    while True:
        async with launched(settings) as process_again:
            assert await _end(process_again) == EXIT_FAILED


async def _end(process: Process) -> int:
    await process.communicate()
    return await process.wait()


@asynccontextmanager
async def records(settings: ProcessorSettings, topic: str) -> AsyncIterator[AIOKafkaConsumer]:
    """Yield a consumer of what is appended to a topic from now on."""
    async with _consumer(settings, topic) as consumer:
        for place, end in (await consumer.end_offsets(list(consumer.assignment()))).items():
            consumer.seek(place, end)
        yield consumer


@asynccontextmanager
async def all_records(settings: ProcessorSettings, topic: str) -> AsyncIterator[AIOKafkaConsumer]:
    """Yield a consumer of all that is in a topic; no test lets retention cut anything."""
    async with _consumer(settings, topic) as consumer:
        for place in consumer.assignment():
            consumer.seek(place, 0)
        yield consumer


@asynccontextmanager
async def _consumer(settings: ProcessorSettings, topic: str) -> AsyncIterator[AIOKafkaConsumer]:
    async with AIOKafkaConsumer(
        bootstrap_servers=settings.kafka_bootstrap, enable_auto_commit=False
    ) as consumer:
        consumer.assign([TopicPartition(topic, n) for n in range(topics.PARTITIONS)])
        yield consumer


async def read_until(
    consumer: AIOKafkaConsumer, enough: Callable[[list[ConsumerRecord]], bool]
) -> list[ConsumerRecord]:
    """Read until there are enough records."""
    found: list[ConsumerRecord] = []
    async with asyncio.timeout(PATIENCE_S):
        while not enough(found):
            found.append(await consumer.getone())
    return found
