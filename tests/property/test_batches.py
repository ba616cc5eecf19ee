"""Laws of batches: nothing lost or moved, nothing joined over a gap, context byte for byte."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents import batches
from agents.batches import Origin
from agents.labels import Labelled, packed, unpacked
from agents.reading import NO_CONTEXT, READING_CODE_BYTES, Reading
from schemas import codec
from schemas.messages import MAX_BATCH_BYTES, MAX_READINGS, Clock, FeatureBatch, ResultBatch
from tests.builders import OTHER_SESSION, SESSION, STARTED_AT, levels, reading, readings

ORIGIN = Origin("harbour", "pole-01")


@st.composite
def spooled(draw: st.DrawFn) -> list[Reading]:
    """Readings of two sessions with gaps in seq, in time, and changes of clock."""
    made: list[Reading] = []
    clocks: list[Clock] = ["synced", "unsynced"]
    at = STARTED_AT
    for session in (SESSION, OTHER_SESSION):
        seq = 0
        for _ in range(draw(st.integers(0, 3))):
            seq += draw(st.sampled_from([0, 0, 1, 50]))  # readings that were acknowledged
            at += timedelta(seconds=draw(st.sampled_from([0.0, 0.0, 0.3, 60.0])))  # overruns
            clock = draw(st.sampled_from(clocks))
            slew = timedelta(microseconds=draw(st.sampled_from([-500, 0, 500])))
            for _ in range(draw(st.integers(1, 70))):
                made.append(reading(seq, session=session, started_at=at, clock=clock))
                seq += 1
                at += timedelta(seconds=1) + slew
    return made


@given(spooled())
def test_runs_are_the_readings_in_order(readings: list[Reading]) -> None:
    assert [each for run in batches.runs(readings) for each in run] == readings


@given(spooled())
def test_a_run_is_one_unbroken_sound(readings: list[Reading]) -> None:
    for run in batches.runs(readings):
        assert 1 <= len(run) <= MAX_READINGS
        assert len({(each.session, each.clock, each.calibration) for each in run}) == 1
        for n, each in enumerate(run):
            assert each.seq == run[0].seq + n
            planned = run[0].started_at + timedelta(seconds=n)
            assert abs(each.started_at - planned) <= timedelta(milliseconds=2 * n)


@given(spooled())
def test_neighbouring_runs_could_not_be_one(readings: list[Reading]) -> None:
    cut = list(batches.runs(readings))
    for left, right in pairwise(cut):
        assert (
            len(left) == MAX_READINGS
            or not batches.follows(left[-1], right[0])
            or left[-1].clock != right[0].clock
        )


@given(spooled(), st.integers(0, 100))
def test_context_is_the_codes_before_or_nothing(readings: list[Reading], index: int) -> None:
    if not readings:
        return
    n = index % len(readings)
    codes = batches.context(readings[:n], readings[n])
    assert len(codes) == len(NO_CONTEXT)
    heard = b""
    while len(heard) < len(codes) and n > 0 and batches.follows(readings[n - 1], readings[n]):
        heard = readings[n - 1].codes + heard
        n -= 1
    assert codes == NO_CONTEXT[len(heard) :] + heard


@given(st.integers(1, MAX_READINGS), st.integers(0, 5))
def test_a_batch_carries_its_readings(count: int, first_seq: int) -> None:
    run = readings(count, first_seq)
    batch = batches.batch(ORIGIN, run, readings(first_seq))
    assert isinstance(batch, FeatureBatch)
    assert (batch.first_seq, batch.count, batch.started_at) == (
        first_seq,
        count,
        run[0].started_at,
    )
    assert batch.mel is not None
    assert len(batch.mel.codes) == batch.expected_code_bytes
    assert batch.mel.codes[len(NO_CONTEXT) :] == b"".join(each.codes for each in run)


@given(st.integers(1, MAX_READINGS))
def test_a_reading_travels_the_same_in_any_batch(count: int) -> None:
    """The bridge's digest of a reading must not depend on how often it is sent again."""
    run = readings(count)
    together = batches.batch(ORIGIN, run, [])
    alone = batches.batch(ORIGIN, run[-1:], run[:-1])
    assert together.levels[-1] == alone.levels[0]
    assert isinstance(together, FeatureBatch)
    assert isinstance(alone, FeatureBatch)
    assert together.mel is not None
    assert alone.mel is not None
    assert together.mel.codes[-READING_CODE_BYTES:] == alone.mel.codes[-READING_CODE_BYTES:]


