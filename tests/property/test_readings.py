"""What folds read of `readings.v1` is what its messages say, and nothing else gets in."""

import orjson
from hypothesis import given
from hypothesis import strategies as st

from schemas import readings
from schemas.codec import decode, encode
from schemas.envelopes import LabelledBatch, ReadingEnvelope
from schemas.errors import BadMessage
from tests.builders import labelled
from tests.property.test_codec import json

PLAIN = ReadingEnvelope(
    batches=(labelled(7, [61.23, 48.0], labels=[{"siren": 812}, {}]), labelled(9, [-20.5]))
)
BATCH_FIELDS = sorted(LabelledBatch.model_fields)


def outcome(payload: bytes) -> object:
    """The batches as messages, or why there are none."""
    try:
        return [readings.whole(batch) for batch in readings.read(payload).batches]
    except BadMessage as bad:
        return bad.reason, bad.detail


def expected(payload: bytes) -> object:
    try:
        return list(decode(ReadingEnvelope, payload).batches)
    except BadMessage as bad:
        return bad.reason, bad.detail


@given(st.lists(st.floats(-190, 180), min_size=1, max_size=60), st.integers(0, 1000))
def test_both_ways_read_the_same(levels_db: list[float], score: int) -> None:
    batch = labelled(3, levels_db, labels=[{"siren": score}] * len(levels_db))
    envelope = encode(ReadingEnvelope(batches=(batch,)))
    readings.read(envelope)  # names are known from now on
    assert isinstance(readings.read(envelope), readings.Record)
    assert outcome(envelope) == expected(envelope) == [batch]


@given(st.sampled_from(BATCH_FIELDS), json)
def test_any_value_in_any_field_is_judged_the_same(name: str, value: object) -> None:
    document = orjson.loads(encode(PLAIN))
    readings.read(encode(PLAIN))
    document["batches"][0][name] = value
    payload = orjson.dumps(document)
    if name == "digest":  # of which only the length counts
        return
    assert outcome(payload) == expected(payload)


@given(st.binary() | json.map(orjson.dumps))
def test_any_bytes_are_judged_the_same(payload: bytes) -> None:
    assert outcome(payload) == expected(payload)


@given(st.integers(0, 10**6))
def test_a_byte_that_is_no_text_is_refused_wherever_it_is(at: int) -> None:
    """msgspec tells of it in another way in a text than elsewhere."""
    payload = encode(PLAIN)
    at %= len(payload)
    payload = payload[:at] + b"\xff" + payload[at + 1 :]
    assert outcome(payload) == expected(payload)


@given(json)
def test_any_tick_is_judged_the_same(value: object) -> None:
    payload = orjson.dumps({"batches": [], "tick": value})
    assert outcome(payload) == expected(payload)


@given(st.integers(1, 9999))
def test_a_tick_of_any_year_is_judged_the_same(year: int) -> None:
    payload = orjson.dumps({"batches": [], "tick": f"{year:04}-05-04T10:00:00Z"})
    assert outcome(payload) == expected(payload)
