"""The ceiling under attack; `python -m benchmarks.ceiling` tries 100,000 batches."""

from collections.abc import Callable
from itertools import islice

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.ceiling import REGISTRY, arrived, attack, moments
from benchmarks.privacy_mutations import MUTATIONS
from hearing import taxonomy
from processors.bridge import judge
from processors.privacy import Guard
from processors.verdicts import Arrived, Forward, Refuse
from schemas.codec import encode
from tests import batches
from tests.batches import changed, feature_batch, indices, levels_batch, result_batch, status
from tests.builders import SESSION, levels

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


_BUDGET = 32 * (24 + 8)
"""Codes of one reading's frames and their context."""


def _is_kept(payload: bytes, topic: str = "cityhum/v1/harbour/pole-07/features") -> bool:
    _, verdict = judge(Guard(), Arrived(topic, payload, batches.RECEIVED_AT), batches.REGISTRY)
    assert isinstance(verdict, Refuse)
    assert (verdict.record.value is None) == (verdict.letter.reason == "privacy")
    return verdict.record.value is not None


@pytest.mark.parametrize("bands", range(1, 65))
@pytest.mark.parametrize("of", [list, lambda frame: {str(n): c for n, c in enumerate(frame)}])
def test_frames_of_any_number_of_bands_are_not_kept(
    bands: int, of: Callable[[list[int]], object]
) -> None:
    frames = [of([20] * bands) for _ in range(_BUDGET // bands + 2 + 32 // bands)]
    assert not _is_kept(orjson.dumps({"version": 2, "levels": [{}], "mel": frames}))
    assert not _is_kept(changed(feature_batch(), version=2, more=frames))
    assert not _is_kept(changed(feature_batch(), levels=[{"more": frames}]))


@pytest.mark.parametrize("length", [1, 2, 8, 24, 40, 41, 42, 44, 100])
def test_text_cut_however_small_is_not_kept(length: int) -> None:
    pieces = ["A" * length] * (4 * (_BUDGET + 32) // 3 // length + 1)
    assert not _is_kept(orjson.dumps({"version": 2, "levels": [{}], "frames": pieces}))
    assert not _is_kept(orjson.dumps({"version": 2, "dropped": pieces + pieces}))
    assert not _is_kept(orjson.dumps({p + str(n): 1 for n, p in enumerate(pieces)}))


def test_a_topic_of_nobody_keeps_no_frames() -> None:
    payload = changed(feature_batch(), more=FRAMES)
    assert not _is_kept(payload, "cityhum/v1/Harbour/pole-07/features")
    assert _is_kept(encode(feature_batch()), "cityhum/v1/Harbour/pole-07/features")


_LONG = "a" * 63
_SECOND = {**levels().model_dump(), "third_octaves_db": [51.23] * 31}
_HEAD = {"version": 2, "site": _LONG, "device": _LONG, "calibration": "k" * 64, "wind_mps": 3.1}
_LABELS = [{**dict.fromkeys(taxonomy.LABELS, 500), "other": 1}] * 60
_RANGES = [{"session": SESSION, "first_seq": 2**53, "count": 2**53}] * 64
LARGEST = {
    "mel": changed(feature_batch(3, 60, site=_LONG, device=_LONG), **_HEAD, levels=[_SECOND] * 60),
    "levels": changed(levels_batch(), **_HEAD, levels=[_SECOND] * 60),
    "labels": changed(
        result_batch(), **_HEAD, levels=[_SECOND] * 60, labels=_LABELS, model="m" * 128
    ),
    "indices": changed(indices(), **_HEAD, ndsi=0.123456789),
    "status": changed(status(), **_HEAD, dropped=_RANGES, agent_version="v" * 64),
}


@pytest.mark.parametrize("payload", LARGEST.values(), ids=LARGEST)
def test_the_largest_honest_messages_of_the_next_version_are_kept(payload: bytes) -> None:
    assert _is_kept(payload)


@given(seq=st.integers(0, 500), count=st.integers(1, 60))
def test_a_batch_of_the_next_version_is_kept_whole(seq: int, count: int) -> None:
    payload = changed(feature_batch(seq, count), version=2, humidity=40)
    _, verdict = judge(Guard(), batches.arrived(payload), batches.REGISTRY)
    assert isinstance(verdict, Refuse)
    assert verdict.letter.reason == "version"
    assert verdict.record.value == payload
