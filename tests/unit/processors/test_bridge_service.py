"""What is acknowledged when: only what is safe, in order, and nothing after a failure."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from math import inf
from typing import Self

import pytest
from orjson import loads

from processors import alerts, bridge_service, classify
from processors.adapters.mqtt import Delivery, Handle
from processors.bridge_service import COMING_BACK_S, TICK_S, Bridge
from processors.partitions import FoldRun
from processors.rules import LevelRule
from processors.verdicts import Arrived, Record
from schemas import readings, topics
from schemas.codec import decode
from schemas.envelopes import FeatureEnvelope
from schemas.messages import Ack
from schemas.results import Alert
from tests.batches import (
    RECEIVED_AT,
    REGISTRY,
    arrived,
    changed,
    feature_batch,
    levels_batch,
)
from tests.builders import SESSION, STARTED_AT, seqs

HEARD = LevelRule(
    rule="heard",
    level="laeq_1s_db",
    on_db=50,
    off_db=45,
    on_seconds=1,
    of_seconds=1,
    off_seconds=3,
    cooldown_s=0,
    max_duration_s=600,
)
"""Open for as long as a device is heard."""


class FakeInbox:
    """Messages that wait, and all that was said about them."""

    def __init__(self) -> None:
        self.waiting: list[Delivery] = []
        self.wake = asyncio.Event()
        self.told: list[int | Ack] = []
        self.heard_for_s = inf

    def deliver(self, *first_seqs: int) -> None:
        self.take_in(*(arrived(feature_batch(seq)) for seq in first_seqs))

    def take_in(self, *messages: Arrived) -> None:
        for message in messages:
            first_seq = loads(message.payload)["first_seq"]
            self.waiting.append(Delivery(message, Handle(epoch=1, message_id=first_seq, qos=1)))
        self.wake.set()

    async def take(self, timeout_s: float) -> list[Delivery]:
        if timeout_s > 0:
            await self.wake.wait()
        self.wake.clear()
        taken, self.waiting = self.waiting, []
        return taken

    def acknowledge(self, handle: Handle) -> None:
        self.told.append(handle.message_id)

    def publish(self, topic: str, payload: bytes) -> None:
        assert topic == topics.ack_topic("harbour", "pole-07")
        self.told.append(decode(Ack, payload))


class FakeLog:
    """Records that are safe when the test says so."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.futures: list[asyncio.Future[None]] = []

    def holds(self, count: int) -> bool:
        return len(self.records) == count

    def settle(self) -> None:
        for future in self.futures:
            if not future.done():
                future.set_result(None)

    async def append(self, record: Record) -> Awaitable[object]:
        self.records.append(record)
        self.futures.append(asyncio.get_running_loop().create_future())
        return self.futures[-1]


