"""What an adapter must do. Each suite runs on the fake (unit) and on the real one."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

import pytest

from agents.adapters.link import Message
from agents.adapters.publish_ports import Connect, Connection, Spool
from agents.adapters.spool import BYTES_PER_READING
from agents.reading import Reading
from processors.adapters.durable_ports import Store, TakenOver
from processors.partitions import Checkpoint, Commit, Key
from schemas.base import SeqRange
from schemas.errors import Unavailable
from schemas.messages import Rejected
from tests.builders import OTHER_SESSION, reading, readings, seqs
from tests.streams import KEY, alert, window

# --- agent: spool --------------------------------------------------------------------------------


class WritableSpool(Spool, Protocol):
    """The whole spool, as the agent's service sees it."""

    def append(self, readings: Sequence[Reading]) -> None: ...

    def quarantined(self) -> int: ...

    def dropped(self) -> Sequence[SeqRange]: ...

    def heard_until(self) -> datetime | None: ...

    def hold(self) -> None: ...

    def restamp(self, by: timedelta) -> None: ...

    def release(self) -> None: ...


OpenSpool = Callable[[int], WritableSpool]
"""Open an empty spool with so many bytes."""

REJECTED = Rejected(digest="0" * 32, reason="malformed", detail="levels.0: no")


class SpoolContract:
    """A spool gives back what it was given, oldest first, until that is acknowledged."""

    @pytest.fixture
    def open_spool(self) -> Iterator[OpenSpool]:
        raise NotImplementedError

    @pytest.fixture
    def spool(self, open_spool: OpenSpool) -> WritableSpool:
        return open_spool(2**30)

    def test_gives_back_readings_in_order(self, spool: WritableSpool) -> None:
        stored = readings(5)
        spool.append(stored)
        assert [each.reading for each in spool.waiting(0, 10)] == stored
        assert spool.depth() == 5

    def test_positions_count_up_across_sessions(self, spool: WritableSpool) -> None:
        spool.append([reading(7), reading(0, session=OTHER_SESSION)])
        positions = [each.position for each in spool.waiting(0, 10)]
        assert positions == sorted(set(positions))
        assert positions[-1] == spool.newest()
        assert [each.reading.seq for each in spool.waiting(positions[0], 10)] == [0]

    def test_acknowledged_readings_are_not_given_again(self, spool: WritableSpool) -> None:
        spool.append(readings(10))
        assert spool.acknowledge([seqs(2, 3), seqs(8, 100)]) == 5
        assert [each.reading.seq for each in spool.waiting(0, 10)] == [0, 1, 5, 6, 7]
        assert spool.depth() == 5

    def test_readings_whose_time_is_unknown_are_held_until_it_is_known(
        self, spool: WritableSpool
    ) -> None:
        old = reading(0, session=OTHER_SESSION, clock="unsynced")
        held = [reading(n, clock="unsynced") for n in range(5)]
        spool.append([old])
        spool.hold()
        spool.append(held)
        assert [each.reading for each in spool.waiting(0, 10)] == [old]
        assert spool.depth() == 6
        day = timedelta(days=1)
        spool.restamp(day)
        known = [replace(each, clock="synced", started_at=each.started_at + day) for each in held]
        assert [each.reading for each in spool.waiting(0, 10)] == [old, *known]
        assert spool.before(known[4]) == known[1:4]
        assert spool.heard_until() == known[4].started_at + timedelta(seconds=1)
        spool.append([replace(reading(5), started_at=known[4].started_at + timedelta(seconds=1))])
        assert len(spool.waiting(0, 10)) == 7

    def test_readings_that_come_with_their_time_are_held_behind_the_others_and_not_shifted(
        self, spool: WritableSpool
    ) -> None:
        spool.hold()
        spool.append([reading(n, clock="unsynced") for n in range(2)])
        day = timedelta(days=1)
        known = [replace(each, started_at=each.started_at + day) for each in readings(4)]
        spool.append(known[2:])
        assert spool.waiting(0, 10) == []
        spool.restamp(day)
        assert [each.reading for each in spool.waiting(0, 10)] == known

    def test_readings_that_are_released_keep_their_time(self, spool: WritableSpool) -> None:
        held = [reading(n, clock="unsynced") for n in range(3)]
        spool.hold()
        spool.append(held)
        assert spool.waiting(0, 10) == []
        spool.release()
        assert [each.reading for each in spool.waiting(0, 10)] == held

    def test_an_acknowledgement_that_comes_twice_is_harmless(self, spool: WritableSpool) -> None:
        spool.append(readings(3))
        spool.acknowledge([seqs(0, 3)])
        assert spool.acknowledge([seqs(0, 3)]) == 0
        assert spool.depth() == 0

    def test_another_sessions_acknowledgement_frees_nothing(self, spool: WritableSpool) -> None:
        spool.append(readings(3))
        assert spool.acknowledge([seqs(0, 3, session=OTHER_SESSION)]) == 0

    def test_context_outlives_its_own_acknowledgement(self, spool: WritableSpool) -> None:
        spool.append(readings(10))
        spool.acknowledge([seqs(0, 6)])
        assert spool.before(reading(6)) == readings(3, 3)

    def test_context_of_the_next_reading_outlives_it_too(self, spool: WritableSpool) -> None:
        spool.append(readings(10))
        spool.acknowledge([seqs(0, 10)])
        spool.append([reading(10)])
        assert spool.before(reading(10)) == readings(3, 7)

    def test_the_first_reading_has_nothing_before_it(self, spool: WritableSpool) -> None:
        spool.append([reading(9, session=OTHER_SESSION), *readings(2)])
        assert list(spool.before(reading(0))) == []
        assert spool.before(reading(1)) == [reading(0)]

    def test_quarantined_readings_are_counted_and_not_given_again(
        self, spool: WritableSpool
    ) -> None:
        spool.append(readings(5))
        spool.quarantine(seqs(1, 2), REJECTED)
        assert [each.reading.seq for each in spool.waiting(0, 10)] == [0, 3, 4]
        assert spool.quarantined() == 2

    def test_knows_until_when_it_has_heard(self, spool: WritableSpool) -> None:
        assert spool.heard_until() is None
        spool.append(readings(3))
        spool.acknowledge([seqs(0, 3)])
        assert spool.heard_until() == reading(3).started_at

    def test_a_full_spool_first_thins_what_was_never_sent(self, open_spool: OpenSpool) -> None:
        spool = open_spool(200 * BYTES_PER_READING)
        spool.append(readings(200))
        spool.sent(seqs(0, 10))
        spool.append([reading(200)])
        assert spool.dropped() == ()
        whole = [bool(each.reading.codes) for each in spool.waiting(0, 201)]
        assert whole[:10] == [True] * 10
        assert not any(whole[10:20])
        assert whole[-60:] == [True] * 60
        assert [each.reading.levels for each in spool.waiting(0, 201)] == [
            each.levels for each in readings(201)
        ]

    def test_a_full_spool_then_drops_its_oldest_and_says_which(self, open_spool: OpenSpool) -> None:
        spool = open_spool(100 * BYTES_PER_READING)
        spool.append(readings(100))
        spool.sent(seqs(0, 100))
        assert spool.dropped() == ()
        spool.append([reading(100)])
        (dropped,) = spool.dropped()
        assert dropped.first_seq == 0
        assert spool.depth() == 101 - dropped.count
        assert spool.waiting(0, 1)[0].reading.seq == dropped.count
        assert spool.waiting(0, 101)[-1].reading.seq == 100

    def test_drops_are_said_until_they_are_known_and_then_last(self, open_spool: OpenSpool) -> None:
        spool = open_spool(10 * BYTES_PER_READING)
        for each in readings(30):
            spool.append([each])
        (told,) = spool.dropped()
        for each in readings(30, 30):
            spool.append([each])
        spool.acknowledge_dropped([told])
        spool.acknowledge_dropped([told])
        new, old = spool.dropped()
        assert old == told
        assert new.first_seq == told.first_seq + told.count

    def test_readings_older_than_a_month_are_dropped(self, spool: WritableSpool) -> None:
        late = readings(3, 100)
        month = timedelta(days=30)
        spool.append(readings(5))
        spool.append([replace(each, started_at=each.started_at + month) for each in late])
        assert spool.depth() == 3
        (dropped,) = spool.dropped()
        assert dropped == seqs(0, 5)

    def test_neighbouring_drops_are_one_range(self, open_spool: OpenSpool) -> None:
        spool = open_spool(10 * BYTES_PER_READING)
        for each in readings(200):
            spool.append([each])
        (dropped,) = spool.dropped()
        assert dropped.first_seq + dropped.count + spool.depth() == 200
        assert spool.depth() <= 10


