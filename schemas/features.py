"""`features.v1` as classify reads it: `FeatureEnvelope` and its kin, at a fraction of the cost."""

from binascii import a2b_base64, b2a_base64
from typing import Annotated, ClassVar, Final, Literal

from msgspec import Meta, Struct, json

from schemas import structs
from schemas.envelopes import FeatureEnvelope
from schemas.messages import MAX_READINGS, FeatureBatch
from schemas.structs import Digest, Head, Spectrum, Time, is_usual

_STANDARD: Final = bytes.maketrans(b"-_+/", b"+/**")
"""The standard alphabet for the other; what is in that already is left to the full check."""


class Codes(bytes):
    """Base64 in JSON, with the URL-safe alphabet."""

    __slots__ = ()


class Mel(Struct, frozen=True, gc=False, kw_only=True, forbid_unknown_fields=True):
    """As `messages.Mel`."""

    codes: Codes
    context_frames: Literal[24] = 24


class Batch(Head, frozen=True, gc=False, kw_only=True, forbid_unknown_fields=True):
    """As `messages.FeatureBatch`."""

    levels: Annotated[tuple[Spectrum, ...], Meta(min_length=1, max_length=MAX_READINGS)]
    profile: Literal["mel32x8", "levels"]
    mel: Mel | None

    @property
    def count(self) -> int:
        """Number of readings."""
        return len(self.levels)


class Received(Struct, frozen=True, gc=False, kw_only=True, forbid_unknown_fields=True):
    """As `envelopes.ReceivedFeatures`."""

    batch: Batch
    received_at: Time
    digest: Digest


class Record(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """As `envelopes.FeatureEnvelope`; one with marks of dropped readings is read as such."""

    batches: tuple[Received, ...] = ()
    tick: Time | None = None
    version: Literal[1] = 1
    dropped: ClassVar[tuple[()]] = ()


AnyFeatures = Batch | FeatureBatch


def read(payload: bytes) -> Record | FeatureEnvelope:
    """Check a record of `features.v1`.

    Raises
    ------
    BadMessage
        As `codec.decode` does.
    """
    return structs.read(payload, _record, _are_usual, FeatureEnvelope)


def _are_usual(record: Record) -> bool:
    return structs.is_nameable(record.tick) and all(map(_is_usual, record.batches))


def _is_usual(received: Received) -> bool:
    batch = received.batch
    has_frames = batch.mel is not None
    return (batch.profile == "mel32x8") == has_frames and is_usual(batch, received.received_at)


def _codes(_kind: type[Codes], text: object) -> Codes:
    if not isinstance(text, str):
        raise TypeError("codes are text")
    standard = text.encode().translate(_STANDARD)
    codes = Codes(a2b_base64(standard, strict_mode=True))
    if standard[-4:] != b2a_base64(codes[-(len(codes) % 3 or 3) :], newline=False):
        raise ValueError("bits behind the last byte")
    return codes


_record: Final = json.Decoder(Record, dec_hook=_codes)