class Bench:
    """A bridge between fakes."""

    def __init__(self) -> None:
        self.inbox = FakeInbox()
        self.log = FakeLog()
        self.now = RECEIVED_AT
        self.passed_s = 0.0
        self.bridge = Bridge(self.inbox, self.log, REGISTRY, self.clock, lambda: self.passed_s)

    def clock(self) -> datetime:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.passed_s += seconds

    async def __aenter__(self) -> Self:
        self.running = asyncio.create_task(self.bridge.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.running.cancel()
        with suppress(asyncio.CancelledError):
            await self.running


async def until(true: Callable[[], bool]) -> None:
    """Let the tasks run until something is true."""
    for _ in range(1000):
        if true():
            return
        await asyncio.sleep(0)
    pytest.fail("it never became true")


async def test_nothing_is_acknowledged_before_it_is_safe() -> None:
    async with Bench() as bench:
        bench.inbox.deliver(0, 1)
        await until(lambda: len(bench.log.futures) == 1)
        assert bench.inbox.told == []
        bench.log.futures[0].set_result(None)
        await until(lambda: len(bench.inbox.told) == 3)
    assert bench.inbox.told == [Ack(device="pole-07", accepted=(seqs(0, 2),)), 0, 1]


async def test_a_refused_message_is_named_in_the_log_but_not_quoted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with Bench() as bench:
        foreign = arrived(changed(feature_batch(7), site="park"))
        bench.inbox.waiting.append(Delivery(foreign, Handle(epoch=1, message_id=7, qos=1)))
        bench.inbox.wake.set()
        await until(lambda: len(bench.log.futures) == 1)
        bench.log.futures[0].set_result(None)
        await until(lambda: 7 in bench.inbox.told)
    (line,) = [one for one in caplog.records if one.message == "dead_letter"]
    named = {name: getattr(line, name) for name in ("reason", "device", "session", "first_seq")}
    assert named == {"reason": "device", "device": "pole-07", "session": SESSION, "first_seq": 7}
    assert "laeq" not in str(vars(line))


async def test_messages_are_acknowledged_in_their_order() -> None:
    async with Bench() as bench:
        bench.inbox.deliver(0)
        await until(lambda: len(bench.log.futures) == 1)
        bench.inbox.deliver(1)
        await until(lambda: len(bench.log.futures) == 2)
        bench.log.futures[1].set_result(None)
        await asyncio.sleep(0)
        assert bench.inbox.told == []
        bench.log.futures[0].set_result(None)
        await until(lambda: len(bench.inbox.told) == 4)
    assert [each for each in bench.inbox.told if isinstance(each, int)] == [0, 1]


async def test_a_failed_record_ends_the_bridge_with_nothing_more_acknowledged() -> None:
    bench = Bench()
    running = asyncio.create_task(bench.bridge.run())
    bench.inbox.deliver(0)
    await until(lambda: len(bench.log.futures) == 1)
    bench.inbox.deliver(1)
    await until(lambda: len(bench.log.futures) == 2)
    bench.log.futures[0].set_exception(OSError("no leader"))
    bench.log.futures[1].set_result(None)
    with pytest.raises(ExceptionGroup):
        await running
    assert bench.inbox.told == []


async def test_what_kafka_has_been_given_is_settled_before_the_end() -> None:
    async with Bench() as bench:
        bench.inbox.deliver(0)
        await until(lambda: len(bench.log.futures) == 1)
        bench.running.cancel()
        await asyncio.sleep(0)
        bench.log.futures[0].set_result(None)
        await until(lambda: 0 in bench.inbox.told)


@pytest.mark.parametrize("messages", [1, 6], ids=["one under way", "no room for another"])
async def test_it_ends_although_kafka_never_answers(
    messages: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bridge_service, "SETTLED_WITHIN_S", 0.01)
    bench = Bench()
    running = asyncio.create_task(bench.bridge.run())
    for seq in range(messages):
        bench.inbox.deliver(seq)
        await until(lambda: not bench.inbox.wake.is_set())
    running.cancel()
    done, _ = await asyncio.wait([running], timeout=5)
    assert done
    assert running.cancelled()
    assert bench.inbox.told == []


async def test_a_tick_follows_all_that_arrived_before_it() -> None:
    async with Bench() as bench:
        await asyncio.sleep(0)  # the bridge begins
        bench.wait(TICK_S + 1)
        bench.inbox.deliver(0)
        await until(lambda: len(bench.log.records) == 1 + topics.PARTITIONS)
        bench.log.settle()
    envelopes = [decode(FeatureEnvelope, r.value) for r in bench.log.records if r.value]
    assert [each.tick for each in envelopes] == [None] + [bench.now] * topics.PARTITIONS


async def test_there_are_no_ticks_while_nobody_could_be_heard() -> None:
    async with Bench() as bench:
        await asyncio.sleep(0)
        bench.inbox.heard_for_s = 0.0
        bench.wait(TICK_S + 1)
        bench.inbox.deliver(0)
        await until(lambda: len(bench.log.records) == 1)
        bench.inbox.heard_for_s = inf
        bench.wait(TICK_S)
        bench.inbox.deliver(1)
        await until(lambda: len(bench.log.records) == 2 + topics.PARTITIONS)
        bench.log.settle()


async def test_there_are_no_ticks_until_devices_have_had_time_to_come_back() -> None:
    async with Bench() as bench:
        await asyncio.sleep(0)
        for seq, heard_for_s in enumerate((0.0, TICK_S, COMING_BACK_S - 1)):
            bench.inbox.heard_for_s = heard_for_s
            bench.wait(TICK_S)
            bench.inbox.deliver(seq)
            await until(partial(bench.log.holds, seq + 1))
        bench.inbox.heard_for_s = COMING_BACK_S
        bench.wait(TICK_S)
        bench.inbox.wake.set()
        await until(partial(bench.log.holds, 3 + topics.PARTITIONS))
        bench.log.settle()


async def test_an_alert_outlasts_an_outage_of_the_broker_and_of_those_who_back_off() -> None:
    down_s, up_s, back_s, end_s = 30, 90, 150, 160
    async with Bench() as bench:
        bench.now = STARTED_AT
        await asyncio.sleep(0)
        for second in range(end_s):
            bench.wait(1)
            away = down_s <= second < up_s
            bench.inbox.heard_for_s = inf if second < down_s else 0 if away else second - up_s
            first = down_s if second == back_s else second
            if not down_s <= second < back_s:
                sent = [levels_batch(seq) for seq in range(first, second + 1)]
                bench.inbox.take_in(*(arrived(each, received_at=bench.now) for each in sent))
            bench.inbox.wake.set()
            for _ in range(10):
                await asyncio.sleep(0)
                bench.log.settle()
    fold, partition = FoldRun(alerts.fold([HEARD]), {}), topics.partition("pole-07")
    heard = [r for r in bench.log.records if (r.topic, r.partition) == ("features.v1", partition)]
    read = [classify.read(record.topic, record.value or b"") for record in heard]
    assert sum(len(envelope.batches) for envelope in read) == end_s
    told = [
        fold.apply(readings.write(classify.labelled(each, [], "none")))[0].messages for each in read
    ]
    found = [alert for messages in told for alert in messages if isinstance(alert, Alert)]
    assert {alert.alert_id for alert in found} == {found[0].alert_id}
    assert found[-1].state == "updated"


async def test_a_clock_that_is_set_back_delays_no_tick() -> None:
    async with Bench() as bench:
        await asyncio.sleep(0)
        bench.now -= timedelta(hours=1)
        bench.wait(TICK_S)
        bench.inbox.wake.set()
        await until(partial(bench.log.holds, topics.PARTITIONS))
        bench.log.settle()
    assert decode(FeatureEnvelope, bench.log.records[0].value or b"").tick == bench.now


async def test_no_tick_is_said_before_kafka_has_the_last_one() -> None:
    """While Kafka is away devices wait, and time that passes is no sign that they are silent."""
    async with Bench() as bench:
        await asyncio.sleep(0)
        for seq in range(3):
            bench.wait(TICK_S + 1)
            bench.inbox.deliver(seq)
            await until(partial(bench.log.holds, 1 + seq + topics.PARTITIONS))
        bench.log.settle()
        await until(lambda: 2 in bench.inbox.told)
        bench.wait(TICK_S)
        bench.inbox.deliver(3)
        await until(lambda: len(bench.log.records) == 4 + 2 * topics.PARTITIONS)
        bench.log.settle()


async def test_while_kafka_is_slow_envelopes_grow() -> None:
    async with Bench() as bench:
        for seq in range(20):
            bench.inbox.deliver(seq)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        waiting = len(bench.log.records)
        assert waiting < 20
        while len(bench.inbox.told) < 20 or not bench.log.futures[-1].done():
            bench.log.settle()
            await asyncio.sleep(0)
    assert sum(isinstance(each, int) for each in bench.inbox.told) == 20