# --- agent: connection ---------------------------------------------------------------------------

ACK_TOPIC = "cityhum/v1/harbour/pole-01/ack"
FEATURES_TOPIC = "cityhum/v1/harbour/pole-01/features"
WILL = Message("cityhum/v1/harbour/pole-01/status", b'{"online":false}', retain=True)


class Broker(Protocol):
    """The other side of the connection."""

    @property
    def connect(self) -> Connect: ...

    def deliver(self, topic: str, payload: bytes) -> None:
        """Publish to whoever has subscribed."""

    def cut(self) -> None:
        """End every connection, as a broken broker does."""

    async def receive(self, topic: str) -> bytes:
        """Return the next payload that was published on a topic."""


class ConnectionContract:
    """A connection carries messages both ways, and says when it is lost."""

    @pytest.fixture
    def broker(self) -> Iterator[Broker]:
        raise NotImplementedError

    @staticmethod
    def _open(
        broker: Broker,
        received: Callable[[str, bytes], None],
        changed: Callable[[], None],
        will: Message = WILL,
    ) -> AbstractAsyncContextManager[Connection]:
        return broker.connect(will=will, topics=[ACK_TOPIC], received=received, changed=changed)

    async def test_published_messages_are_confirmed_and_arrive(self, broker: Broker) -> None:
        async with self._open(broker, lambda *_: None, lambda: None) as link:
            link.publish(Message(FEATURES_TOPIC, b"{}"))
            await link.confirmed()
        assert await broker.receive(FEATURES_TOPIC) == b"{}"

    async def test_subscribed_messages_are_handed_over(self, broker: Broker) -> None:
        got: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()
        async with self._open(broker, lambda *it: got.put_nowait(it), lambda: None):
            broker.deliver(ACK_TOPIC, b"{}")
            assert await got.get() == (ACK_TOPIC, b"{}")

    async def test_a_lost_connection_says_so(self, broker: Broker) -> None:
        changed = asyncio.Event()
        async with self._open(broker, lambda *_: None, changed.set) as link:
            link.check()
            broker.cut()
            await changed.wait()
            with pytest.raises(Unavailable):
                link.check()

    async def test_the_last_will_is_told_of_the_lost_only(self, broker: Broker) -> None:
        changed = asyncio.Event()
        left, lost = (Message(WILL.topic, payload, retain=True) for payload in (b"left", b"lost"))
        async with self._open(broker, lambda *_: None, lambda: None, will=left):
            pass
        async with self._open(broker, lambda *_: None, changed.set, will=lost):
            broker.cut()
            await changed.wait()
        told = [await broker.receive(WILL.topic)]
        while told[-1] != lost.payload:  # a retained one of long ago may come first
            told.append(await broker.receive(WILL.topic))
        assert left.payload not in told


