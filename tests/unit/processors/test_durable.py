import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from processors.adapters import durable, standstill
from processors.adapters.durable_ports import TakenOver
from processors.adapters.store import LOCK_WAIT_S
from processors.partitions import (
    MAX_READINGS,
    MAX_WAIT_S,
    STUCK_ALONE_S,
    STUCK_S,
    URGENT_WAIT_S,
    Checkpoint,
    Commit,
    Key,
    Span,
    Watch,
    judged,
    starting_point,
)
from schemas import topics
from schemas.codec import encode
from schemas.errors import LogGap, NewerMessage
from schemas.readings import read
from tests.builders import STARTED_AT, labelled
from tests.contracts import StoreContract
from tests.streams import CONFLICT, KEY, SEEN, Bench, FakeLog, FakeStore, envelope

# --- where to begin -----------------------------------------------------------------------------


def test_a_new_program_begins_where_the_log_does() -> None:
    assert starting_point(KEY, None, Span("c", 5, 9)) == Checkpoint(5, "c")


def test_a_known_program_goes_on_at_its_checkpoint() -> None:
    stored = Checkpoint(7, "c", epoch=1, version=3)
    assert starting_point(KEY, stored, Span("c", 5, 9)) == stored
    assert starting_point(KEY, stored, Span("c", 7, 7)) == stored


def test_a_topic_made_anew_is_told_by_its_oldest_record() -> None:
    stored = Checkpoint(7, "c", committed_at=STARTED_AT)
    earlier, later = (STARTED_AT + timedelta(seconds=n) for n in (-1, 1))
    assert starting_point(KEY, stored, Span("c", 0, 99, earlier)) == stored
    assert starting_point(KEY, stored, Span("c", 7, 99, later)) == stored  # all before is gone
    anew = starting_point(KEY, stored, Span("c", 0, 99, later))
    assert anew == Checkpoint(0, "c", epoch=1)


def test_of_a_compacted_topic_the_oldest_record_says_nothing() -> None:
    stored = Checkpoint(7, "c", committed_at=STARTED_AT)
    span = Span("c", 0, 99, STARTED_AT + timedelta(seconds=1))
    assert starting_point(Key(topics.STATUS, 0), stored, span) == stored


@pytest.mark.parametrize("span", [Span("other", 0, 99), Span("c", 0, 6)], ids=["other", "empty"])
def test_a_log_that_began_anew_opens_an_epoch(span: Span) -> None:
    start = starting_point(KEY, Checkpoint(7, "c", epoch=1, version=3), span)
    assert start == Checkpoint(0, span.cluster_id, epoch=2, version=3)


def test_records_that_retention_took_before_us_stop_everything() -> None:
    with pytest.raises(LogGap, match="7 to 8"):
        starting_point(KEY, Checkpoint(7, "c"), Span("c", 9, 20))


def test_only_a_compacted_topic_may_skip_offsets() -> None:
    assert judged(KEY, 7, 6) == "past"
    assert judged(KEY, 7, 7) == "next"
    assert judged(KEY, 7, 8) == "ahead"
    assert judged(Key(topics.STATUS, 0), 7, 8) == "next"


def test_only_a_partition_with_more_to_read_can_be_stuck() -> None:
    watch = Watch({}).seen(0.0, {KEY: 5}, {KEY: 5}).seen(20.0, {KEY: 5}, {KEY: 9})
    assert watch.stuck(34.0) == []
    assert watch.seen(34.0, {KEY: 5}, {KEY: 9}).stuck(36.0) == [KEY]
    assert watch.seen(34.0, {KEY: 6}, {KEY: 9}).stuck(36.0) == []
    assert watch.seen(34.0, {KEY: 9}, {KEY: 9}).stuck(36.0) == []
    assert watch.seen(34.0, {KEY: 5}, {}).stuck(36.0) == []


