"""Laws of what is heard: batching does not matter, events and thresholds keep their word."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hearing import decide, patches
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
