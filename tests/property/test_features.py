"""What classify reads of `features.v1` and writes to `readings.v1` is what the messages say."""

import base64
from collections.abc import Callable

import orjson
from hypothesis import given
from hypothesis import strategies as st

from processors import classify
from schemas import features, readings, topics
from schemas.codec import decode, encode
from schemas.envelopes import FeatureEnvelope, ReadingEnvelope, ReceivedFeatures
from schemas.errors import BadMessage
from schemas.messages import FeatureBatch, code_bytes
from tests.batches import RECEIVED_AT, feature_batch, levels_batch
from tests.property.test_codec import json


def envelope(*batches: FeatureBatch) -> FeatureEnvelope:
    received = [
        ReceivedFeatures(received_at=RECEIVED_AT, digest="0" * 32, batch=one) for one in batches
    ]
    return FeatureEnvelope(batches=tuple(received))


PLAIN = encode(envelope(feature_batch(7, 2), levels_batch(9)))
FIELDS = [(name, None) for name in ReceivedFeatures.model_fields if name != "digest"] + [
    ("batch", name) for name in FeatureBatch.model_fields
]


def outcome(payload: bytes) -> object:
    """What goes on to the folds, with a label set for every patch; or why nothing does."""
    try:
        return relabelled(features.read(payload))
    except BadMessage as bad:
        return bad.reason, bad.detail


def expected(payload: bytes) -> object:
    try:
        return relabelled(decode(FeatureEnvelope, payload))
    except BadMessage as bad:
        return bad.reason, bad.detail


def relabelled(read: features.Record | FeatureEnvelope) -> ReadingEnvelope:
    labels = [{"siren": n % 1000} for n in range(sum(one.batch.count for one in read.batches))]
    return decode(ReadingEnvelope, readings.write(classify.labelled(read, labels, "model")))


@given(st.binary(min_size=code_bytes(2), max_size=code_bytes(2)), st.integers(0, 10**6))
def test_both_ways_read_the_same(codes: bytes, seq: int) -> None:
    payload = encode(envelope(feature_batch(seq, 2, mel=codes), levels_batch(seq + 2)))
    features.read(payload)  # names are known from now on
    read = classify.read(topics.FEATURES, payload)
    assert isinstance(read, features.Record)
    assert isinstance(classify.labelled(read, [{}, {}], "model"), readings.Record)
    assert read.batches[0].batch.mel is not None
    assert read.batches[0].batch.mel.codes == codes
    assert outcome(payload) == expected(payload)


@given(st.sampled_from(FIELDS), json)
def test_any_value_in_any_field_is_judged_the_same(
    place: tuple[str, str | None], value: object
) -> None:
    document = orjson.loads(PLAIN)
    features.read(PLAIN)
    name, inner = place
    received = document["batches"][0]
    if inner is None:
        received[name] = value
    else:
        received[name][inner] = value
    payload = orjson.dumps(document)
    assert outcome(payload) == expected(payload)


@given(st.text(st.sampled_from("AZaz09-_+/= \n\u00e9")) | st.binary().map(base64.b64encode))
def test_codes_are_base64_or_nothing(text: str | bytes) -> None:
    document = orjson.loads(PLAIN)
    document["batches"][0]["batch"]["mel"]["codes"] = (
        text if isinstance(text, str) else text.decode()
    )
    payload = orjson.dumps(document)
    assert codes_of(features.read, payload) == codes_of(
        lambda one: decode(FeatureEnvelope, one), payload
    )


def codes_of(read: Callable[[bytes], features.Record | FeatureEnvelope], payload: bytes) -> object:
    try:
        mel = read(payload).batches[0].batch.mel
    except BadMessage as bad:
        return bad.reason
    return mel and mel.codes


@given(st.binary() | json.map(orjson.dumps))
def test_any_bytes_are_judged_the_same(payload: bytes) -> None:
    assert outcome(payload) == expected(payload)


def test_marks_go_on() -> None:
    marked = orjson.loads(PLAIN) | {
        "tick": "2026-05-04T10:00:00Z",
        "dropped": [{"device": "pole-07", "ranges": []}],
    }
    payload = orjson.dumps(marked)
    assert outcome(payload) == expected(payload)
    told = outcome(payload)
    assert isinstance(told, ReadingEnvelope)
    assert [one.device for one in told.dropped] == ["pole-07"]
