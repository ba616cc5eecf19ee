"""What was refused for no fault of its own is judged once more, and nothing of it is lost."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from processors import classify, dead_letters, packing, windows
from processors.bridge import judge
from processors.partitions import FoldRun
from processors.privacy import Guard
from processors.redrive import Letter, Redrive, Wanted, groups
from processors.verdicts import Arrived, Forward, Refuse, Verdict
from processors.window_memory import WindowTable
from schemas import readings, topics
from schemas.messages import FeatureBatch
from schemas.results import Window
from tests.batches import (
    REGISTRY,
    arrived,
    changed,
    codes,
    feature_batch,
    indices,
    levels_batch,
    status,
)
from tests.builders import STARTED_AT

ALWAYS = Wanted(datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
NOW = STARTED_AT + timedelta(hours=2)
SENT = [levels_batch(seq) for seq in range(60)]


def heard(batches: Iterable[FeatureBatch], *, slow_s: float = 0.0) -> list[Verdict]:
    """What the bridge makes of batches, as soon as each has ended by a clock that may be slow."""
    guard, verdicts = Guard(), []
    for batch in batches:
        received_at = batch.started_at + timedelta(seconds=1 - slow_s)
        guard, verdict = judge(guard, arrived(batch, received_at=received_at), REGISTRY)
        verdicts.append(verdict)
    return verdicts


def letter(verdict: Verdict) -> Letter:
    """As it is read back from Kafka."""
    assert isinstance(verdict, Refuse)
    return Letter(dead_letters.letter(verdict.record.headers), verdict.record.value)


def refused(message: Arrived) -> Letter:
    return letter(judge(Guard(), message, REGISTRY)[1])


def stored(verdicts: Sequence[Verdict]) -> list[Window]:
    """The windows that come of it."""
    fold, table = FoldRun(windows.fold({}), {}), WindowTable()
    for record in packing.records(verdicts):
        if record.topic == topics.FEATURES:
            envelope = classify.read(record.topic, record.value or b"")
            fold.apply(readings.write(classify.labelled(envelope, [], "none")))
            table.apply(fold.settle())
    return [Window.model_validate(row.model_dump()) for row in table.of(10)]


def test_what_a_slow_clock_refused_comes_back_as_if_it_had_been_taken() -> None:
    good, bad = heard(SENT[:20]), heard(SENT[20:40], slow_s=62)
    after = heard(SENT[40:])
    letters = [letter(one) for one in bad]
    assert {one.said.reason for one in letters} == {"clock"}
    work = Redrive(REGISTRY, NOW)
    redriven = work.judged(letters)
    assert (work.redriven, work.left, sum(work.refused.values())) == (20, 0, 0)
    assert stored([*good, *after]) != stored(heard(SENT))
    assert stored([*good, *after, *redriven]) == stored(heard(SENT))
    assert stored([*good, *after, *redriven, *work.judged(letters)]) == stored(heard(SENT))


def test_what_is_wrong_for_good_is_refused_again_and_not_buried_twice() -> None:
    work = Redrive(REGISTRY, NOW)
    assert work.judged([refused(arrived(b"{}x"))]) == []
    assert dict(work.refused) == {"malformed": 1}


def test_frames_are_counted_over_all_letters_of_a_device() -> None:
    early = STARTED_AT - timedelta(hours=1)
    once, other = feature_batch(0), feature_batch(0, mel=codes(9))
    work = Redrive(REGISTRY, NOW)
    work.judged([refused(arrived(one, received_at=early)) for one in (once, other)])
    assert (work.redriven, dict(work.refused)) == (1, {"privacy": 1})


def test_minutes_of_indices_come_back_and_old_statuses_do_not() -> None:
    early = STARTED_AT - timedelta(hours=1)
    foreign = arrived(changed(status(), site="park"), "status")
    work = Redrive(REGISTRY, NOW)
    [verdict] = work.judged(
        [refused(arrived(indices(), "indices", received_at=early)), refused(foreign)]
    )
    assert isinstance(verdict, Forward)
    assert (verdict.stream, work.left) == ("indices", 1)


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        (ALWAYS, 2),
        (ALWAYS._replace(reason="clock"), 1),
        (ALWAYS._replace(device="pole-07"), 2),
        (ALWAYS._replace(device="pole-08"), 0),
        (ALWAYS._replace(begin=STARTED_AT), 1),
        (ALWAYS._replace(end=STARTED_AT), 1),
    ],
)
def test_letters_are_chosen_by_reason_device_and_time(wanted: Wanted, count: int) -> None:
    early = STARTED_AT - timedelta(hours=1)
    letters = [refused(arrived(feature_batch(), received_at=early)), refused(arrived(b"{}x"))]
    assert sum(map(wanted.names, letters)) == count


def test_letters_are_counted_by_origin_and_reason() -> None:
    letters = [refused(arrived(b"{}x")), refused(arrived(b"{}y")), refused(arrived(b"", "status"))]
    [group] = groups(letters)
    assert (group.origin, group.reason, group.messages) == ("pole-07", "malformed", 3)
    assert group.can_be_redriven == 2
