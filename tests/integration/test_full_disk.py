"""A device whose disk is full: what is stored is delivered, and room is made before there is none.

A limit of this process's files stands for a full disk, and a number of free bytes for its telling.
"""

import asyncio
import resource
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Final, Never

import pytest

from agents.adapters.publish import Publisher
from agents.adapters.running import background
from agents.adapters.spool import SqliteSpool
from agents.adapters.spool_salvage import Found
from agents.batches import Origin
from schemas import codec, topics
from schemas.errors import Unavailable
from schemas.messages import Ack, FeatureBatch, Rejected, Status
from tests.builders import SESSION, reading, readings, seqs
from tests.fakes import FakeBroker, FakeClock

SITE, DEVICE = "harbour", "pole-01"
FEATURES = topics.device_topic(SITE, DEVICE, "features")
STORED: Final = 1_800
TURNS: Final = 2_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "spool.sqlite"


@contextmanager
def full(path: Path) -> Iterator[None]:
    """No file may grow beyond what the spool's write-ahead log has taken."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = Path(f"{path}-wal").stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def publisher_of(spool: SqliteSpool, broker: FakeBroker) -> Publisher:
    return Publisher(
        Origin(SITE, DEVICE),
        spool,
        broker.connect,
        status=lambda: Status(
            site=SITE, device=DEVICE, session=SESSION, online=True, dropped=spool.dropped()
        ),
        clock=FakeClock(),
        chance=Random(1),
    )


async def answering(broker: FakeBroker) -> Never:
    """Acknowledge what comes, but reject three batches; now and then know of a loss."""
    answered = 0
    while True:
        for message in broker.published[answered:]:
            if message.topic == FEATURES:
                broker.deliver(topics.ack_topic(SITE, DEVICE), codec.encode(ack(message.payload)))
        answered = len(broker.published)
        await asyncio.sleep(0)


def ack(payload: bytes) -> Ack:
    batch = codec.decode(FeatureBatch, payload)
    if batch.first_seq % 600:
        known = () if batch.first_seq % 120 else (seqs(9_000),)
        return Ack(device=DEVICE, accepted=(batch.seqs,), accepted_dropped=known)
    rejected = Rejected(digest=codec.digest(payload), reason="clock", detail="of tomorrow")
    return Ack(device=DEVICE, rejected=(rejected,))


async def all_but_the_one_in_memory(spool: SqliteSpool) -> None:
    for _ in range(TURNS):
        if spool.depth() == 1:
            return
        await asyncio.sleep(0)
    pytest.fail("not everything was delivered")


async def test_a_full_disk_keeps_nothing_that_is_stored_from_a_healthy_link(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broker = FakeBroker()
    with SqliteSpool(path, 2**30) as spool:
        spool.append(readings(STORED))
        with full(path):
            with pytest.raises(Unavailable):
                spool.append([reading(STORED)])
            publisher = publisher_of(spool, broker)
            async with background(publisher.run()), background(answering(broker)):
                await all_but_the_one_in_memory(spool)
        assert caplog.messages.count("broker_unavailable") == 0
        assert caplog.messages.count("message_rejected") == 3
        assert caplog.messages.count("spool_failing") == 1
        sent = [
            codec.decode(FeatureBatch, m.payload) for m in broker.published if m.topic == FEATURES
        ]
        assert sum(batch.count for batch in sent) == STORED
        spool.append([])
        assert [each.reading.seq for each in spool.waiting(0, 10)] == [STORED]
        assert spool.depth() == 1
    with SqliteSpool(path, 2**30) as spool:
        assert [each.reading.seq for each in spool.waiting(0, 10)] == [STORED]


class Disk:
    """So many bytes for the spool, and what other programs take of them."""

    def __init__(self, path: Path, size: int) -> None:
        self._path = path
        self._size = size
        self.others = 0

    def free(self) -> int:
        return max(0, self._size - self.others - self.taken())

    def taken(self) -> int:
        files = self._path.parent.glob(f"{self._path.name}*")
        return sum(file.stat().st_size for file in files)


def hear(spool: SqliteSpool, first_seq: int, until_seq: int) -> None:
    for seq in range(first_seq, until_seq, 10):
        spool.append(readings(10, seq))
        if seq % 30 == 0:
            spool.checkpoint()


def test_room_is_made_before_a_disk_is_full(path: Path) -> None:
    disk = Disk(path, 2_000_000)
    with SqliteSpool(path, 2**30, disk_free=disk.free) as spool:
        hear(spool, 0, 15_000)
        assert disk.free() > 500_000
        found = [each.reading for each in spool.waiting(0, 15_000)]
        assert [each.seq for each in found] == list(range(15_000 - len(found), 15_000))
        whole = [bool(each.codes) for each in found]
        assert whole == sorted(whole)  # the oldest were thinned first, then dropped
        assert all(whole[-64:])
        assert len(found) > 5_000
        assert sum(each.count for each in spool.dropped()) == 15_000 - len(found)


def test_another_program_that_fills_the_disk_costs_nothing_that_has_its_place(path: Path) -> None:
    disk = Disk(path, 2**30)
    with SqliteSpool(path, 2**30, disk_free=disk.free) as spool:
        hear(spool, 0, 4_000)
        spool.checkpoint()
        size = path.stat().st_size
        disk.others = 2**30
        hear(spool, 4_000, 5_000)
        spool.checkpoint()
        assert spool.dropped() == ()
        found = [each.reading for each in spool.waiting(0, 6_000)]
        assert len(found) == 5_000
        assert sum(not each.codes for each in found) < 1_600
        assert path.stat().st_size < size + 100_000


def test_ten_minutes_are_kept_however_full_the_disk_is(path: Path) -> None:
    with SqliteSpool(path, 2**30, disk_free=lambda: 0) as spool:
        hear(spool, 0, 600)
        assert all(each.reading.codes for each in spool.waiting(0, 600))
        assert spool.depth() == 600


def test_time_that_becomes_known_while_the_disk_is_full_is_noted_once_there_is_room(
    path: Path,
) -> None:
    day = timedelta(days=1)
    known = [replace(each, started_at=each.started_at + day) for each in readings(500)]
    with SqliteSpool(path, 2**30) as spool:
        spool.hold()
        spool.append([reading(n, clock="unsynced") for n in range(200)])
        with full(path):
            for each in (reading(n, clock="unsynced") for n in range(200, 300)):
                with pytest.raises(Unavailable):
                    spool.append([each])
            with pytest.raises(Unavailable):
                spool.restamp(day)
            with pytest.raises(Unavailable):
                spool.append(known[300:400])
        spool.append(known[400:])
        assert spool.waiting(0, 10) == []
        spool.restamp(day)
        assert [each.reading for each in spool.waiting(0, 600)] == known


@pytest.mark.parametrize("drained", [1_500, 3_000])
def test_what_is_delivered_while_the_disk_is_full_stays_delivered(path: Path, drained: int) -> None:
    with SqliteSpool(path, 2**30) as spool:
        spool.append(readings(3_000))
        for live in readings(64, 3_000):
            spool.append([live])
            spool.acknowledge([seqs(live.seq)])
        with full(path):
            assert spool.acknowledge([seqs(0, drained)]) == drained
            for seq in range(3_064, 3_134):
                with pytest.raises(Unavailable):
                    spool.append([reading(seq)])
        spool.append([reading(3_134)])
        left = [*range(drained, 3_000), *range(3_064, 3_135)]
        assert [each.reading.seq for each in spool.waiting(0, 4_000)] == left
        assert spool.acknowledge([seqs(0, 3_135)]) == len(left)
        assert spool.depth() == 0


def test_a_rejection_that_the_disk_refuses_is_counted_and_noted_later(path: Path) -> None:
    rejected = Rejected(digest="0" * 32, reason="clock", detail="of tomorrow")
    with SqliteSpool(path, 2**30) as spool:
        spool.append(readings(100))
        with full(path):
            with pytest.raises(Unavailable):
                spool.append([reading(100)])
            for first in (0, 10):
                with pytest.raises(Unavailable):
                    spool.quarantine(seqs(first, 10), rejected)
            assert spool.quarantined() == 20
        spool.append([])
        assert spool.quarantined() == 20
        with sqlite3.connect(path) as other:
            noted = other.execute("SELECT first_seq, count, reason FROM quarantine").fetchall()
        other.close()
        assert noted == [(0, 10, "clock"), (10, 10, "clock")]
    with SqliteSpool(path, 2**30) as spool:
        assert spool.quarantined() == 20
        assert spool.depth() == 81


def taken(count: int, first_seq: int = 0) -> Iterator[Found]:
    return ((each, True) for each in readings(count, first_seq))


def test_a_spool_is_taken_over_whole_at_the_end_of_the_disk(path: Path) -> None:
    with SqliteSpool(path, 2**30, disk_free=lambda: 0) as spool:
        assert spool.take(taken(3_000), ()) == 3_000
        assert [each.reading for each in spool.waiting(0, 4_000)] == readings(3_000)
        assert spool.dropped() == ()


def test_a_take_over_is_in_the_file_itself_or_has_failed(path: Path) -> None:
    with SqliteSpool(path, 2**30) as spool:
        spool.append(readings(3_000))
        spool.checkpoint()
        with full(path), pytest.raises(Unavailable):
            spool.take(taken(1_500, 3_000), ())
        spool.take(taken(10, 4_500), ())
        with sqlite3.connect(f"file:{path}?immutable=1", uri=True) as without_log:
            (found,) = without_log.execute("SELECT count(*) FROM present").fetchone()
        without_log.close()
        assert found == 4_510


def test_what_memory_holds_is_stored_at_the_end_if_there_is_room_again(path: Path) -> None:
    rejected = Rejected(digest="0" * 32, reason="clock", detail="of tomorrow")
    with SqliteSpool(path, 2**30) as spool:
        spool.append(readings(100))
        with full(path):
            for seq in range(100, 705):
                with pytest.raises(Unavailable):
                    spool.append([reading(seq)])
            with pytest.raises(Unavailable):
                spool.quarantine(seqs(0), rejected)
    with SqliteSpool(path, 2**30) as spool:
        left = [each.reading.seq for each in spool.waiting(0, 1_000)]
        assert left == [*range(1, 100), *range(105, 705)]
        assert spool.dropped() == (seqs(100, 5),)
        assert spool.quarantined() == 1


def test_what_was_taken_over_on_a_full_disk_is_thinned_before_it_is_dropped(path: Path) -> None:
    with SqliteSpool(path, 2**30) as spool:
        spool.append(readings(3_000))
        spool.sent(seqs(0, 1_000))
    with path.open("r+b") as file:
        file.seek(path.stat().st_size * 9 // 10)
        file.write(b"?" * 4096)
    with SqliteSpool(path, 2**30, disk_free=lambda: 0) as spool:
        found = {each.reading.seq for each in spool.waiting(0, 4_000)}
        assert len(found) > 2_900
        spool.append([reading(3_000)])
        after = [each.reading for each in spool.waiting(0, 4_000)]
        assert {each.seq for each in after} == {*found, 3_000}
        thinned = [each.seq for each in after if not each.codes]
        assert thinned
        assert min(thinned) >= 1_000
