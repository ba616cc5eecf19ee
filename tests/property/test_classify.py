"""Laws of classification: one scale for all labels, and no memory between records."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hearing import decide
from processors import classify
from schemas.envelopes import FeatureEnvelope, ReceivedFeatures
from tests.batches import RECEIVED_AT, feature_batch
from tests.manifests import manifest

probability = st.floats(0, 1, width=32)
threshold = st.floats(0.01, 0.99)


@given(st.lists(probability, min_size=2), threshold)
def test_the_scale_keeps_order_and_decision(scores: list[float], at: float) -> None:
    ordered = sorted(scores)
    told = decide.per_mille([[score] for score in ordered], manifest(siren=at))[:, 0].tolist()
    assert told == sorted(told)
    assert all(0 <= one <= 1000 for one in told)
    for score, one in zip(ordered, told, strict=True):
        assert one >= decide.DECIDED if score >= at else one <= decide.DECIDED


@given(st.lists(st.integers(1, 5), min_size=1, max_size=6))
def test_readings_are_heard_alike_however_they_are_batched(counts: list[int]) -> None:
    total = sum(counts)
    firsts = np.cumsum([0, *counts[:-1]]).tolist()
    batches = [feature_batch(first, count) for first, count in zip(firsts, counts, strict=True)]
    received = tuple(
        ReceivedFeatures(received_at=RECEIVED_AT, digest="0" * 32, batch=batch) for batch in batches
    )
    heard = classify.patches_of(FeatureEnvelope(batches=received))
    single = [classify.patches_of(FeatureEnvelope(batches=(_one(n),))) for n in range(total)]
    np.testing.assert_array_equal(heard, np.concatenate(single))
    labels = [{"siren": n} for n in range(total)]
    envelope = classify.labelled(FeatureEnvelope(batches=received), labels, "model")
    assert [one for batch in envelope.batches for one in batch.labels] == labels


def _one(seq: int) -> ReceivedFeatures:
    batch = feature_batch(seq)
    return ReceivedFeatures(received_at=RECEIVED_AT, digest="0" * 32, batch=batch)
