"""`readings.v1` as folds read it: `LabelledBatch` and its kin, at a quarter of the cost.

Whatever is in that topic the bridge has checked value by value. Here types, ranges and numbers of
values are checked again while the JSON is read; names that were not heard of before, and whatever
is wrong, are left to the full check, so that a record is refused here if it is refused there.
"""

from datetime import datetime, timedelta
from typing import Annotated, Final, Literal, TypeVar

from msgspec import Meta, MsgspecError, Struct, json, to_builtins
from pydantic import Field, ValidationError

from schemas.base import DeviceId, Frozen, Label, Name, SessionId, SiteId
from schemas.codec import decode
from schemas.envelopes import LabelledBatch, ReadingEnvelope
from schemas.messages import MAX_READINGS, Clock

_Level = Annotated[float, Meta(ge=-200, le=200)]
_Count = Annotated[int, Meta(ge=0, le=2**53)]
_Time = Annotated[datetime, Meta(tz=True)]
_Scores = dict[str, Annotated[int, Meta(ge=0, le=1000)]]
_Digest = Annotated[str, Meta(min_length=32, max_length=32)]
_EARLY, _LATE = 1970, 9998
"""Years at the ends of what a message may name."""

_MANY: Final = 1 << 16
"""Names that are remembered at most."""


class Levels(Struct, frozen=True, gc=False, kw_only=True):
    """As `messages.Levels`, without what windows make nothing of."""

    laeq_1s_db: _Level
    lceq_1s_db: _Level
    lzeq_1s_db: _Level
    lafmax_db: _Level
    lasmax_db: _Level
    lcpeak_db: _Level
    overload: bool
    floor: bool


class Spectrum(Levels, frozen=True, gc=False, kw_only=True, forbid_unknown_fields=True):
    """As `messages.Levels`."""

    third_octaves_db: Annotated[tuple[_Level, ...], Meta(min_length=1, max_length=31)]


class LevelBatch(Struct, frozen=True, gc=False, kw_only=True):
    """As `envelopes.LabelledBatch`, without what windows make nothing of."""

    site: str
    device: str
    session: str
    first_seq: _Count
    started_at: _Time
    clock: Clock
    calibration: str | None
    levels: Annotated[tuple[Levels, ...], Meta(min_length=1, max_length=MAX_READINGS)]
    received_at: _Time
    model: str | None
    labels: tuple[_Scores, ...] = ()
    version: Literal[1] = 1

    @property
    def count(self) -> int:
        """Number of readings."""
        return len(self.levels)


class Batch(LevelBatch, frozen=True, gc=False, kw_only=True, forbid_unknown_fields=True):
    """As `envelopes.LabelledBatch`."""

    levels: Annotated[tuple[Spectrum, ...], Meta(min_length=1, max_length=MAX_READINGS)]
    digest: _Digest


class LevelRecord(Struct, frozen=True, gc=False):
    """As `envelopes.ReadingEnvelope`, without what windows make nothing of."""

    batches: tuple[LevelBatch, ...] = ()
    tick: _Time | None = None
    dropped: tuple[()] = ()
    version: Literal[1] = 1


class Record(LevelRecord, frozen=True, gc=False, forbid_unknown_fields=True):
    """As `envelopes.ReadingEnvelope`; one with marks of dropped readings is read as such."""

    batches: tuple[Batch, ...] = ()


AnyBatch = Batch | LabelledBatch
AnyRecord = Record | ReadingEnvelope
AnyLevels = LevelBatch | LabelledBatch

_record: Final = json.Decoder(Record)
_levels: Final = json.Decoder(LevelRecord)
_names: Final[set[tuple[str | None, ...]]] = set()
_labels: Final[set[str]] = set()


Some = TypeVar("Some", bound=LevelRecord)


def read(payload: bytes) -> AnyRecord:
    """Check a record of `readings.v1`.

    Raises
    ------
    BadMessage
        As `codec.decode` does.
    """
    return _read(payload, _record)


def read_levels(payload: bytes) -> LevelRecord | ReadingEnvelope:
    """Check a record of `readings.v1`, but for third octaves and digests, which are left out.

    Raises
    ------
    BadMessage
        As `codec.decode` does.
    """
    return _read(payload, _levels)


def _read(payload: bytes, decoder: json.Decoder[Some]) -> Some | ReadingEnvelope:
    try:
        record = decoder.decode(payload)
    except (MsgspecError, UnicodeDecodeError, RecursionError):
        return decode(ReadingEnvelope, payload)
    return record if all(map(_is_usual, record.batches)) else decode(ReadingEnvelope, payload)


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


class _Names(Frozen):
    site: SiteId
    device: DeviceId
    session: SessionId
    calibration: Annotated[Name | None, Field(max_length=64)]
    model: Annotated[Name | None, Field(max_length=128)]
    labels: tuple[Label, ...]


def _is_usual(batch: LevelBatch) -> bool:
    """Whether it is what it says, as far as reading the JSON has not shown that."""
    return (
        (
            (
                (batch.site, batch.device, batch.session, batch.calibration, batch.model) in _names
                and all(map(_labels.issuperset, batch.labels))
            )
            or _is_named(batch)
        )
        and len(batch.labels) == (len(batch.levels) if batch.model is not None else 0)
        and _EARLY < batch.started_at.year < _LATE
        and _EARLY < batch.received_at.year < _LATE
    )


def _is_named(batch: LevelBatch) -> bool:
    """Whether names that were not heard of before are names; those are remembered."""
    names = (batch.site, batch.device, batch.session, batch.calibration, batch.model)
    labels = set[str]().union(*batch.labels)
    try:
        _Names.model_validate(dict(zip(_Names.model_fields, (*names, tuple(labels)), strict=True)))
    except ValidationError:
        return False
    if len(_names) + len(_labels) > _MANY:
        _names.clear()
        _labels.clear()
    _names.add(names)
    _labels.update(labels)
    return True
