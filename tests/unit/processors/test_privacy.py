"""The ceiling of 8 frames a second, case by case."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from processors.privacy import MAX_NEW_FRAMES, MAX_RUNS, Guard, admit
from schemas.errors import BadMessage
from schemas.messages import NO_FRAME, FeatureBatch, ResultBatch
from tests.batches import RECEIVED_AT, Bouncer, codes, feature_batch, levels_batch, result_batch
from tests.builders import OTHER_SESSION, SESSION, STARTED_AT


def smuggling(first_seq: int, fresh_frames: int = 1) -> FeatureBatch:
    """A batch of the right size whose context holds frames that nobody sent before."""
    genuine = codes(first_seq)
    return feature_batch(first_seq, mel=b"z" * 32 * fresh_frames + genuine[32 * fresh_frames :])


def refused(bouncer: Bouncer, batch: FeatureBatch) -> bool:
    try:
        bouncer.admit(batch)
    except BadMessage as bad:
        return bad.reason == "privacy"
    return False


@pytest.mark.parametrize("fresh_frames", [1, 23, 24])
def test_fresh_frames_in_the_context_of_a_contiguous_batch_are_refused(fresh_frames: int) -> None:
    bouncer = Bouncer()
    bouncer.admit(*(feature_batch(seq) for seq in range(5)))
    assert refused(bouncer, smuggling(5, fresh_frames))
    assert not refused(bouncer, feature_batch(5))


def test_a_refused_batch_leaves_no_trace() -> None:
    bouncer = Bouncer()
    bouncer.admit(feature_batch(3))
    before = bouncer.guard
    assert refused(bouncer, smuggling(4))
    assert bouncer.guard == before


def test_the_same_reading_again_is_welcome_and_with_other_frames_refused() -> None:
    bouncer = Bouncer()
    bouncer.admit(*(feature_batch(seq) for seq in range(70)))
    bouncer.admit(feature_batch(69), feature_batch(40), feature_batch(30, count=20))
    other = feature_batch(40, mel=codes(40, session=OTHER_SESSION))
    assert refused(bouncer, other)


def test_a_resend_of_three_batches_is_welcome() -> None:
    bouncer = Bouncer()
    bouncer.admit(*(feature_batch(seq, count=60) for seq in range(0, 600, 60)))
    bouncer.admit(*(feature_batch(seq, count=60) for seq in (480, 540, 420)))


def test_a_reading_of_three_minutes_ago_has_one_value() -> None:
    bouncer = Bouncer()
    bouncer.admit(*(feature_batch(seq) for seq in range(500)))
    assert refused(bouncer, feature_batch(320, mel=codes(320, session=OTHER_SESSION)))


def test_a_resend_of_what_is_long_forgotten_is_welcome() -> None:
    bouncer = Bouncer()
    bouncer.admit(*(feature_batch(seq) for seq in range(500)))
    bouncer.admit(feature_batch(2), feature_batch(100, count=60))


def test_a_frame_is_told_with_all_of_its_bands_or_not_at_all() -> None:
    whole = codes(3)
    torn = whole[:-1] + bytes([NO_FRAME])
    assert refused(Bouncer(), feature_batch(3, mel=torn))
    assert not refused(Bouncer(), feature_batch(3, mel=whole[:-32] + bytes([NO_FRAME]) * 32))


def test_the_context_of_a_gap_is_checked_when_the_gap_is_filled() -> None:
    bouncer = Bouncer()
    bouncer.admit(feature_batch(0), smuggling(4))  # who knows what readings 1 to 3 were?
    assert refused(bouncer, feature_batch(1, count=3))


def test_a_backlog_beside_the_live_lane_passes_and_closes_the_gap() -> None:
    bouncer = Bouncer()
    for n in range(200):
        bouncer.admit(feature_batch(1000 + n), feature_batch(5 * n, count=5))
    (run,) = bouncer.guard.runs
    assert (run.first, run.end) == (0, 1200 * 8)


def test_a_second_session_on_a_grid_between_the_frames_is_refused() -> None:
    bouncer = Bouncer()
    bouncer.admit(*(feature_batch(seq) for seq in range(10)))
    between = STARTED_AT + timedelta(seconds=5, milliseconds=62.5)
    assert refused(bouncer, feature_batch(0, session=OTHER_SESSION, started_at=between))


def test_a_session_that_begins_where_the_other_ended_is_admitted() -> None:
    bouncer = Bouncer()
    bouncer.admit(*(feature_batch(seq) for seq in range(10)))
    after = STARTED_AT + timedelta(seconds=10)
    bouncer.admit(feature_batch(0, session=OTHER_SESSION, started_at=after))


def test_the_context_of_a_batch_after_a_gap_may_not_reach_into_another_session() -> None:
    bouncer = Bouncer()
    bouncer.admit(*(feature_batch(seq) for seq in range(10)))
    after = STARTED_AT + timedelta(seconds=10)
    assert refused(bouncer, feature_batch(3, session=OTHER_SESSION, started_at=after))


def test_seqs_may_not_run_faster_than_their_seconds() -> None:
    bouncer = Bouncer()
    bouncer.admit(feature_batch(0))
    soon = STARTED_AT + timedelta(seconds=0.25)
    assert refused(bouncer, feature_batch(1, started_at=soon))


def test_a_clock_slewed_by_500_ppm_is_admitted() -> None:
    bouncer = Bouncer()
    for n in range(100):
        started_at = STARTED_AT + timedelta(seconds=60 * n * (1 - 500e-6))
        bouncer.admit(feature_batch(60 * n, count=60, started_at=started_at))


@pytest.mark.parametrize("fresh_context", [True, False])
def test_an_overrun_moves_the_time_and_is_admitted(*, fresh_context: bool) -> None:
    bouncer = Bouncer()
    bouncer.admit(*(feature_batch(seq) for seq in range(5)))
    resumed = codes(5)
    mel = bytes([255]) * 25 * 32 + resumed[25 * 32 :] if fresh_context else resumed
    started_at = STARTED_AT + timedelta(seconds=5.4)
    bouncer.admit(feature_batch(5, mel=mel, started_at=started_at))
    bouncer.admit(
        feature_batch(6, mel=mel[256:] + codes(6)[-256:], started_at=started_at + timedelta(0, 1))
    )


def test_frames_from_before_a_session_are_refused() -> None:
    assert refused(Bouncer(), feature_batch(1, mel=codes(4)))


def test_times_of_an_unsynced_clock_are_not_believed() -> None:
    bouncer = Bouncer()
    bouncer.admit(*(feature_batch(seq) for seq in range(5)))
    bouncer.admit(feature_batch(0, session=OTHER_SESSION, clock="unsynced"))
    assert refused(
        bouncer,
        feature_batch(0, session=OTHER_SESSION, clock="unsynced", mel=codes(0)[:-32] + b"z" * 32),
    )


def test_readings_that_were_sent_unsynced_may_come_again_restamped() -> None:
    bouncer = Bouncer()
    wrong = STARTED_AT - timedelta(days=3)
    bouncer.admit(feature_batch(0, count=5, clock="unsynced", started_at=wrong))
    bouncer.admit(feature_batch(3, count=4), feature_batch(7))


Make = Callable[..., FeatureBatch | ResultBatch]
BARE: list[Make] = [levels_batch, result_batch]


def unsynced(make: Make, seq: int) -> FeatureBatch | ResultBatch:
    return make(seq).model_copy(update={"clock": "unsynced"})


@pytest.mark.parametrize("make", [feature_batch, *BARE])
def test_in_the_long_run_received_time_is_the_ceiling(make: Make) -> None:
    full = Guard(new_frames=MAX_NEW_FRAMES - 8, at_s=RECEIVED_AT.timestamp())
    guard = admit(full, unsynced(make, 0), RECEIVED_AT)
    guard = admit(guard, unsynced(make, 0), RECEIVED_AT)
    with pytest.raises(BadMessage, match="privacy"):
        admit(guard, unsynced(make, 1), RECEIVED_AT)
    admit(guard, unsynced(make, 1), RECEIVED_AT + timedelta(seconds=1))


@pytest.mark.parametrize("make", BARE)
@pytest.mark.parametrize("count", [1, 7, 60])
@pytest.mark.parametrize("block_s", [0.01, 0.125, 0.5, 0.9])
def test_what_is_numbered_as_a_reading_lasts_a_second(
    make: Make, count: int, block_s: float
) -> None:
    guard, admitted = Guard(), 0
    for n in range(200):
        batch = bare(make, n * count, count, n * count * block_s)
        try:
            guard = admit(guard, batch, RECEIVED_AT)
        except BadMessage:
            continue
        admitted += count
    assert 0 < admitted <= count + 1.03 * 200 * count * block_s


def bare(make: Make, first_seq: int, count: int, at_s: float) -> FeatureBatch | ResultBatch:
    batch = make(first_seq)
    more = {"started_at": STARTED_AT + timedelta(seconds=at_s), "levels": batch.levels * count}
    return batch.model_copy(update=more)


@pytest.mark.parametrize("make", BARE)
def test_readings_without_frames_may_come_again_and_late(make: Make) -> None:
    guard = Guard()
    for seq in (0, 9, 3, 0, 5, 4, 9, 2, 1, 7, 8, 6, 5):
        guard = admit(guard, bare(make, seq, 1, seq + (2.5 if seq > 4 else 0)), RECEIVED_AT)
    guard = admit(guard, bare(make, 0, 5, 0.0), RECEIVED_AT)
    (run,) = guard.bare_runs
    assert (run.first, run.end, guard.new_frames) == (0, 80, 80)


def test_readings_without_frames_are_no_frames() -> None:
    bouncer = Bouncer()
    bouncer.admit(levels_batch(3))
    bouncer.admit(*(feature_batch(seq) for seq in range(5)))
    assert len(bouncer.guard.runs) == 1


def test_what_is_remembered_is_bounded() -> None:
    bouncer = Bouncer()
    for n in range(3 * MAX_RUNS):
        session = f"{n:026d}"
        started_at = STARTED_AT + timedelta(minutes=n)
        bouncer.admit(feature_batch(0, session=session, started_at=started_at))
    assert len(bouncer.guard.runs) == MAX_RUNS
    assert SESSION not in {run.session for run in bouncer.guard.runs}


def test_what_is_remembered_of_readings_without_frames_is_bounded() -> None:
    guard = Guard()
    for seq in range(0, 6 * MAX_RUNS, 2):
        guard = admit(guard, bare(levels_batch, seq, 1, seq), RECEIVED_AT)
    assert len(guard.bare_runs) == MAX_RUNS
