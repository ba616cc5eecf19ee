"""Which seconds make a minute, what is kept of it, and when it is sent again."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from random import Random

import numpy as np
import pytest

from acoustics.indices import SILENT, MinuteIndices, of_minute
from agents import indices
from agents.adapters.indices_lane import IndicesLane
from agents.adapters.indices_spool import IndicesSpool
from agents.batches import Origin
from agents.delivery import MAX_PATIENCE_S, PATIENCE_S
from agents.indices import Gathering, Minute
from agents.pipeline import Heard
from schemas import codec
from schemas.base import SeqRange
from schemas.errors import BadConfig
from schemas.messages import Ack, Indices, Rejected
from tests.builders import SESSION, STARTED_AT, reading

ORIGIN = Origin("harbour", "pole-01")
SOME = MinuteIndices(aci=150.0, adi=2.0, aei=0.1, bi=5.0, h=0.9, ndsi=-0.5)


def seconds(first: int, count: int, late_s: float = 0.0) -> list[Heard]:
    return [
        Heard(reading(n, started_at=STARTED_AT + timedelta(seconds=n + late_s)), np.full(4, n))
        for n in range(first, first + count)
    ]


def minute(first_seq: int) -> Indices:
    return indices.message(ORIGIN, reading(first_seq), SOME)


def test_sixty_seconds_make_a_minute_however_they_come() -> None:
    state, minutes = Gathering(), list[Minute]()
    for heard in seconds(0, 150):
        state, complete = indices.step(state, [heard])
        minutes += complete
    _, at_once = indices.step(Gathering(), seconds(0, 150))
    for found in (minutes, at_once):
        assert [each.first.seq for each in found] == [0, 60]
        assert np.concatenate(found[1].sounds).tolist() == [
            n for n in range(60, 120) for _ in range(4)
        ]


def test_a_gap_begins_the_minute_anew() -> None:
    _, minutes = indices.step(Gathering(), [*seconds(0, 30), *seconds(30, 60, late_s=0.5)])
    assert [each.first.seq for each in minutes] == [30]


def test_a_minute_has_a_time_that_is_known() -> None:
    unsynced = [
        replace(each, reading=replace(each.reading, clock="unsynced")) for each in seconds(0, 30)
    ]
    _, minutes = indices.step(Gathering(), [*unsynced, *seconds(30, 60)])
    assert [each.first.seq for each in minutes] == [30]


def test_the_message_names_the_first_second() -> None:
    said = minute(60)
    assert (said.session, said.first_seq, said.started_at) == (SESSION, 60, reading(60).started_at)
    assert (said.aci, said.ndsi) == (150.0, -0.5)
    silent = indices.message(ORIGIN, reading(0), SILENT)
    assert b'"aci":null' in codec.encode(silent)


@pytest.mark.parametrize("sound", [np.zeros(60 * 16_000), np.full(60 * 16_000, 0.1)])
def test_silence_has_no_indices(sound: np.ndarray) -> None:
    assert of_minute(sound, 16_000) == SILENT


def test_only_a_minute_compares() -> None:
    with pytest.raises(ValueError, match=r"59\.000 s"):
        of_minute(np.zeros(59 * 16_000), 16_000)


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[IndicesSpool]:
    with IndicesSpool(tmp_path / "indices.sqlite", max_minutes=5) as opened:
        yield opened


def seqs(spool: IndicesSpool) -> list[int]:
    return [each.first_seq for each, _ in spool.waiting(100)]


def test_minutes_outlive_the_process(tmp_path: Path) -> None:
    path = tmp_path / "indices.sqlite"
    with IndicesSpool(path) as spool:
        spool.append(minute(0))
        spool.append(minute(60))
    with IndicesSpool(path) as spool:
        ((named, payload), _) = spool.waiting(2)
        assert named == SeqRange(session=SESSION, first_seq=0, count=1)
        assert codec.decode(Indices, payload) == minute(0)


def test_the_oldest_minutes_make_room(spool: IndicesSpool) -> None:
    for n in range(8):
        spool.append(minute(60 * n))
    assert seqs(spool) == [180, 240, 300, 360, 420]


def test_a_damaged_file_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "indices.sqlite"
    path.write_bytes(b"no database" * 1000)
    with IndicesSpool(path) as spool:
        spool.append(minute(0))
        assert spool.depth() == 1
    assert path.with_name("indices.sqlite.damaged").exists()


def test_a_file_of_a_newer_agent_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "indices.sqlite"
    with IndicesSpool(path) as spool:
        spool._db.execute("PRAGMA user_version = 9")
    with pytest.raises(BadConfig, match="version 9"), IndicesSpool(path):
        pass


@pytest.fixture
def lane(spool: IndicesSpool) -> IndicesLane:
    return IndicesLane(ORIGIN, spool, Random(1))


def accepted(first_seq: int) -> Ack:
    minute = SeqRange(session=SESSION, first_seq=first_seq, count=1)
    return Ack(device="pole-01", accepted_indices=(minute,))


def test_a_minute_is_sent_until_it_is_acknowledged(spool: IndicesSpool, lane: IndicesLane) -> None:
    spool.append(minute(0))
    (message,) = lane.due(100.0)
    assert message.topic == "cityhum/v1/harbour/pole-01/indices"
    assert lane.due(101.0) == []
    assert lane.next_due_s is not None
    assert lane.due(lane.next_due_s) == [message]
    lane.renew()
    assert lane.due(111.0) == [message]
    lane.answered(accepted(0))
    assert lane.due(999.0) == []
    assert lane.depth() == 0
    assert lane.next_due_s is None


def test_what_nobody_acknowledges_is_sent_ever_more_rarely(
    spool: IndicesSpool, lane: IndicesLane
) -> None:
    for n in range(4):
        spool.append(minute(60 * n))
    now_s, waits_s = 0.0, []
    for _ in range(8):
        now_s += MAX_PATIENCE_S * 1.25
        assert lane.due(now_s)
        assert lane.next_due_s is not None
        waits_s.append(lane.next_due_s - now_s)
    assert PATIENCE_S < waits_s[0] < 1.25 * PATIENCE_S
    assert all(after > 1.5 * before for before, after in pairwise(waits_s[:5]))
    assert MAX_PATIENCE_S < waits_s[-1] < 1.25 * MAX_PATIENCE_S
    lane.answered(accepted(0))
    spool.append(minute(240))
    lane.due(now_s)
    assert lane.next_due_s is not None
    assert lane.next_due_s - now_s < 1.25 * PATIENCE_S


def test_a_minute_that_made_room_for_others_is_waited_for_no_longer(
    spool: IndicesSpool, lane: IndicesLane
) -> None:
    spool.append(minute(0))
    lane.due(0.0)
    for n in range(1, 9):
        spool.append(minute(60 * n))
    lane.due(100.0)
    assert lane.next_due_s is not None
    assert lane.next_due_s > 100


def test_what_a_full_disk_does_not_let_go_is_not_sent_again(
    spool: IndicesSpool, lane: IndicesLane
) -> None:
    spool.append(minute(0))
    lane.due(0.0)
    spool._db.execute("PRAGMA query_only = ON")
    lane.answered(accepted(0))
    assert lane.due(999.0) == []
    assert lane.depth() == 0
    spool._db.execute("PRAGMA query_only = OFF")
    spool.append(minute(60))
    assert seqs(spool) == [60]
    assert spool._db.execute("SELECT count(*) FROM minute").fetchone() == (1,)


def test_what_is_rejected_is_not_sent_again(spool: IndicesSpool, lane: IndicesLane) -> None:
    spool.append(minute(0))
    (message,) = lane.due(0.0)
    digest = codec.digest(message.payload)
    rejected = Rejected(digest=digest, reason="clock", detail="too old")
    unknown = Rejected(digest="0" * 32, reason="clock", detail="of a reading")
    lane.answered(Ack(device="pole-01", rejected=(unknown, rejected)))
    assert lane.depth() == 0


def test_few_are_on_their_way_at_once(spool: IndicesSpool, lane: IndicesLane) -> None:
    for n in range(5):
        spool.append(minute(60 * n))
    assert len(lane.due(0.0)) == 4
    lane.answered(accepted(0))
    assert len(lane.due(1.0)) == 1
