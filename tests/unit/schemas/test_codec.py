"""Bytes -> message, and what is said about bytes that are none."""

import base64

import pytest

from schemas.codec import decode, digest, encode
from schemas.errors import BadMessage, Reason
from schemas.messages import FeatureBatch, Status
from tests.batches import changed, feature_batch, status


def test_codes_travel_as_base64_of_either_alphabet() -> None:
    batch = feature_batch(3, mel=bytes([251, 255]) * 512)
    assert decode(FeatureBatch, encode(batch)) == batch
    standard = base64.b64encode(bytes([251, 255]) * 512).decode()
    mel = {"context_frames": 24, "codes": standard}
    assert decode(FeatureBatch, changed(batch, mel=mel)) == batch


@pytest.mark.parametrize(
    ("payload", "reason", "where"),
    [
        (b"", "malformed", "payload"),
        (b"\xff\xfe", "malformed", "payload"),
        (b"[" * 200_000, "malformed", ""),
        (b"null", "malformed", "payload"),
        (changed(status(), online="perhaps"), "malformed", "online"),
        (changed(status(), colour="red"), "malformed", "colour"),
        (changed(status(), version=2), "version", "2"),
        (changed(status(), version=None), "malformed", "version"),
        (changed(status(), version="x" * 999), "version", "xxx"),
        (changed(status(), device="pole 7"), "malformed", "device"),
        (changed(status(), session="short"), "malformed", "session"),
        (changed(status(), at="2026-05-04T10:00:00"), "malformed", "at"),
    ],
)
def test_bad_bytes_have_a_reason_and_a_place(payload: bytes, reason: Reason, where: str) -> None:
    with pytest.raises(BadMessage) as caught:
        decode(Status, payload)
    assert caught.value.reason == reason
    assert where in caught.value.detail
    assert len(caught.value.detail) <= 256


def test_a_detail_never_shows_a_value() -> None:
    with pytest.raises(BadMessage) as caught:
        decode(Status, changed(status(), session="what somebody said"))
    assert "somebody" not in str(caught.value)


def test_infinities_are_no_numbers() -> None:
    with pytest.raises(BadMessage):
        decode(Status, encode(status(temperature_c=1.5)).replace(b"1.5", b"1e999"))


def test_the_digest_is_half_a_sha256() -> None:
    assert digest(b"abc") == "ba7816bf8f01cfea414140de5dae2223"