# --- processors: store ---------------------------------------------------------------------------


class StoreContract:
    """A store makes all of a commit true at once, for whoever claimed the partition last."""

    program = "contract"

    @pytest.fixture
    def store(self) -> Store:
        raise NotImplementedError

    async def _stored(self, store: Store, key: Key = KEY) -> tuple[Checkpoint | None, object]:
        return (await store.load(self.program, [key]))[key]

    @staticmethod
    def _commit(before: Checkpoint, next_offset: int, state: bytes, key: Key = KEY) -> Commit:
        after = replace(before, next_offset=next_offset, version=before.version + 1)
        rows = (window(), alert(next_offset))
        return Commit(key, before, after, {"pole-07": state}, rows, (alert(next_offset),))

    async def test_knows_nothing_at_first(self, store: Store) -> None:
        assert await self._stored(store) == (None, {})

    async def test_a_claim_raises_the_version(self, store: Store) -> None:
        claimed = await store.claim(self.program, KEY, Checkpoint(5, "c"))
        assert claimed == Checkpoint(5, "c", version=1)
        assert await self._stored(store) == (claimed, {})
        again = await store.claim(self.program, KEY, replace(claimed, next_offset=0, epoch=1))
        assert again == Checkpoint(0, "c", epoch=1, version=2)

    async def test_of_two_claims_one_wins(self, store: Store) -> None:
        claimed = await store.claim(self.program, KEY, Checkpoint(5, "c"))
        await store.claim(self.program, KEY, claimed)
        with pytest.raises(TakenOver):
            await store.claim(self.program, KEY, claimed)
        with pytest.raises(TakenOver):
            await store.claim(self.program, KEY, Checkpoint(5, "c"))

    async def test_gives_back_what_was_committed(self, store: Store) -> None:
        start = await store.claim(self.program, KEY, Checkpoint(0, "c"))
        first = self._commit(start, 3, b"\x00one")
        await store.commit(self.program, [first])
        await store.commit(self.program, [self._commit(first.after, 8, b"two")])
        checkpoint, states = await self._stored(store)
        assert checkpoint == Checkpoint(8, "c", version=3)
        assert states == {"pole-07": b"two"}

    async def test_partitions_and_programs_are_apart(self, store: Store) -> None:
        start = await store.claim(self.program, KEY, Checkpoint(0, "c"))
        await store.commit(self.program, [self._commit(start, 3, b"one")])
        other = Key(KEY.topic, (KEY.partition + 1) % 12)
        assert await self._stored(store, other) == (None, {})
        assert (await store.load("another", [KEY]))[KEY] == (None, {})

    async def test_refuses_who_was_taken_over_altogether(self, store: Store) -> None:
        other = Key(KEY.topic, (KEY.partition + 1) % 12)
        mine = await store.claim(self.program, KEY, Checkpoint(0, "c"))
        lost = await store.claim(self.program, other, Checkpoint(0, "c"))
        claimed = await store.claim(self.program, other, lost)
        commits = [self._commit(mine, 3, b"a"), self._commit(lost, 3, b"b", other)]
        with pytest.raises(TakenOver):
            await store.commit(self.program, commits)
        assert await self._stored(store) == (mine, {})
        assert await self._stored(store, other) == (claimed, {})

    async def test_the_same_commit_again_changes_nothing(self, store: Store) -> None:
        start = await store.claim(self.program, KEY, Checkpoint(0, "c"))
        commit = self._commit(start, 3, b"one")
        await store.commit(self.program, [commit])
        before = await self._stored(store)
        await store.commit(self.program, [commit])
        assert await self._stored(store) == before
