"""Laws of the codec: what is written is read, and nothing else gets in or breaks it."""

from datetime import UTC, datetime

import orjson
from hypothesis import given
from hypothesis import strategies as st

from schemas.base import SeqRange
from schemas.codec import decode, encode
from schemas.errors import BadMessage
from schemas.messages import Ack, FeatureBatch, Levels, Mel, Rejected, Status
from tests.batches import feature_batch

ids = st.from_regex(r"[a-z0-9][a-z0-9-]{0,62}", fullmatch=True)
sessions = st.from_regex(r"[0-9A-HJKMNP-TV-Z]{26}", fullmatch=True)
times = st.datetimes(datetime(1970, 1, 1), datetime(2999, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
names = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=64)
decibels = st.floats(-200, 200)
levels = st.builds(
    Levels,
    laeq_1s_db=decibels,
    lceq_1s_db=decibels,
    lzeq_1s_db=decibels,
    lafmax_db=decibels,
    lasmax_db=decibels,
    lcpeak_db=decibels,
    third_octaves_db=st.lists(decibels, min_size=1, max_size=31).map(tuple),
)
batches = st.builds(
    FeatureBatch,
    site=ids,
    device=ids,
    session=sessions,
    first_seq=st.integers(0, 2**53),
    started_at=times,
    calibration=st.none() | names,
    levels=st.lists(levels, min_size=1, max_size=3).map(tuple),
    profile=st.just("mel32x8"),
    mel=st.builds(Mel, codes=st.binary(max_size=2000)),
)
ranges = st.builds(SeqRange, session=sessions, first_seq=st.integers(0, 99), count=st.just(1))
digests = st.from_regex(r"[0-9a-f]{32}", fullmatch=True)
acks = st.builds(
    Ack,
    device=ids,
    accepted=st.lists(ranges, max_size=3).map(tuple),
    accepted_indices=st.lists(ranges, max_size=3).map(tuple),
    rejected=st.lists(
        st.builds(Rejected, digest=digests, detail=st.text(max_size=256)), max_size=3
    ).map(tuple),
)
statuses = st.builds(Status, site=ids, device=ids, session=sessions, at=st.none() | times)


@given(st.one_of(batches, acks, statuses))
def test_what_is_written_is_read(message: FeatureBatch | Ack | Status) -> None:
    assert decode(type(message), encode(message)) == message


@given(st.one_of(batches, acks, statuses))
def test_what_is_read_is_written_the_same(message: FeatureBatch | Ack | Status) -> None:
    written = encode(message)
    assert encode(decode(type(message), written)) == written


json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.binary() | json.map(orjson.dumps))
def test_any_bytes_are_a_message_or_a_bad_message(payload: bytes) -> None:
    try:
        decode(FeatureBatch, payload)
    except BadMessage as bad:
        assert bad.reason in ("malformed", "version")  # noqa: PT017


FIELDS = sorted(FeatureBatch.model_fields)


@given(st.sampled_from(FIELDS), json)
def test_any_value_in_any_field_is_a_message_or_a_bad_message(name: str, value: object) -> None:
    document = orjson.loads(encode(feature_batch())) | {name: value}
    try:
        decode(FeatureBatch, orjson.dumps(document))
    except BadMessage as bad:
        assert len(bad.detail) <= 256  # noqa: PT017
