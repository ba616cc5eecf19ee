"""The publisher, its spool and a real Mosquitto that is cut, killed and restarted."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from random import Random

import pytest

from agents.adapters.clock import SystemClock
from agents.adapters.link import Link
from agents.adapters.publish import Publisher
from agents.adapters.spool import SqliteSpool
from agents.batches import Origin
from deploy.local.mosquitto import Mosquitto
from schemas import codec, topics
from schemas.messages import Status
from tests.bridge import DEVICE, AckingBridge, login
from tests.builders import SESSION, readings

SITE = "harbour"
TIMEOUT_S = 30


class HastyClock(SystemClock):
    """Waits a tenth as long before it connects again."""

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds / 10)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    server = Mosquitto(tmp_path, devices=[DEVICE])
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[SqliteSpool]:
    with SqliteSpool(tmp_path / "spool.sqlite", 2**30) as spool:
        yield spool


@asynccontextmanager
async def publishing(broker: Mosquitto, spool: SqliteSpool) -> AsyncIterator[Publisher]:
    publisher = Publisher(
        Origin(SITE, DEVICE),
        spool,
        partial(Link, login(broker)),
        status=lambda: Status(site=SITE, device=DEVICE, session=SESSION, online=True),
        clock=HastyClock(),
        chance=Random(1),
    )
    task = asyncio.create_task(publisher.run())
    try:
        yield publisher
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.mark.parametrize("end", [Mosquitto.stop, Mosquitto.kill])
async def test_an_outage_loses_no_reading(
    broker: Mosquitto, spool: SqliteSpool, end: Callable[[Mosquitto], None]
) -> None:
    with AckingBridge(broker) as bridge:
        async with publishing(broker, spool) as publisher, asyncio.timeout(TIMEOUT_S):
            spool.append(readings(3))
            publisher.wake()
            await publisher.drained()
            end(broker)
            for each in readings(100, 3):
                spool.append([each])
                publisher.wake()
            assert spool.depth() == 100
            await asyncio.to_thread(broker.start)
            await publisher.drained()
    assert bridge.seqs == {(DEVICE, SESSION, seq) for seq in range(103)}


async def test_a_backlog_is_sent_by_the_next_run(broker: Mosquitto, spool: SqliteSpool) -> None:
    spool.append(readings(200))
    with AckingBridge(broker) as bridge:
        async with publishing(broker, spool) as publisher, asyncio.timeout(TIMEOUT_S):
            await publisher.drained()
    assert [batch.count for batch in bridge.batches] == [60, 60, 60, 20]


async def test_an_absent_bridge_keeps_everything_in_the_spool(
    broker: Mosquitto, spool: SqliteSpool
) -> None:
    async with publishing(broker, spool) as publisher:
        spool.append(readings(5))
        publisher.wake()
    assert spool.depth() == 5
    with AckingBridge(broker) as late:
        async with publishing(broker, spool) as publisher, asyncio.timeout(TIMEOUT_S):
            await publisher.drained()
    assert {seq for _, _, seq in late.seqs} == {0, 1, 2, 3, 4}


async def test_rejected_readings_do_not_hold_up_the_others(
    broker: Mosquitto, spool: SqliteSpool
) -> None:
    spool.append(readings(120))
    with AckingBridge(broker, bad=frozenset({60})) as bridge:
        async with publishing(broker, spool) as publisher, asyncio.timeout(TIMEOUT_S):
            await publisher.drained()
    assert {seq for _, _, seq in bridge.seqs} == set(range(60))
    assert spool.quarantined() == 60


async def test_the_broker_keeps_the_devices_state(broker: Mosquitto, spool: SqliteSpool) -> None:
    topic = topics.device_topic(SITE, DEVICE, "status")
    with AckingBridge(broker) as bridge:
        async with publishing(broker, spool), asyncio.timeout(TIMEOUT_S):
            assert codec.decode(Status, await bridge.receive(topic)).online
        assert not codec.decode(Status, await bridge.receive(topic)).online
