"""One device floods; others are heard as if it were not there."""

import logging
from datetime import UTC, datetime
from itertools import count

import pytest

from processors.adapters.mqtt import Delivery, Handle
from processors.adapters.paced_inbox import MAX_HELD, PacedInbox
from processors.pace import MAX_HELD as MAX_HELD_EACH
from processors.pace import Limit
from processors.verdicts import Arrived

LIMIT = Limit(messages_per_s=1.0)
BURST = int(LIMIT.burst)
RECEIVED_AT = datetime(2026, 5, 4, tzinfo=UTC)


class Bench:
    """A paced inbox, what is put into it, and a clock."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.heard_for_s = 0.0
        self.acknowledged: list[int] = []
        self.asked_s: list[float] = []
        self.paced = PacedInbox(self, LIMIT, lambda: self.now_s)
        self._coming: list[Delivery] = []
        self._ids = count()

    def send(self, device: str, messages: int, below: str = "harbour") -> None:
        for _ in range(messages):
            arrived = Arrived(f"cityhum/v1/{below}/{device}/features", b"", RECEIVED_AT)
            self._coming.append(Delivery(arrived, Handle(1, next(self._ids), 1)))

    async def heard(self, after_s: float = 0.0) -> list[int]:
        self.now_s += after_s
        return [each.handle.message_id for each in await self.paced.take(5.0)]

    async def take(self, timeout_s: float) -> list[Delivery]:
        self.asked_s.append(timeout_s)
        coming, self._coming = self._coming, []
        return coming

    def acknowledge(self, handle: Handle) -> None:
        self.acknowledged.append(handle.message_id)

    def publish(self, topic: str, payload: bytes) -> None:
        raise AssertionError((topic, payload))


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def test_a_burst_is_taken_then_some_wait_and_the_rest_is_dropped(bench: Bench) -> None:
    bench.send("pole-01", BURST + MAX_HELD_EACH + 7)
    assert await bench.heard() == list(range(BURST))
    assert bench.acknowledged == list(range(BURST + MAX_HELD_EACH, BURST + MAX_HELD_EACH + 7))
    assert await bench.heard(after_s=2.0) == [BURST, BURST + 1]


async def test_it_looks_again_when_the_next_one_is_due(bench: Bench) -> None:
    bench.send("pole-01", BURST + 1)
    await bench.heard()
    await bench.heard(after_s=0.25)
    assert bench.asked_s == [5.0, 0.75]
    assert await bench.heard(after_s=0.75) == [BURST]


async def test_others_are_heard_at_once(bench: Bench) -> None:
    bench.send("pole-01", 10 * BURST)
    await bench.heard()
    bench.send("pole-01", BURST)
    bench.send("pole-02", 2)
    assert await bench.heard() == [11 * BURST, 11 * BURST + 1]


async def test_nonsense_in_the_rest_of_the_topic_is_no_way_round(bench: Bench) -> None:
    bench.send("pole-01", BURST)
    bench.send("pole-01", 1, below="HÄRBOUR #+")
    assert await bench.heard() == list(range(BURST))


async def test_many_floods_do_not_use_up_what_the_broker_sends_ahead(bench: Bench) -> None:
    floods = MAX_HELD // MAX_HELD_EACH + 3
    for n in range(floods):
        bench.send(f"pole-{n:02d}", BURST + MAX_HELD_EACH)
    assert len(await bench.heard()) == floods * BURST
    assert len(bench.acknowledged) == floods * MAX_HELD_EACH - MAX_HELD


async def test_a_flood_is_named_once_a_minute(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.send("pole-01", 1)
    await bench.heard()
    with caplog.at_level(logging.WARNING):
        for _ in range(90):
            bench.send("pole-01", 100)
            bench.send("pole-02", 2)
            await bench.heard(after_s=1.0)
    lines = [(r.__dict__["device"], r.__dict__["devices"]) for r in caplog.records]
    assert [line.message for line in caplog.records] == ["too_fast"] * 2
    assert caplog.records[0].__dict__["messages"] == 100 - BURST - MAX_HELD_EACH
    assert lines == [("pole-01", 1), ("pole-01", 2)]
