"""What the bridge does with every kind of message, good and bad."""

from datetime import timedelta

import orjson
import pytest

from processors import dead_letters, packing
from processors.bridge import judge
from processors.privacy import Guard
from processors.verdicts import Answered, Arrived, Forward, Refuse, Verdict
from schemas import topics
from schemas.base import Frozen, SeqRange
from schemas.codec import decode, digest, encode
from schemas.envelopes import Dropped, FeatureEnvelope, ResultEnvelope
from schemas.errors import Reason
from schemas.messages import MAX_BATCH_BYTES, Ack, Indices, Status
from tests.batches import (
    RECEIVED_AT,
    REGISTRY,
    arrived,
    changed,
    codes,
    feature_batch,
    indices,
    levels_batch,
    result_batch,
    status,
)
from tests.builders import SESSION, seqs

POLE = Answered("harbour", "pole-07")


def verdict_of(message: Arrived) -> Verdict:
    return judge(Guard(), message, REGISTRY)[1]


def forwarded(message: Arrived) -> Forward:
    verdict = verdict_of(message)
    assert isinstance(verdict, Forward), verdict
    return verdict


def refused(message: Arrived) -> Refuse:
    verdict = verdict_of(message)
    assert isinstance(verdict, Refuse), verdict
    return verdict


def test_a_feature_batch_reaches_its_partition_as_it_was_sent() -> None:
    batch = feature_batch(4, count=3)
    (record,) = packing.records([forwarded(arrived(batch))])
    assert (record.topic, record.partition) == (topics.FEATURES, topics.partition("pole-07"))
    assert record.value is not None
    (received,) = decode(FeatureEnvelope, record.value).batches
    assert received.batch == batch
    assert received.received_at == RECEIVED_AT


def test_a_result_batch_reaches_its_topic_as_it_was_sent() -> None:
    (record,) = packing.records([forwarded(arrived(result_batch(), "results"))])
    assert record.topic == topics.RESULTS
    assert record.value is not None
    assert decode(ResultEnvelope, record.value).batches[0].batch == result_batch()


@pytest.mark.parametrize(
    ("message", "stream", "topic", "kind"),
    [
        (indices(), "indices", topics.INDICES, Indices),
        (status(), "status", topics.STATUS, Status),
        (status(online=False, at=None), "status", topics.STATUS, Status),
    ],
)
def test_single_messages_are_keyed_by_their_device(
    message: Frozen, stream: topics.DeviceStream, topic: str, kind: type[Frozen]
) -> None:
    (record,) = packing.records([forwarded(arrived(message, stream))])
    assert (record.topic, record.key) == (topic, b"pole-07")
    assert record.value is not None
    assert decode(kind, record.value) == message


def test_the_digest_is_that_of_the_content_alone() -> None:
    def content(message: Arrived) -> str:
        (record,) = packing.records([forwarded(message)])
        assert record.value is not None
        return decode(FeatureEnvelope, record.value).batches[0].digest

    later = arrived(feature_batch(), received_at=RECEIVED_AT + timedelta(seconds=9))
    spaced = arrived(
        orjson.dumps(orjson.loads(encode(feature_batch())), option=orjson.OPT_INDENT_2)
    )
    assert content(arrived(feature_batch())) == content(later) == content(spaced)
    assert content(arrived(feature_batch())) != content(arrived(feature_batch(1)))
    assert content(arrived(feature_batch())) != content(arrived(levels_batch()))


