"""What outages are measured with: a device that is killed, servers that are cut, what arrived."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Self

from aiokafka import AIOKafkaConsumer, TopicPartition

from benchmarks import stage
from deploy.local.kafka import Kafka
from deploy.local.mosquitto import Mosquitto
from schemas import topics
from schemas.base import SeqRange
from schemas.codec import decode
from schemas.envelopes import FeatureEnvelope
from schemas.messages import Status

DEVICE: Final = "pole-01"
PAST: Final = timedelta(days=20)
"""Made-up readings are of the past: sessions an hour apart, so that none overlap."""

_READY_S: Final = 60.0

Identity = tuple[str, int]
"""Session and seq."""


@dataclass(frozen=True)
class Device:
    """A device's folder and login; `processes` of it are started, killed and stopped."""

    folder: Path
    broker: Mosquitto
    name: str = DEVICE
    heard: set[Identity] = field(default_factory=set)
    """Every reading that was heard."""

    async def start(self, number: int, *options: str) -> asyncio.subprocess.Process:
        """Start process `number` and return when it has heard something."""
        started_at = datetime.now(UTC) - PAST + timedelta(hours=number)
        before = len(self.heard)
        with (self.folder / "log.txt").open("a") as log:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "benchmarks.outage_device", "--folder", str(self.folder)),
                *("--port", str(self.broker.port), "--device", self.name),
                *("--password", str(self.broker.password_file(self.name))),
                *("--started-at", str(started_at.timestamp()), "--seed", str(number), *options),
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )
        listening = asyncio.create_task(self._listen(process))
        async with asyncio.timeout(_READY_S):
            while len(self.heard) == before and not listening.done():  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        return process

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        output = process.stdout
        while output is not None and (line := await output.readline()):
            session, seq = line.decode().split()
            self.heard.add((session, int(seq)))


@asynccontextmanager
async def servers(folder: Path) -> AsyncIterator[tuple[Mosquitto, Kafka]]:
    """A broker, a log and the bridge between them."""
    broker = Mosquitto(folder, devices=[DEVICE])
    kafka = Kafka(folder, jars=stage.JARS)
    try:
        await asyncio.to_thread(broker.start)
        await asyncio.to_thread(kafka.start)
        there = {
            "CITYHUM_MQTT_HOST": broker.host,
            "CITYHUM_MQTT_PORT": str(broker.port),
            "CITYHUM_MQTT_PASSWORD_FILE": str(broker.password_file("bridge")),
            "CITYHUM_KAFKA_BOOTSTRAP": kafka.bootstrap,
        }
        log, cityhum = folder / "bridge.txt", (sys.executable, "-m", "cityhum")
        async with stage.program([*cityhum, "topics", "create"], there, log) as creating:
            await creating.wait()
        async with stage.program([*cityhum, "bridge"], there, log):
            yield broker, kafka
    finally:
        await asyncio.to_thread(broker.stop)
        await asyncio.to_thread(kafka.stop)


class Arrivals:
    """What is in Kafka of the device: readings with their order and time, and losses told."""

    def __init__(self, kafka: Kafka) -> None:
        self._kafka = kafka
        self.readings: dict[Identity, tuple[int, float]] = {}
        self.repeated = 0
        self.dropped: list[SeqRange] = []

    async def __aenter__(self) -> Self:
        partition = topics.partition(DEVICE)
        self._log = AIOKafkaConsumer(
            bootstrap_servers=self._kafka.bootstrap, auto_offset_reset="earliest"
        )
        await self._log.start()
        places = [TopicPartition(topic, partition) for topic in (topics.FEATURES, topics.STATUS)]
        self._log.assign(places)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._log.stop()

    async def read(self, quiet_s: float) -> None:
        """Read until nothing more has come for so long."""
        while found := await self._log.getmany(timeout_ms=int(1000 * quiet_s)):
            batches = 0
            for place, records in found.items():
                for record in records:
                    batches += self._take(place.topic, record.value)
            if not batches:  # ticks only
                return

    def _take(self, topic: str, value: bytes) -> int:
        if topic == topics.STATUS:
            self.dropped += decode(Status, value).dropped
            return 0
        entries = decode(FeatureEnvelope, value).batches
        for entry in entries:
            batch = entry.batch
            for seq in range(batch.first_seq, batch.first_seq + batch.count):
                self.repeated += (batch.session, seq) in self.readings
                order = len(self.readings), time.monotonic()
                self.readings.setdefault((batch.session, seq), order)
        return len(entries)
