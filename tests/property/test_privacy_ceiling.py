"""The ceiling under attack; `python -m benchmarks.ceiling` tries 100,000 batches."""

from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.ceiling import REGISTRY, arrived, attack, moments
from benchmarks.privacy_mutations import MUTATIONS
from processors.bridge import judge
from processors.privacy import Guard
from processors.verdicts import Forward, Refuse
from tests import batches
from tests.batches import changed, feature_batch

seeds = st.integers(0, 2**32 - 1)


@given(seed=seeds)
def test_no_mutated_batch_is_forwarded_or_kept_and_no_honest_one_refused(seed: int) -> None:
    tally = attack(250, seed)
    assert set(tally.mutated) == set(MUTATIONS)
    assert tally.passed, tally


@given(seed=seeds)
def test_most_mutated_batches_are_good_for_a_bridge_that_remembers_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for moment in islice((moment for moment in moments(rng) if moment.next_seq), 5):
        for kind in ("context after a gap", "early grid", "two sessions", "second values"):
            message = arrived(MUTATIONS[kind](rng, moment), moment)
            assert isinstance(judge(Guard(), message, REGISTRY)[1], Forward), kind


FRAMES = "A" * 44 * 33  # base64 of more frames than one reading and its context have
TOO_FINE = {
    "an unknown version": changed(feature_batch(), version=2, more=FRAMES),
    "a foreign field": changed(feature_batch(), more=FRAMES),
    "numbers instead of bytes": changed(feature_batch(), more=[[0] * 32] * 40),
    "one long list": changed(feature_batch(), more=[0.5] * 16_000),
    "no reading": changed(feature_batch(), levels=[], mel={"codes": FRAMES}),
    "deep inside": changed(feature_batch(), more=[{"more": [FRAMES]}]),
    "oversized": changed(feature_batch(), more="A" * 200_000),
    "a list": b'["' + FRAMES.encode() + b'"]',
}


@pytest.mark.parametrize("payload", TOO_FINE.values(), ids=TOO_FINE)
def test_what_cannot_be_read_and_carries_more_frames_is_not_kept(payload: bytes) -> None:
    _, verdict = judge(Guard(), batches.arrived(payload), batches.REGISTRY)
    assert isinstance(verdict, Refuse)
    assert verdict.letter.reason == "privacy"
    assert verdict.record.value is None


@given(seq=st.integers(0, 500), count=st.integers(1, 60))
def test_a_batch_of_the_next_version_is_kept_whole(seq: int, count: int) -> None:
    payload = changed(feature_batch(seq, count), version=2, humidity=40)
    _, verdict = judge(Guard(), batches.arrived(payload), batches.REGISTRY)
    assert isinstance(verdict, Refuse)
    assert verdict.letter.reason == "version"
    assert verdict.record.value == payload