def test_a_partition_may_wait_for_others_but_not_for_ever() -> None:
    """After an outage a program with a dozen of them may work on one for a while."""
    other = Key(KEY.topic, KEY.partition + 1)
    ends, watch = {KEY: 9, other: 999}, Watch({})
    for now in range(0, 200, 5):
        watch = watch.seen(float(now), {KEY: 5, other: now}, ends)
        assert watch.stuck(float(now)) == ([KEY] if now >= STUCK_ALONE_S else [])
    stopped = Watch({}).seen(0.0, {KEY: 5, other: 1}, ends).seen(5.0, {KEY: 5, other: 2}, ends)
    assert stopped.stuck(19.0) == []
    assert stopped.stuck(21.0) == [KEY, other]


def test_who_is_beyond_the_end_of_a_log_stands_still() -> None:
    watch = Watch({}).seen(0.0, {KEY: 9}, {KEY: 2}).seen(16.0, {KEY: 9}, {KEY: 4})
    assert watch.stuck(16.0) == [KEY]


# --- a worker ------------------------------------------------------------------------------------


def bench(count: int = 5) -> Bench:
    return Bench(FakeLog({KEY: [envelope(labelled(n)) for n in range(count)]}))


async def test_records_are_acknowledged_after_the_commit() -> None:
    here = bench()
    worker = here.worker()
    assert await worker.assign({KEY: 3}) == {KEY: 0}  # whatever the group thinks
    records = here.log.records(KEY, range(5))
    await here.feed(worker, records)
    assert not any(record.acked for record in records)
    await worker.close()
    assert all(record.acked for record in records)
    assert here.seen() == (0, 1, 2, 3, 4)
    assert len(here.store.messages) == 5


async def test_many_readings_are_enough_for_a_commit() -> None:
    here = bench(0)
    minute = labelled(0, [61.2] * 60)
    hour = envelope(*[minute.model_copy(update={"first_seq": 60 * n}) for n in range(60)])
    count = MAX_READINGS // 3600 + 1
    here.log.partitions[KEY] = [hour] * count
    worker = here.worker()
    await worker.assign({KEY: 0})
    await here.feed(worker, here.log.records(KEY, range(count - 1)))
    assert here.seen() == ()
    await here.feed(worker, here.log.records(KEY, [count - 1]))
    assert len(here.seen()) == 60 * count


async def test_a_backlog_is_committed_in_few_large_parts() -> None:
    many = 300  # more than are taken at once
    here = bench(many)
    worker = here.worker()
    await worker.assign({KEY: 0})
    await here.feed(worker, here.log.records(KEY, range(many)))
    here.now_s = MAX_WAIT_S
    await here.feed(worker, here.log.records(KEY, range(many, many)))
    assert here.seen() == ()
    await worker.work()
    assert len(here.seen()) == many


async def test_an_alert_is_committed_sooner() -> None:
    here = bench()
    worker = here.worker()
    await worker.assign({KEY: 0})
    await here.feed(worker, here.log.records(KEY, range(2)))
    here.now_s = URGENT_WAIT_S
    await here.feed(worker, here.log.records(KEY, [2]))
    assert here.seen() == ()
    here.log.partitions[KEY][3] = envelope(labelled(3, labels=[{"siren": 800}]))
    await here.feed(worker, here.log.records(KEY, [3]))
    assert here.seen() == (0, 1, 2, 3)


async def test_an_alert_waits_for_others_of_its_moment() -> None:
    here = bench()
    here.log.partitions[KEY][0] = envelope(labelled(0, labels=[{"siren": 800}]))
    worker = here.worker()
    await worker.assign({KEY: 0})
    await here.feed(worker, here.log.records(KEY, range(3)))
    assert here.seen() == ()
    here.now_s = URGENT_WAIT_S
    await worker.work()  # nothing else has come
    assert here.seen() == (0, 1, 2)