@given(st.integers(1, MAX_READINGS))
def test_messages_hold_every_reading_once(count: int) -> None:
    sent = list(batches.messages(ORIGIN, readings(count), []))
    assert [each for run, _ in sent for each in run] == readings(count)
    assert all(len(payload) <= MAX_BATCH_BYTES for _, payload in sent)
    assert codec.decode(FeatureBatch, sent[0][1]).first_seq == 0


@given(st.floats(-100, 140, allow_nan=False))
def test_levels_travel_with_a_hundredth(level_db: float) -> None:
    exact = levels(level_db)
    travelled = batches.rounded(exact)
    assert travelled.laeq_1s_db == pytest.approx(level_db, abs=0.00501)
    assert travelled.laeq_1s_db == round(travelled.laeq_1s_db, 2)
    assert batches.rounded(travelled) == travelled


def test_the_profile_levels_lets_no_frame_out() -> None:
    for run in (readings(3), labelled(3), thinned(3)):
        batch = batches.batch(Origin("harbour", "pole-01", "levels"), run, [])
        assert isinstance(batch, FeatureBatch)
        assert batch.mel is None


def labelled(count: int, model: str = "street8-0.3.0@0123456789ab") -> list[Reading]:
    """Readings scored on the device: a siren, louder by the second."""
    return [
        replace(each, codes=packed(Labelled(model, {"siren": each.seq})))
        for each in readings(count)
    ]


def thinned(count: int) -> list[Reading]:
    return [replace(each, codes=b"") for each in readings(count)]


@given(st.integers(1, MAX_READINGS))
def test_labelled_readings_travel_as_results(count: int) -> None:
    origin = Origin("harbour", "pole-01", "labels")
    run = labelled(count)
    ((_, payload),) = batches.messages(origin, run, [])
    batch = codec.decode(ResultBatch, payload)
    assert batches.stream(origin, run) == "results"
    assert batch.model == "street8-0.3.0@0123456789ab"
    assert batch.labels == tuple({"siren": each.seq} for each in run)
    assert batch.levels == tuple(batches.rounded(each.levels) for each in run)


def test_the_profile_labels_lets_no_frame_out_that_was_stored_before_it() -> None:
    origin = Origin("harbour", "pole-01", "labels")
    batch = batches.batch(origin, readings(3), [])
    assert isinstance(batch, FeatureBatch)
    assert (batch.profile, batch.mel) == ("levels", None)
    assert batches.stream(origin, readings(3)) == "features"


def test_a_batch_holds_readings_of_one_kind_and_one_model() -> None:
    frames, names, fewer = readings(8), labelled(8), thinned(8)
    others = labelled(8, "yamnet-1.0.0@0123456789ab")
    mixed = [*frames[:2], *names[2:4], *others[4:6], *fewer[6:]]
    assert [len(run) for run in batches.runs(mixed)] == [2, 2, 2, 2]
    assert batches.context(mixed[:3], mixed[3]) == NO_CONTEXT


@given(
    st.text("ab", max_size=300),
    st.dictionaries(st.sampled_from(["siren", "rain"]), st.integers(0, 1000)),
)
def test_labels_wait_as_they_were_and_are_never_taken_for_frames(
    model: str, labels: dict[str, int]
) -> None:
    assert len(packed(Labelled(model, labels))) != READING_CODE_BYTES
    assert unpacked(packed(Labelled(model, labels))) == Labelled(model, labels)