BAD: dict[str, tuple[Reason, Arrived]] = {
    "not JSON": ("malformed", arrived(b"{")),
    "empty": ("malformed", arrived(b"")),
    "nested without end": ("malformed", arrived(b"[" * 100_000)),
    "not UTF-8": ("malformed", arrived(b'{"version":1,"site":"\xff"}')),
    "a list": ("malformed", arrived(b"[1]")),
    "unknown field": ("malformed", arrived(changed(feature_batch(), humidity=3))),
    "not a number": ("malformed", arrived(b'{"version":1,"levels":[{"laeq_1s_db":NaN}]}')),
    "no reading": ("malformed", arrived(changed(feature_batch(), levels=[]))),
    "no time zone": ("malformed", arrived(changed(feature_batch(), started_at="2026-05-04T10:00"))),
    "61 readings": ("malformed", arrived(changed(levels_batch(), levels=[{}] * 61))),
    "another kind of message": ("malformed", arrived(status())),
    "results on the features topic": ("malformed", arrived(result_batch())),
    "version 2": ("version", arrived(changed(feature_batch(), version=2))),
    "version of text": ("version", arrived(changed(status(), version="two"), "status")),
    "oversized": ("oversized", arrived(b" " * (MAX_BATCH_BYTES + 1))),
    "another device": ("device", arrived(feature_batch(device="pole-08"))),
    "another site": ("device", arrived(feature_batch(site="park"))),
    "unregistered": ("device", arrived(feature_batch(device="x"), device="x")),
    "known elsewhere": ("device", arrived(feature_batch(site="park"), site="park")),
    "no device topic": ("device", Arrived("cityhum/v1/Harbour/pole-07/status", b"", RECEIVED_AT)),
    "foreign status": ("device", arrived(status(device="pole-08"), "status")),
    "foreign indices": ("device", arrived(indices(), "indices", device="pole-08")),
    "twice the frames": ("privacy", arrived(feature_batch(3, mel=codes(3) + codes(4)[-256:]))),
    "a frame short": ("privacy", arrived(feature_batch(3, mel=codes(3)[:-32]))),
    "half a frame": ("privacy", arrived(feature_batch(3, mel=codes(3) + b"x" * 16))),
    "frames before the start": ("privacy", arrived(feature_batch(0, mel=b"x" * 1024))),
    "too fine, of an unknown device": (
        "privacy",
        arrived(feature_batch(device="x", mel=b"x" * 4096), device="x"),
    ),
    "a minute and more ahead": (
        "clock",
        arrived(feature_batch(started_at=RECEIVED_AT + timedelta(seconds=60.001))),
    ),
    "its last reading ahead": (
        "clock",
        arrived(feature_batch(0, 60, started_at=RECEIVED_AT + timedelta(seconds=2))),
    ),
    "a month old": (
        "clock",
        arrived(result_batch(), "results", received_at=RECEIVED_AT + timedelta(days=30)),
    ),
    "indices of last year": (
        "clock",
        arrived(indices(), "indices", received_at=RECEIVED_AT + timedelta(days=365)),
    ),
}


@pytest.mark.parametrize(("reason", "message"), BAD.values(), ids=BAD)
def test_a_bad_message_becomes_a_dead_letter_with_its_reason(
    reason: Reason, message: Arrived
) -> None:
    verdict = refused(message)
    letter = dead_letters.letter(verdict.record.headers)
    assert letter == verdict.letter
    assert letter.reason == reason
    assert letter.source == message.topic
    assert letter.digest == digest(message.payload)
    assert letter.size_bytes == len(message.payload)
    assert verdict.record.topic == topics.DEAD_LETTERS


@pytest.mark.parametrize(("reason", "message"), BAD.values(), ids=BAD)
def test_a_dead_letter_keeps_the_original_unless_it_was_too_fine(
    reason: Reason, message: Arrived
) -> None:
    expected = None if reason == "privacy" else message.payload
    assert refused(message).record.value == expected


@pytest.mark.parametrize(("reason", "message"), BAD.values(), ids=BAD)
def test_no_detail_repeats_a_payload(reason: Reason, message: Arrived) -> None:
    assert reason
    assert "xxxx" not in refused(message).letter.detail


@pytest.mark.parametrize(
    "message",
    [
        arrived(feature_batch(started_at=RECEIVED_AT + timedelta(seconds=60))),
        arrived(feature_batch(started_at=RECEIVED_AT - timedelta(days=30))),
        arrived(status(at=RECEIVED_AT - timedelta(days=400)), "status"),
        arrived(levels_batch()),
        arrived(feature_batch(5, count=60)),
    ],
    ids=["a minute ahead", "30 days old", "an old status", "levels only", "60 readings"],
)
def test_what_is_just_within_the_rules_is_forwarded(message: Arrived) -> None:
    forwarded(message)


def test_the_device_hears_what_was_accepted_and_what_was_not() -> None:
    bad = arrived(b"{")
    verdicts: list[Verdict] = [
        forwarded(arrived(feature_batch(0))),
        forwarded(arrived(feature_batch(1, count=2))),
        refused(bad),
        forwarded(arrived(feature_batch(9))),
        forwarded(arrived(indices(60), "indices")),
        forwarded(arrived(status(), "status")),
    ]
    ack = packing.answers(verdicts)[POLE]
    assert ack.accepted == (seqs(0, 3), seqs(9, 1))
    assert ack.accepted_indices == (SeqRange(session=SESSION, first_seq=60, count=1),)
    (rejected,) = ack.rejected
    assert (rejected.digest, rejected.reason) == (digest(bad.payload), "malformed")


