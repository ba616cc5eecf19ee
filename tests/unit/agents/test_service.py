"""One agent with everything around it in memory."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Never

import numpy as np
import pytest

from agents import batches
from agents.adapters.listener import Ears, ears_of
from agents.adapters.login import login_of
from agents.adapters.running import background
from agents.batches import Origin
from agents.calibration import SIMULATED
from agents.pipeline import Block
from agents.reading import Reading
from agents.service import Agent
from agents.settings import AgentSettings
from agents.uploads import Upload, uploads
from schemas import codec
from schemas.errors import BadConfig, Unavailable
from schemas.messages import Ack, FeatureBatch
from tests.builders import reading
from tests.fakes import FakeBroker, FakeClock, FakeSpool

RATE_HZ = 16_000
SECOND = Block(np.zeros(RATE_HZ, np.float32))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def spool() -> FakeSpool:
    return FakeSpool()


def agent_of(
    spool: FakeSpool,
    clock: FakeClock,
    folder: Path,
    broker: FakeBroker | None = None,
    ears: Ears | None = None,
) -> Agent:
    return Agent(
        Origin("harbour", "pole-01"),
        spool,
        (broker or FakeBroker()).connect,
        folder=folder,
        clock=clock,
        calibration=SIMULATED,
        rate_hz=RATE_HZ,
        ears=ears,
    )


@pytest.fixture
def agent(clock: FakeClock, spool: FakeSpool, tmp_path: Path) -> Agent:
    return agent_of(spool, clock, tmp_path)


def heard(spool: FakeSpool) -> list[Reading]:
    return [stored.reading for stored in spool.waiting(0, 10_000)]


async def microphone(clock: FakeClock, arrivals_s: Iterable[float]) -> AsyncIterator[Block]:
    """One second of sound at each of these times."""
    for arrival_s in arrivals_s:
        await clock.sleep(arrival_s - clock.monotonic_s())
        yield SECOND


def test_readings_go_into_the_spool(agent: Agent, spool: FakeSpool) -> None:
    agent.hear(Block(np.zeros(5 * RATE_HZ // 2, np.float32)))
    assert [each.seq for each in heard(spool)] == [0, 1]
    assert agent.heard == 2
    status = agent.status()
    assert (status.session, status.spooled_readings) == (agent.session, 2)
    assert (status.calibration, status.profile, status.online) == ("simulated", "mel32x8", True)


async def test_what_was_heard_under_levels_has_no_frames_under_a_later_profile(
    spool: FakeSpool, clock: FakeClock, tmp_path: Path
) -> None:
    settings = AgentSettings(profile="levels", indices="off", state_folder=tmp_path)
    async with ears_of(settings, Origin("harbour", "pole-01", "levels"), RATE_HZ) as ears:
        agent = agent_of(spool, clock, tmp_path, ears=ears)
        agent.hear(Block(np.zeros(5 * RATE_HZ, np.float32)))
    later = Origin("harbour", "pole-01", "mel32x8")
    assert len(heard(spool)) == 5
    ((_, payload),) = batches.messages(later, tuple(heard(spool)), ())
    assert codec.decode(FeatureBatch, payload).mel is None


def test_a_session_that_was_not_used_keeps_its_id(agent: Agent, clock: FakeClock) -> None:
    first = agent.session
    agent.begin(clock.utc_now())
    assert agent.session == first
    agent.hear(SECOND)
    agent.begin(clock.utc_now())
    assert agent.session != first


async def test_a_microphones_time_begins_with_its_first_block(
    agent: Agent, spool: FakeSpool, clock: FakeClock
) -> None:
    start = clock.utc_now()
    await agent.hear_live(microphone(clock, [5, 6, 7]))
    assert [each.started_at - start for each in heard(spool)] == [
        timedelta(seconds=seconds) for seconds in (4, 5, 6)
    ]


async def test_blocks_that_come_late_move_nothing(
    agent: Agent, spool: FakeSpool, clock: FakeClock
) -> None:
    await agent.hear_live(microphone(clock, [1, 2, 9, 9, 9, 9, 9, 9, 9, 10]))
    first, *_, last = heard(spool)
    assert last.session == first.session
    assert last.started_at - first.started_at == timedelta(seconds=9)


async def test_a_step_of_the_clock_begins_a_session(
    agent: Agent, spool: FakeSpool, clock: FakeClock
) -> None:
    async def stepped() -> AsyncIterator[Block]:
        async for block in microphone(clock, [1, 2, 3, 4]):
            if clock.monotonic_s() == 3:
                clock.set_forward(3600)
            yield block

    await agent.hear_live(stepped())
    sessions = [each.session for each in heard(spool)]
    assert len(set(sessions[:2])) == len(set(sessions[2:])) == 1
    assert sessions[1] != sessions[2]
    assert [each.seq for each in heard(spool)] == [0, 1, 0, 1]
    assert heard(spool)[2].started_at - heard(spool)[1].started_at == timedelta(seconds=3601)


async def test_readings_before_the_first_sync_wait_and_are_shifted(
    agent: Agent, spool: FakeSpool, clock: FakeClock
) -> None:
    waited: list[int] = []

    async def until_a_time_server_answers() -> AsyncIterator[Block]:
        async for block in microphone(clock, [1, 2, 3, 4, 5]):
            if clock.monotonic_s() == 4:
                waited.append(len(heard(spool)))
                clock.set_forward(86_400)
                clock.synced = True
            yield block

    clock.synced = False
    start = clock.utc_now()
    await agent.hear_live(until_a_time_server_answers())
    assert waited == [0]
    assert {(each.session, each.clock) for each in heard(spool)} == {(agent.session, "synced")}
    assert [each.started_at - start for each in heard(spool)] == [
        timedelta(days=1, seconds=seconds) for seconds in range(5)
    ]
    assert agent.status().clock == "synced"


async def test_after_15_minutes_readings_go_out_unsynced_and_a_late_sync_begins_a_session(
    agent: Agent, spool: FakeSpool, clock: FakeClock
) -> None:
    async def late() -> AsyncIterator[Block]:
        async for block in microphone(clock, [1, 2, 901, 902]):
            clock.synced = clock.monotonic_s() == 902
            yield block

    clock.synced = False
    await agent.hear_live(late())
    assert [(each.seq, each.clock) for each in heard(spool)] == [
        (0, "unsynced"),
        (1, "unsynced"),
        (2, "unsynced"),
        (0, "synced"),
    ]


async def test_a_microphone_that_comes_back_begins_a_session_and_waits_on(
    agent: Agent, spool: FakeSpool, clock: FakeClock
) -> None:
    clock.synced = False
    start = clock.utc_now()
    await agent.hear_live(microphone(clock, [1, 2]))
    clock.set_forward(50)  # by hand: who knows whether that is right
    await agent.hear_live(microphone(clock, [10]))
    assert heard(spool) == []
    clock.synced = True
    await agent.hear_live(microphone(clock, [20]))
    sessions = [each.session for each in heard(spool)]
    assert sessions[0] == sessions[1] != sessions[2] != sessions[3]
    assert [each.started_at - start for each in heard(spool)] == [
        timedelta(seconds=seconds) for seconds in (50, 51, 59, 69)
    ]


async def test_without_a_microphone_the_first_sync_shifts_what_waits_and_does_so_once(
    agent: Agent, spool: FakeSpool, clock: FakeClock
) -> None:
    clock.synced = False
    start = clock.utc_now()
    await agent.hear_live(microphone(clock, [1, 2]))
    assert not agent.time.look()
    clock.set_forward(50)
    clock.synced = True
    assert agent.time.look()
    assert not agent.time.look()
    await agent.hear_live(microphone(clock, [20]))
    assert [(each.started_at - start).total_seconds() for each in heard(spool)] == [50, 51, 69]
    assert {each.clock for each in heard(spool)} == {"synced"}


async def test_without_a_microphone_patience_ends_too_and_is_not_begun_anew(
    agent: Agent, spool: FakeSpool, clock: FakeClock
) -> None:
    clock.synced = False
    await agent.hear_live(microphone(clock, [1, 2]))
    await clock.sleep(898)
    assert not agent.time.look()
    await clock.sleep(1)
    assert agent.time.look()
    assert len(heard(spool)) == 2
    await agent.hear_live(microphone(clock, [1000]))
    assert [each.clock for each in heard(spool)] == 3 * ["unsynced"]


async def test_a_loose_plug_does_not_hold_readings_for_ever(
    agent: Agent, spool: FakeSpool, clock: FakeClock
) -> None:
    clock.synced = False
    for plugged_s in (0, 600, 1200):
        await agent.hear_live(microphone(clock, [plugged_s + 1, plugged_s + 2]))
    assert len(heard(spool)) == 6


class Refusing(FakeSpool):
    """A spool on a disk that is full for a while."""

    refusals = 2

    def restamp(self, by: timedelta) -> None:
        if self.refusals:
            self.refusals -= 1
            raise Unavailable("spool: database or disk is full")
        super().restamp(by)


async def test_time_that_becomes_known_while_the_disk_is_full_ends_no_session(
    tmp_path: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    async def until_a_time_server_answers() -> AsyncIterator[Block]:
        async for block in microphone(clock, [1, 2, 3, 4]):
            if clock.monotonic_s() == 2:
                clock.set_forward(86_400)
                clock.synced = True
            yield block

    spool = Refusing()
    agent = agent_of(spool, clock, tmp_path)
    clock.synced = False
    start = clock.utc_now()
    await agent.hear_live(until_a_time_server_answers())
    assert (spool.depth(), heard(spool)) == (4, [])
    assert agent.status().clock == "synced"
    assert not agent.time.look()
    await agent.hear_live(microphone(clock, [5, 6]))
    assert agent.time.look()
    assert not agent.time.look()
    assert {each.clock for each in heard(spool)} == {"synced"}
    assert [each.started_at - start for each in heard(spool)] == [
        timedelta(days=1, seconds=seconds) for seconds in range(6)
    ]
    assert caplog.messages.count("spool_failing") == 1


async def test_time_is_watched_although_the_disk_refuses(tmp_path: Path, clock: FakeClock) -> None:
    spool, known = Refusing(), asyncio.Event()
    agent = agent_of(spool, clock, tmp_path)
    clock.synced = False
    await agent.hear_live(microphone(clock, [1]))
    clock.synced = True
    async with background(agent.time.watch(known.set)), asyncio.timeout(5):
        await known.wait()
    assert [each.clock for each in heard(spool)] == ["synced"]


async def test_the_status_tells_of_the_clock_with_and_without_a_microphone(
    agent: Agent, clock: FakeClock
) -> None:
    clock.synced = False
    told = [agent.status().clock]
    await agent.hear_live(microphone(clock, [1]))
    told += [agent.status().clock]
    await agent.hear_live(microphone(clock, [1000]))
    clock.synced = True
    told += [agent.status().clock]
    assert told == ["unsynced", "unsynced", "synced"]


@pytest.mark.parametrize("synced", [True, False])
def test_a_person_who_vouches_for_the_time_is_warned_unless_it_is_known(
    agent: Agent, clock: FakeClock, caplog: pytest.LogCaptureFixture, *, synced: bool
) -> None:
    clock.synced = synced
    agent.time.vouch()
    assert agent.status().clock == "synced"
    assert caplog.messages == ([] if synced else ["clock_unsynced"])


async def test_an_overrun_costs_as_much_time_as_really_passed(
    agent: Agent, spool: FakeSpool, clock: FakeClock
) -> None:
    async def overrun() -> AsyncIterator[Block]:
        async for block in microphone(clock, [1, 2, 3, 6.5, 7.5]):
            # the card tells of 2 s, and 0.5 s more were in its buffer
            lost = 2 * RATE_HZ if clock.monotonic_s() == 6.5 else 0
            yield Block(block.samples, lost_samples=lost)

    start = clock.utc_now()
    await agent.hear_live(overrun())
    assert [(each.started_at - start).total_seconds() for each in heard(spool)] == [
        0,
        1,
        2,
        5.5,
        6.5,
    ]
    assert len({each.session for each in heard(spool)}) == 1
    assert agent.status().overruns == 1


async def test_what_was_lost_before_a_session_is_none_of_its_time(
    agent: Agent, spool: FakeSpool, clock: FakeClock
) -> None:
    async def overrun_at_the_start() -> AsyncIterator[Block]:
        async for block in microphone(clock, [1, 2]):
            lost = RATE_HZ if clock.monotonic_s() == 1 else 0
            yield Block(block.samples, lost_samples=lost)

    start = clock.utc_now()
    await agent.hear_live(overrun_at_the_start())
    assert [(each.started_at - start).total_seconds() for each in heard(spool)] == [0, 1]


async def test_a_card_that_gives_too_many_samples_is_told(agent: Agent, clock: FakeClock) -> None:
    arrivals_s = [n / 3 for n in range(1, 100)]  # 48 kHz, taken for 16 kHz
    with pytest.raises(Unavailable, match="more samples than its rate allows"):
        await agent.hear_live(microphone(clock, arrivals_s))


async def test_a_slow_sample_clock_is_slewed(
    agent: Agent, spool: FakeSpool, clock: FakeClock
) -> None:
    start = clock.utc_now()
    arrivals_s = [n * 1.0004 for n in range(1, 151)]  # 400 ppm: 60 ms, were it left alone
    await agent.hear_live(microphone(clock, arrivals_s))
    last = heard(spool)[-1]
    assert last.seq == 149
    ahead = last.started_at + timedelta(seconds=1) - start - timedelta(seconds=arrivals_s[-1])
    assert abs(ahead) < timedelta(milliseconds=20)


async def test_a_recording_is_paced(agent: Agent, spool: FakeSpool, clock: FakeClock) -> None:
    started_at = agent.back_dated(10 * (1 - 1 / 5))
    agent.begin(started_at)
    await agent.hear_paced([SECOND] * 10, started_at, speed=5)
    assert clock.monotonic_s() == pytest.approx(2)
    assert heard(spool)[-1].started_at + timedelta(seconds=1) == clock.utc_now()


async def test_a_recording_does_not_reach_into_what_was_heard_before(
    agent: Agent, spool: FakeSpool, clock: FakeClock
) -> None:
    spool.append([reading(started_at=clock.utc_now() - timedelta(seconds=1))])
    started_at = agent.back_dated(8)
    assert started_at == clock.utc_now()
    agent.begin(started_at)
    await agent.hear_paced([SECOND] * 10, started_at, speed=5)
    assert clock.monotonic_s() == pytest.approx(10)  # nothing is of the future


async def answering(broker: FakeBroker) -> Never:
    """Acknowledge whatever is published."""
    answered = 0
    while True:
        for message in broker.published[answered:]:
            if message.topic.endswith("/features"):
                batch = codec.decode(FeatureBatch, message.payload)
                ack = Ack(device=batch.device, accepted=(batch.seqs,))
                broker.deliver("cityhum/v1/harbour/pole-01/ack", codec.encode(ack))
        answered = len(broker.published)
        await asyncio.sleep(0)


class StillClock(FakeClock):
    """Time stands still: nobody is called but by an event."""

    async def wait(self, event: asyncio.Event, timeout_s: float) -> None:  # noqa: ARG002
        await event.wait()


@pytest.mark.parametrize("upload", ["live", "batched", "scheduled"])
async def test_draining_waits_for_no_other_readings(
    spool: FakeSpool, tmp_path: Path, upload: Upload
) -> None:
    broker = FakeBroker()
    agent = agent_of(spool, StillClock(), tmp_path, broker)
    agent.publisher.follow(uploads(upload, 60, 3600))
    async with background(agent.publisher.run()), background(answering(broker)):
        for _ in range(5):
            agent.hear(SECOND)
            await asyncio.sleep(0)
        assert await agent.drain(2) == 0


async def test_draining_ends_although_nobody_answers(agent: Agent) -> None:
    agent.hear(SECOND)
    assert await agent.drain(0) == 1
    await asyncio.sleep(0)


def test_a_missing_password_file_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="No such file"):
        login_of(AgentSettings(mqtt_password_file=tmp_path / "nowhere"))
