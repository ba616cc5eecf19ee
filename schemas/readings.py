"""`readings.v1` as folds read it: `LabelledBatch` and its kin, at a quarter of the cost."""

from datetime import timedelta
from typing import Annotated, ClassVar, Final, Literal

from msgspec import Meta, Struct, json, to_builtins

from schemas import structs
from schemas.codec import encode
from schemas.envelopes import LabelledBatch, ReadingEnvelope
from schemas.messages import MAX_READINGS
from schemas.structs import Digest, Head, Levels, Spectrum, Time, is_usual

_Scores = dict[str, Annotated[int, Meta(ge=0, le=1000)]]


class LevelBatch(Head, frozen=True, gc=False, kw_only=True):
    """As `envelopes.LabelledBatch`, without what windows make nothing of."""

    levels: Annotated[tuple[Levels, ...], Meta(min_length=1, max_length=MAX_READINGS)]
    received_at: Time
    model: str | None
    labels: tuple[_Scores, ...] = ()

    @property
    def count(self) -> int:
        """Number of readings."""
        return len(self.levels)


class Batch(LevelBatch, frozen=True, gc=False, kw_only=True, forbid_unknown_fields=True):
    """As `envelopes.LabelledBatch`."""

    levels: Annotated[tuple[Spectrum, ...], Meta(min_length=1, max_length=MAX_READINGS)]
    digest: Digest


class LevelRecord(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """As `envelopes.ReadingEnvelope`, without what windows make nothing of."""

    batches: tuple[LevelBatch, ...] = ()
    tick: Time | None = None
    version: Literal[1] = 1
    dropped: ClassVar[tuple[()]] = ()


class Record(LevelRecord, frozen=True, gc=False, forbid_unknown_fields=True):
    """As `envelopes.ReadingEnvelope`; one with marks of dropped readings is read as such."""

    batches: tuple[Batch, ...] = ()


AnyBatch = Batch | LabelledBatch
AnyRecord = Record | ReadingEnvelope
AnyLevels = LevelBatch | LabelledBatch

_record: Final = json.Decoder(Record)
_levels: Final = json.Decoder(LevelRecord)
_written: Final = json.Encoder()


def read(payload: bytes) -> AnyRecord:
    """Check a record of `readings.v1`.

    Raises
    ------
    BadMessage
        As `codec.decode` does.
    """
    return structs.read(payload, _record, _are_usual, ReadingEnvelope)


def read_levels(payload: bytes) -> LevelRecord | ReadingEnvelope:
    """Check a record of `readings.v1`, but for third octaves and digests, which are left out.

    Nor is a field refused that no version has: only classify writes this topic, and `read` tells.

    Raises
    ------
    BadMessage
        As `codec.decode` does.
    """
    return structs.read(payload, _levels, _are_usual, ReadingEnvelope)


def write(record: AnyRecord) -> bytes:
    """JSON of a record, as `codec.encode` gives it."""
    return _written.encode(record) if isinstance(record, Record) else encode(record)


def whole(batch: AnyBatch) -> LabelledBatch:
    """The message that a batch was."""
    if isinstance(batch, LabelledBatch):
        return batch
    return LabelledBatch.model_validate(to_builtins(batch))


def cut(batch: AnyLevels, first_seq: int, count: int) -> LevelBatch:
    """Some readings of a batch, as a batch."""
    begin = first_seq - batch.first_seq
    some = slice(begin, begin + count)
    return LevelBatch(
        site=batch.site,
        device=batch.device,
        session=batch.session,
        first_seq=first_seq,
        started_at=batch.started_at + timedelta(seconds=begin),
        clock=batch.clock,
        calibration=batch.calibration,
        levels=batch.levels[some],  # type: ignore[arg-type]  # of either kind
        received_at=batch.received_at,
        model=batch.model,
        labels=tuple(map(dict, batch.labels[some])),
    )


def _are_usual(record: LevelRecord) -> bool:
    return structs.is_nameable(record.tick) and all(map(_is_usual, record.batches))


def _is_usual(batch: LevelBatch) -> bool:
    """Whether it is what it says, as far as reading the JSON has not shown that."""
    expected = len(batch.levels) if batch.model is not None else 0
    return len(batch.labels) == expected and is_usual(
        batch, batch.received_at, batch.model, batch.labels
    )
