"""Is any reading ever lost? Brokers cut, agents killed, disks filled; and how a backlog drains.

Run: `python -m benchmarks.outage faults [--kills 50] [--seed N] [--json]` and
`python -m benchmarks.outage backlog [--readings 259200] [--json]`, both against a Mosquitto, a
Kafka and a bridge of their own. Figures are in docs/store-and-forward.md.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random, SystemRandom
from tempfile import TemporaryDirectory
from typing import Final, Self

from aiokafka import AIOKafkaConsumer, TopicPartition

from agents.adapters.clock import new_session
from agents.adapters.spool import SqliteSpool
from benchmarks.outage_device import readings
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
JARS: Final = Path(".local/kafka")
LIVE_WITHIN_S: Final = 5.0
CUTS: Final = 0.3
"""So often the broker is cut before the device is killed."""
_CHUNK: Final = 600
_GIVEN_UP_S: Final = 1800
_CONNECTED_S: Final = 3.0
_FILLED_S: Final = 9.0
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


async def torment(device: Device, kills: int, chance: Random) -> dict[str, int]:
    """Kill a device at random points, cut its broker, fill its disk; then let it drain.

    Parameters
    ----------
    device : Device
        Its folder empty, its broker running.
    kills : int
        How often it is killed.
    chance : Random
        Says when, and how often the broker is cut.

    Returns
    -------
    dict of str to int
        What was done: kills, cuts, fills.
    """
    done = {"kills": 0, "cuts": 0, "fills": 0}
    for number in range(kills):
        process = await device.start(number)
        await asyncio.sleep(chance.uniform(0, 1))
        if chance.random() < CUTS:
            await asyncio.to_thread(chance.choice([device.broker.kill, device.broker.stop]))
            await asyncio.sleep(chance.uniform(0, 1))
            done["cuts"] += 1
        process.kill()
        await process.wait()
        done["kills"] += 1
        if not device.broker.running:
            await asyncio.to_thread(device.broker.start)
    process = await device.start(kills, "--at-once", "20", "--drain")
    await asyncio.to_thread(device.broker.stop)
    process.send_signal(signal.SIGUSR1)
    await asyncio.sleep(_FILLED_S)
    process.send_signal(signal.SIGUSR2)
    done["fills"] += 1
    await asyncio.to_thread(device.broker.start)
    await asyncio.sleep(1)
    process.terminate()
    await process.wait()
    return done


def judged(
    heard: set[Identity], arrived: Mapping[Identity, object], dropped: Iterable[SeqRange]
) -> dict[str, int]:
    """Every reading heard must have arrived or be listed as dropped."""
    told = {
        (each.session, seq)
        for each in dropped
        for seq in range(each.first_seq, each.first_seq + each.count)
    }
    return {
        "heard": len(heard),
        "arrived": len(arrived),
        "dropped": len(told - arrived.keys()),
        "missing": len(heard - arrived.keys() - told),
    }


@asynccontextmanager
async def servers(
    folder: Path,
) -> AsyncIterator[tuple[Mosquitto, Kafka]]:
    """A broker, a log and the bridge between them."""
    broker = Mosquitto(folder, devices=[DEVICE])
    kafka = Kafka(folder, jars=JARS)
    bridge = None
    try:
        await asyncio.to_thread(broker.start)
        await asyncio.to_thread(kafka.start)
        there = {
            **os.environ,
            "CITYHUM_MQTT_HOST": broker.host,
            "CITYHUM_MQTT_PORT": str(broker.port),
            "CITYHUM_MQTT_PASSWORD_FILE": str(broker.password_file("bridge")),
            "CITYHUM_KAFKA_BOOTSTRAP": kafka.bootstrap,
        }
        cityhum = (sys.executable, "-m", "cityhum")
        create = await asyncio.create_subprocess_exec(*cityhum, "topics", "create", env=there)
        await create.wait()
        with (folder / "bridge.txt").open("w") as log:
            bridge = await asyncio.create_subprocess_exec(*cityhum, "bridge", env=there, stderr=log)
        yield broker, kafka
    finally:
        if bridge is not None and bridge.returncode is None:
            bridge.terminate()
            await bridge.wait()
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


async def faults(folder: Path, kills: int, seed: int) -> dict[str, int]:
    """Torment a device before a real bridge and Kafka; nothing heard may be missing."""
    state = folder / "device"
    state.mkdir()
    async with servers(folder) as (broker, kafka):
        device = Device(state, broker)
        done = await torment(device, kills, Random(seed))  # noqa: S311
        async with Arrivals(kafka) as arrivals:
            await arrivals.read(3)
            result = judged(device.heard, arrivals.readings, arrivals.dropped)
            return {"seed": seed, **done, **result, "repeated": arrivals.repeated}


async def backlog(folder: Path, count: int) -> dict[str, float]:
    """Drain a spool of many readings while new ones come every second."""
    state = folder / "device"
    state.mkdir()
    began = datetime.now(UTC) - PAST - timedelta(seconds=count)
    session = new_session(began)
    with SqliteSpool(state / "spool.sqlite", 2**30) as spool:
        chunk = []
        for reading in readings(session, began, Random(1)):  # noqa: S311
            if reading.seq == count:
                break
            chunk.append(reading)
            if len(chunk) == _CHUNK or reading.seq == count - 1:
                spool.append(chunk)
                chunk = []
            if reading.seq % 60_000 == 0:
                spool.checkpoint()
        depth = spool.depth()
    async with servers(folder) as (broker, kafka), Arrivals(kafka) as arrivals:
        device = Device(state, broker)
        process = await device.start(0, "--rate", "1")
        begun_s = time.monotonic()
        heard_s: dict[Identity, float] = {}
        while sum(1 for each in arrivals.readings if each[0] == session) < count:
            await arrivals.read(0.2)
            now_s = time.monotonic()
            for each in device.heard:
                heard_s.setdefault(each, now_s)
            if now_s - begun_s > _GIVEN_UP_S:
                break
        drained_s = time.monotonic() - begun_s
        await asyncio.sleep(2)
        await arrivals.read(0.5)
        process.kill()
        await process.wait()
    old = [(order, seq) for (of, seq), (order, _) in arrivals.readings.items() if of == session]
    out_of_order = sum(a[1] > b[1] for a, b in zip(sorted(old), sorted(old)[1:], strict=False))
    # what was heard before the connection was there is the backlog's last
    live = {each: at for each, at in heard_s.items() if at > begun_s + _CONNECTED_S}
    delays = [arrivals.readings[each][1] - at for each, at in live.items()]
    return {
        "readings": depth,
        "drained_s": round(drained_s, 1),
        "per_s": round(len(old) / drained_s, 1),
        "out_of_order": out_of_order,
        "live_readings": len(delays),
        "live_late": sum(delay > LIVE_WITHIN_S for delay in delays),
        "live_slowest_s": round(max(delays, default=0.0), 2),
    }


def main() -> None:
    """Run one of both and print what came of it."""
    parser = argparse.ArgumentParser(description="what outages cost")
    commands = parser.add_subparsers(dest="command", required=True)
    tormenting = commands.add_parser("faults")
    tormenting.add_argument("--kills", type=int, default=50)
    tormenting.add_argument("--seed", type=int, default=SystemRandom().randrange(10**6))
    draining = commands.add_parser("backlog")
    draining.add_argument("--readings", type=int, default=72 * 3600)
    for command in (tormenting, draining):
        command.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with TemporaryDirectory() as folder:
        if arguments.command == "faults":
            sys.stderr.write(f"seed {arguments.seed}\n")
            result: Mapping[str, float] = asyncio.run(
                faults(Path(folder), arguments.kills, arguments.seed)
            )
        else:
            result = asyncio.run(backlog(Path(folder), arguments.readings))
    lines = [f"{name:16} {value}" for name, value in result.items()]
    sys.stdout.write((json.dumps(result) if arguments.json else "\n".join(lines)) + "\n")
    sys.exit(bool(result.get("missing", 0)))


if __name__ == "__main__":
    main()
