"""The publisher against a broker, a spool and a clock in memory."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from itertools import pairwise
from random import Random

import pytest

from agents.adapters.publish import Publisher
from agents.batches import Origin
from agents.delivery import CATCH_UP
from agents.reading import NO_CONTEXT
from agents.uploads import Uploads
from schemas import codec, topics
from schemas.base import SeqRange
from schemas.messages import Ack, FeatureBatch, Rejected, Status
from tests.builders import OTHER_SESSION, SESSION, reading, readings, seqs
from tests.fakes import FakeBroker, FakeClock, FakeSpool

FEATURES = topics.device_topic("harbour", "pole-01", "features")
STATUS = topics.device_topic("harbour", "pole-01", "status")
ACK = topics.ack_topic("harbour", "pole-01")
TURNS = 1000


class Device:
    """A publisher with everything around it in memory."""

    def __init__(self) -> None:
        self.broker = FakeBroker()
        self.clock = FakeClock()
        self.spool = FakeSpool()
        self.session = SESSION
        self.publisher = Publisher(
            Origin("harbour", "pole-01"),
            self.spool,
            self.broker.connect,
            status=lambda: Status(
                site="harbour", device="pole-01", session=self.session, online=True
            ),
            clock=self.clock,
            chance=Random(1),
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.publisher.run())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def hear(self, first_seq: int, count: int = 1) -> None:
        self.spool.append(readings(count, first_seq))
        self.publisher.wake()

    def answer(self, ack: Ack) -> None:
        self.broker.deliver(ACK, codec.encode(ack))

    def acknowledge(self, *ranges: SeqRange) -> None:
        self.answer(Ack(device="pole-01", accepted=ranges))

    async def sent(self, batches: int) -> None:
        """Return once so many batches were sent."""
        await until(lambda: len(self.batches) >= batches)

    @property
    def batches(self) -> list[FeatureBatch]:
        sent = [message for message in self.broker.published if message.topic == FEATURES]
        return [codec.decode(FeatureBatch, message.payload) for message in sent]

    @property
    def statuses(self) -> list[Status]:
        sent = [message for message in self.broker.published if message.topic == STATUS]
        assert all(message.retain for message in sent)
        return [codec.decode(Status, message.payload) for message in sent]


async def until(condition: Callable[[], object]) -> None:
    for _ in range(TURNS):
        if condition():
            return
        await asyncio.sleep(0)
    pytest.fail("it never came to be")


@pytest.fixture
def device() -> Device:
    return Device()


async def test_a_reading_is_published_as_it_comes(device: Device) -> None:
    async with device.running():
        await until(lambda: device.statuses)
        device.hear(0)
        await until(lambda: device.batches)
        (batch,) = device.batches
        assert (batch.first_seq, batch.count) == (0, 1)
        assert batch.mel is not None
        assert batch.mel.codes.startswith(NO_CONTEXT)


async def test_context_is_what_was_heard_before(device: Device) -> None:
    device.hear(0, 3)
    async with device.running():
        await until(lambda: device.batches)
        device.acknowledge(seqs(0, 3))
        device.hear(3)
        await until(lambda: len(device.batches) == 2)
        mel = device.batches[1].mel
        assert mel is not None
        assert mel.codes == b"".join(each.codes for each in readings(4))


async def test_acknowledged_readings_leave_the_spool(device: Device) -> None:
    device.hear(0, 5)
    async with device.running():
        await until(lambda: device.batches)
        drained = asyncio.create_task(device.publisher.drained())
        device.acknowledge(seqs(0, 2))
        device.acknowledge(seqs(2, 3), seqs(2, 3))
        await drained
    assert device.spool.depth() == 0
    assert device.publisher.arrived == 5


async def test_what_nobody_acknowledges_is_sent_again_ever_more_rarely(device: Device) -> None:
    device.hear(0)
    async with device.running():
        sent_at_s: list[float] = []
        for n in range(1, 5):
            await device.sent(n)
            sent_at_s.append(device.clock.monotonic_s())
    gaps = [after - before for before, after in pairwise(sent_at_s)]
    assert gaps == sorted(gaps)
    assert 10 <= gaps[0] < 20 <= gaps[1] < 40 <= gaps[2]


async def test_a_short_backlog_goes_before_what_is_new(device: Device) -> None:
    device.hear(0, 100)
    async with device.running():
        await device.sent(1)
        device.hear(100)
        device.acknowledge(seqs(0, 60))
        await device.sent(2)
    assert [(each.first_seq, each.count) for each in device.batches] == [(0, 60), (60, 41)]


async def test_a_long_backlog_goes_beside_what_is_new(device: Device) -> None:
    device.hear(0, CATCH_UP + 1)
    async with device.running():
        await device.sent(2)
        device.hear(CATCH_UP + 1)
        await device.sent(3)
    assert [batch.first_seq for batch in device.batches] == [0, 60, CATCH_UP + 1]


async def test_a_lost_connection_sends_everything_again(device: Device) -> None:
    async with device.running():
        await until(lambda: device.statuses)
        for seq in range(3):
            device.hear(seq)
            await device.sent(seq + 1)
        device.broker.cut()
        await until(lambda: len(device.batches) == 4)
        assert (device.batches[3].first_seq, device.batches[3].count) == (0, 3)
    assert [codec.decode(Status, will.payload).online for will in device.broker.wills] == [False]


async def test_a_broker_that_is_away_is_waited_for(
    device: Device, caplog: pytest.LogCaptureFixture
) -> None:
    device.broker.refused = True
    device.hear(0)
    async with device.running():
        await until(lambda: len(caplog.records) == 3)
        device.broker.refused = False
        await until(lambda: device.batches)
    assert {record.message for record in caplog.records} == {"broker_unavailable"}


async def test_a_rejected_batch_is_quarantined_and_never_sent_again(
    device: Device, caplog: pytest.LogCaptureFixture
) -> None:
    device.hear(0, 2)
    async with device.running():
        await until(lambda: device.batches)
        payload = next(m.payload for m in device.broker.published if m.topic == FEATURES)
        rejected = Rejected(digest=codec.digest(payload), reason="clock", detail="of tomorrow")
        device.answer(Ack(device="pole-01", rejected=(rejected,)))
        device.answer(Ack(device="pole-01", rejected=(rejected,)))
        device.hear(2)
        await until(lambda: len(device.batches) == 2)
        assert device.batches[1].first_seq == 2
    assert device.spool.quarantined() == 2
    assert caplog.records[0].message == "message_rejected"


async def test_acks_that_are_not_ours_change_nothing(device: Device) -> None:
    device.hear(0)
    async with device.running():
        await until(lambda: device.batches)
        device.answer(Ack(device="pole-02", accepted=(seqs(0),)))
        device.broker.deliver(ACK, b"\xff")
        assert device.spool.depth() == 1


async def test_a_new_session_makes_a_new_birth_and_a_new_will(device: Device) -> None:
    async with device.running():
        await until(lambda: device.statuses)
        device.session = OTHER_SESSION
        device.spool.append([reading(0, session=OTHER_SESSION)])
        device.publisher.renew()
        await until(lambda: device.batches)
        (link,) = device.broker.links
        assert codec.decode(Status, link.will.payload).session == OTHER_SESSION
    assert device.statuses[-2].session == OTHER_SESSION
    assert device.broker.wills == []


async def test_the_device_says_hello_its_health_and_goodbye(device: Device) -> None:
    async with device.running():
        await until(lambda: len(device.statuses) == 3)
        assert device.clock.monotonic_s() >= 120
    assert [status.online for status in device.statuses] == [True, True, True, False]


async def test_a_batched_upload_waits_for_a_minute_of_readings(device: Device) -> None:
    device.publisher.follow(Uploads(together=60))
    device.hear(0)
    async with device.running():
        await device.sent(1)
        device.acknowledge(seqs(0))
        before_s = device.clock.monotonic_s()
        device.hear(1, 60)
        await device.sent(2)
        assert device.clock.monotonic_s() - before_s < 70
    assert [batch.count for batch in device.batches] == [1, 60]


async def test_a_batched_upload_does_not_wait_for_ever(device: Device) -> None:
    device.publisher.follow(Uploads(together=60))
    device.hear(0)
    async with device.running():
        await device.sent(1)
        device.acknowledge(seqs(0))
        device.hear(1, 7)
        await device.sent(2)
    assert device.batches[1].count == 7
    assert device.clock.monotonic_s() < 70


async def test_a_scheduled_upload_connects_sends_waits_and_disconnects(device: Device) -> None:
    device.publisher.follow(Uploads(together=60, every_s=3600))
    device.hear(0, 150)
    async with device.running():
        await device.sent(2)
        device.acknowledge(seqs(0, 120))
        await device.sent(3)
        assert device.broker.links
        device.acknowledge(seqs(120, 30))
        await until(lambda: not device.broker.links)
        away_s = device.clock.monotonic_s()
        device.hear(150, 5)
        await device.sent(4)
        assert 3400 < device.clock.monotonic_s() - away_s < 3800
    assert device.broker.wills == []
    assert [status.online for status in device.statuses][:3] == [True, False, True]