def test_drops_that_a_status_tells_are_acknowledged() -> None:
    lost = (seqs(3, 60), seqs(100, 5))
    told = arrived(status(dropped=lost), "status")
    ack = packing.answers([forwarded(told), forwarded(told)])[POLE]
    assert ack == Ack(device="pole-07", accepted_dropped=lost)
    assert decode(Ack, encode(ack)) == ack


def test_drops_are_marked_behind_the_readings_that_came_with_them() -> None:
    lost = (seqs(3, 60), seqs(100, 5))
    told = forwarded(arrived(status(dropped=lost), "status"))
    *_, batch, mark = packing.records([told, forwarded(arrived(feature_batch(0)))])
    assert (mark.topic, mark.partition) == (batch.topic, batch.partition)
    assert mark.value is not None
    marked = decode(FeatureEnvelope, mark.value)
    assert (marked.tick, marked.batches) == (RECEIVED_AT, ())
    assert marked.dropped == (Dropped(device="pole-07", ranges=lost),)


def test_an_acknowledgement_without_drops_is_understood_by_older_agents() -> None:
    assert b"accepted_dropped" not in encode(Ack(device="pole-07", accepted=(seqs(0),)))


def test_nobody_is_answered_for_a_status_or_a_topic_of_no_device() -> None:
    stray = Arrived("cityhum/v1/Harbour/pole-07/status", b"", RECEIVED_AT)
    verdicts: list[Verdict] = [forwarded(arrived(status(), "status")), refused(stray)]
    assert packing.answers(verdicts) == {}


def test_an_envelope_holds_at_most_64_batches_in_their_order() -> None:
    verdicts = [forwarded(arrived(feature_batch(seq))) for seq in range(150)]
    values = [record.value for record in packing.records(verdicts)]
    envelopes = [decode(FeatureEnvelope, value) for value in values if value]
    assert [len(envelope.batches) for envelope in envelopes] == [64, 64, 22]
    sent = [received.batch.first_seq for each in envelopes for received in each.batches]
    assert sent == list(range(150))


def test_an_envelope_stays_below_256_kib() -> None:
    verdicts = [forwarded(arrived(feature_batch(60 * n, count=60))) for n in range(20)]
    sizes = [len(record.value or b"") for record in packing.records(verdicts)]
    assert max(sizes) <= packing.MAX_ENVELOPE_BYTES + 100
    assert len(sizes) > 1


def test_a_tick_goes_to_every_partition_of_features() -> None:
    ticks = list(packing.tick(RECEIVED_AT))
    assert [tick.partition for tick in ticks] == list(range(topics.PARTITIONS))
    for tick in ticks:
        assert tick.value is not None
        envelope = decode(FeatureEnvelope, tick.value)
        assert (envelope.tick, envelope.batches) == (RECEIVED_AT, ())


POISON = {"nul": "a\0b", "newline": "a\nb", "escape": "\x1b[31m"}
"""Text that PostgreSQL or a terminal would stumble over."""


@pytest.mark.parametrize("text", POISON.values(), ids=POISON)
def test_text_that_no_table_can_hold_is_malformed(text: str) -> None:
    for bad in (
        arrived(changed(feature_batch(), calibration=text)),
        arrived(changed(result_batch(), model=text), "results"),
        arrived(changed(status(), agent_version=text), "status"),
    ):
        assert refused(bad).letter.reason == "malformed"


@pytest.mark.parametrize(
    "time",
    [
        "9999-12-31T23:59:59Z",
        "9999-12-31T23:59:59-14:00",
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
    ],
)
def test_a_time_that_no_calendar_can_hold_is_malformed(time: str) -> None:
    for bad in (
        arrived(changed(feature_batch(1, count=60), started_at=time)),
        arrived(changed(status(), at=time), "status"),
    ):
        assert refused(bad).letter.reason == "malformed"


@pytest.mark.parametrize("time", ["1970-01-01T00:00:00Z", "2099-12-31T23:59:59Z"])
def test_a_clock_that_was_never_set_is_told_as_such(time: str) -> None:
    bad = arrived(changed(feature_batch(1, count=60), started_at=time))
    assert refused(bad).letter.reason == "clock"
