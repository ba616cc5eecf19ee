"""Laws of what is heard: batching does not matter, events and thresholds keep their word."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hearing import alarms, decide, patches
from hearing.calibration import reliability
from hearing.metrics import area_under_curve
from tests.unit.hearing.manifests import manifest

SECONDS = st.lists(
    st.dictionaries(st.sampled_from(["siren", "dog_bark"]), st.integers(1, 1000)), max_size=40
)


@given(seconds=st.integers(1, 20), cut=st.integers(1, 20), seed=st.integers(0, 2**32 - 1))
def test_readings_sent_in_two_batches_have_the_same_patches_as_in_one(
    seconds: int, cut: int, seed: int
) -> None:
    cut = min(cut, seconds)
    codes = np.random.default_rng(seed).integers(0, 256, (24 + 8 * seconds, 32), dtype=np.uint8)
    whole = patches.of_readings(codes)
    parts = [patches.of_readings(codes[: 24 + 8 * cut])]
    if cut < seconds:
        parts.append(patches.of_readings(codes[8 * cut :]))
    assert (np.concatenate(parts) == whole).all()


@given(seconds=SECONDS)
def test_events_lie_within_the_recording_and_begin_where_their_label_does(
    seconds: list[dict[str, int]],
) -> None:
    for event in decide.events(seconds):
        assert 0 <= event.onset_s < event.offset_s <= len(seconds)
        assert event.label in seconds[int(event.onset_s)]
        assert 0 < event.score <= 1


@given(seconds=SECONDS)
def test_events_of_one_label_never_touch(seconds: list[dict[str, int]]) -> None:
    for label in ("siren", "dog_bark"):
        spans = [event for event in decide.events(seconds) if event.label == label]
        for before, after in itertools.pairwise(spans):
            assert before.offset_s < after.onset_s


@given(scores=st.lists(st.floats(0, 1), min_size=2, max_size=2), higher=st.floats(0.5, 0.99))
def test_a_higher_threshold_never_adds_a_label(scores: list[float], higher: float) -> None:
    strict = manifest(thresholds={"siren": higher, "dog_bark": higher})
    few, many = (
        decide.active(decide.reported([scores], [False], by))[0] for by in (strict, manifest())
    )
    assert set(few) <= set(many)


@given(
    ranked=st.lists(st.tuples(st.booleans(), st.integers(-50, 50)), min_size=2, max_size=30),
)
def test_the_area_under_the_curve_knows_only_ranks(ranked: list[tuple[bool, int]]) -> None:
    truth, scores = [t for t, _ in ranked], np.array([s for _, s in ranked], dtype=float)
    area = area_under_curve(truth, scores)
    assert area == area_under_curve(truth, scores**3)
    reversed_area = area_under_curve(truth, -scores)
    if area is not None and reversed_area is not None:
        assert abs(area + reversed_area - 1) < 1e-12


ROWS = st.lists(st.lists(st.floats(0, 1), min_size=2, max_size=2), min_size=1, max_size=8)


@given(rows=ROWS, seed=st.integers(0, 2**32 - 1))
def test_a_vote_lies_between_the_votes_in_whatever_order_they_come(
    rows: list[list[float]], seed: int
) -> None:
    scores = np.array(rows)
    vote = decide.soft_vote(scores)
    assert (vote >= scores.min(axis=0) - 1e-6).all()
    assert (vote <= scores.max(axis=0) + 1e-6).all()
    shuffled = np.random.default_rng(seed).permutation(scores)
    assert np.allclose(decide.soft_vote(shuffled), vote, atol=1e-6)


@given(
    logits=st.lists(st.floats(-30, 30), min_size=2, max_size=12),
    temperature=st.floats(0.1, 10),
)
def test_temperature_changes_neither_the_order_nor_what_is_likelier_than_not(
    logits: list[float], temperature: float
) -> None:
    of = manifest(temperature={"siren": temperature, "dog_bark": 1.0})
    raw = np.column_stack([logits, logits])
    softened, plain = decide.probabilities(raw, of).T
    order = np.argsort(logits, kind="stable")
    assert (np.diff(softened[order]) >= 0).all()
    assert ((softened > 0.5) <= (plain >= 0.5)).all()


@given(rows=ROWS, threshold=st.floats(0.05, 0.95), silent=st.lists(st.booleans(), min_size=8))
def test_a_second_is_named_by_its_thresholds_else_other_and_silence_has_no_label(
    rows: list[list[float]], threshold: float, silent: list[bool]
) -> None:
    of, quiet = manifest(thresholds={"siren": threshold, "dog_bark": 0.5}), silent[: len(rows)]
    active = decide.active(decide.reported(rows, quiet, of))
    for row, nothing, names in zip(rows, quiet, decide.named(active, quiet), strict=True):
        assert names
        if nothing:
            assert names == {"silence"}
        elif row[0] >= threshold:
            assert "siren" in names
        elif row[0] < threshold - 0.01 and row[1] < 0.49:
            assert names == {"other"}


@given(negatives=st.lists(st.floats(0, 1), min_size=1, max_size=30), hours=st.floats(0.01, 40))
def test_no_threshold_allows_more_false_alarms_than_it_may(
    negatives: list[float], hours: float
) -> None:
    spans = np.array(negatives)
    threshold = alarms.threshold_at(spans, hours)
    assert (spans >= threshold).sum() <= hours
    lower = np.nextafter(threshold, -1)
    assert threshold == 0 or (spans >= lower).sum() > int(hours)


@given(told=st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40))
def test_a_calibration_error_is_a_share_and_zero_for_certainties_that_came_true(
    told: list[tuple[float, bool]],
) -> None:
    found = reliability([p for p, _ in told], [true for _, true in told])
    assert 0 <= found.ece <= 1
    assert sum(found.count) == len(told)
    assert reliability([float(true) for _, true in told], [true for _, true in told]).ece == 0