async def test_what_was_not_committed_is_applied_again() -> None:
    here = bench()
    killed = here.worker()
    await killed.assign({KEY: 0})
    await here.feed(killed, here.log.records(KEY, range(3)))
    after = here.worker()
    assert await after.assign({KEY: 0}) == {KEY: 0}
    await here.feed(after, here.log.records(KEY, range(5)))
    await after.close()
    assert here.seen() == (0, 1, 2, 3, 4)


async def test_records_come_twice_but_count_once() -> None:
    here = bench()
    worker = here.worker()
    await worker.assign({KEY: 0})
    records = here.log.records(KEY, [0, 1, 0, 1, 2, 1])
    await here.feed(worker, records)
    await worker.close()
    assert here.seen() == (0, 1, 2)
    assert all(record.acked for record in records)


async def test_a_commit_that_was_cut_short_is_never_finished(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(durable, "_REVOKE_WITHIN_S", 0.01)
    here = bench(3)
    here.log.partitions[KEY] += [envelope(labelled(n, device="pole-08")) for n in (3, 4)]
    worker, heir = here.worker(), here.worker()
    await worker.assign({KEY: 0})
    await here.feed(worker, here.log.records(KEY, range(3)))
    here.store.fail_before = 1  # it waits for the store, longer than it may
    await worker.revoke()
    await here.feed(worker, here.log.records(KEY, range(3, 5)))
    await worker.close()
    begin = (await heir.assign({KEY: 0}))[KEY]
    await here.feed(heir, here.log.records(KEY, range(begin, 5)))
    await heir.close()
    assert (here.seen("pole-07"), here.seen("pole-08")) == ((0, 1, 2), (3, 4))


class Looked(FakeLog):
    """A log at whose ends the watch looks only when it is told."""

    def __init__(self, partitions: dict[Key, list[bytes]]) -> None:
        super().__init__(partitions)
        self.look = asyncio.Semaphore(0)

    async def ends(self, keys: Iterable[Key]) -> Mapping[Key, int]:
        await self.look.acquire()
        return await super().ends(keys)


async def test_who_waits_for_a_lock_is_not_standing_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """A promotion may take longer than the watch has patience; each try waits for a while."""
    for module, name in (
        (durable, "_FIRST_WAIT_S"),
        (durable, "_LONGEST_WAIT_S"),
        (standstill, "LOOK_EVERY_S"),
    ):
        monkeypatch.setattr(module, name, 0)
    log = Looked({KEY: [envelope(labelled(n)) for n in range(5)]})
    here = Bench(log)

    class Locked(FakeStore):
        async def commit(self, program: str, commits: Sequence[Commit]) -> None:
            here.now_s += LOCK_WAIT_S
            log.look.release()
            for _ in range(9):
                await asyncio.sleep(0)  # for the watch to look
            await super().commit(program, commits)

    here.store = Locked(fail_before=12)
    worker = here.worker()
    await worker.assign({KEY: 0})
    watching = asyncio.create_task(worker.watch())
    await here.feed(worker, here.log.records(KEY, range(3)))
    await worker.close()
    assert here.now_s > 2 * STUCK_S
    assert not watching.done()
    assert here.seen() == (0, 1, 2)
    watching.cancel()


async def test_a_gap_is_read_again() -> None:
    here = bench()
    worker = here.worker()
    await worker.assign({KEY: 0})
    await here.feed(worker, here.log.records(KEY, [0, 2, 3]))
    assert here.sought == [(KEY, 1)]
    await here.feed(worker, here.log.records(KEY, range(1, 5)))
    await worker.close()
    assert here.seen() == (0, 1, 2, 3, 4)


async def test_a_gap_that_cannot_be_read_again_stops_the_worker() -> None:
    here = bench()
    worker = here.worker()
    await worker.assign({KEY: 0})
    here.log.begins[KEY] = 2
    with pytest.raises(LogGap):
        await here.feed(worker, here.log.records(KEY, [2]))


async def test_a_worker_that_was_taken_over_commits_nothing() -> None:
    here = bench()
    zombie, heir = here.worker(), here.worker()
    await zombie.assign({KEY: 0})
    await here.feed(zombie, here.log.records(KEY, range(5)))
    await heir.assign({KEY: 0})
    with pytest.raises(TakenOver):
        await zombie.close()
    assert here.seen() == ()


async def test_a_lost_answer_is_no_second_commit() -> None:
    here = bench()
    worker = here.worker()
    await worker.assign({KEY: 0})
    await here.feed(worker, here.log.records(KEY, range(5)))
    here.store.fail_after = 1
    await worker.close()
    assert here.seen() == (0, 1, 2, 3, 4)
    assert len(here.store.messages) == 5


async def test_an_unreadable_record_is_buried_and_passed() -> None:
    here = bench()
    here.log.partitions[KEY][1] = b'{"version":0}'
    worker = here.worker()
    await worker.assign({KEY: 0})
    await here.feed(worker, here.log.records(KEY, range(5)))
    await worker.close()
    assert here.seen() == (0, 2, 3, 4)
    (letter,) = here.buried
    assert letter.topic == topics.DEAD_LETTERS
    assert letter.value == b'{"version":0}'
    assert dict(letter.headers)["reason"] == b"version"


async def test_a_record_of_a_version_to_come_waits_for_a_worker_that_knows_it() -> None:
    here = bench()
    here.log.partitions[KEY][2] = here.log.partitions[KEY][2].replace(b":1,", b":2,", 1)
    old = here.worker()
    await old.assign({KEY: 0})
    said = r"readings.v1/\d+ at 2: schema version 2, known is 1; upgrade this program"
    with pytest.raises(NewerMessage, match=said):
        await here.feed(old, here.log.records(KEY, range(5)))
    assert (here.seen(), here.buried) == ((0, 1), [])
    here.fold = replace(SEEN, read=lambda payload: read(payload.replace(b":2,", b":1,", 1)))
    new = here.worker()
    assert await new.assign({KEY: 0}) == {KEY: 2}
    await here.feed(new, here.log.records(KEY, range(2, 5)))
    await new.close()
    assert here.seen() == (0, 1, 2, 3, 4)


async def test_what_came_before_with_other_content_is_kept_as_a_dead_letter() -> None:
    here = bench()
    again = labelled(1, digest=CONFLICT)
    here.log.partitions[KEY][1] = envelope(again)
    worker = here.worker()
    await worker.assign({KEY: 0})
    await here.feed(worker, here.log.records(KEY, range(5)))
    await worker.close()
    assert here.seen() == (0, 1, 2, 3, 4)
    (letter,) = here.buried
    assert letter.value == encode(again)
    assert dict(letter.headers)["reason"] == b"conflict"


async def test_revoked_partitions_are_left_committed() -> None:
    here = bench()
    worker = here.worker()
    await worker.assign({KEY: 0})
    await here.feed(worker, here.log.records(KEY, range(3)))
    await worker.revoke()
    await here.feed(worker, here.log.records(KEY, range(3, 5)))  # no longer ours
    await worker.close()
    assert here.seen() == (0, 1, 2)


async def test_a_new_log_is_read_from_its_beginning_with_the_states_kept() -> None:
    here = bench()
    worker = here.worker()
    await worker.assign({KEY: 0})
    await here.feed(worker, here.log.records(KEY, range(5)))
    await worker.close()
    here.log = FakeLog({KEY: [envelope(labelled(9))]}, cluster_id="second")
    after = here.worker()
    assert await after.assign({KEY: 5}) == {KEY: 0}
    await here.feed(after, here.log.records(KEY, [0]))
    await after.close()
    assert here.seen() == (0, 1, 2, 3, 4, 9)


class TestFakeStore(StoreContract):
    @pytest.fixture
    def store(self) -> FakeStore:
        return FakeStore()
