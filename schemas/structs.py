"""What the records of `features.v1` and `readings.v1` are made of, read at a quarter of the cost.

Whatever is in those topics the bridge has checked value by value. Here types, ranges and numbers of
values are checked again while the JSON is read; names that were not heard of before, and whatever
is wrong, are left to the full check, so that a record is refused here if it is refused there.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Annotated, Final, Literal, TypeVar

from msgspec import Meta, MsgspecError, Struct, json
from pydantic import Field, ValidationError

from schemas.base import DeviceId, Frozen, Label, Name, SessionId, SiteId
from schemas.codec import decode
from schemas.messages import Clock

Record = TypeVar("Record")
Message = TypeVar("Message", bound=Frozen)

Level = Annotated[float, Meta(ge=-200, le=200)]
Count = Annotated[int, Meta(ge=0, le=2**53)]
Time = Annotated[datetime, Meta(tz=True)]
Digest = Annotated[str, Meta(min_length=32, max_length=32)]
_EARLY, _LATE = 1970, 9998
"""Years at the ends of what a message may name."""

_MANY: Final = 1 << 16
"""Names that are remembered at most."""


class Levels(Struct, frozen=True, gc=False, kw_only=True):
    """As `messages.Levels`, without what windows make nothing of."""

    laeq_1s_db: Level
    lceq_1s_db: Level
    lzeq_1s_db: Level
    lafmax_db: Level
    lasmax_db: Level
    lcpeak_db: Level
    overload: bool
    floor: bool


class Spectrum(Levels, frozen=True, gc=False, kw_only=True, forbid_unknown_fields=True):
    """As `messages.Levels`."""

    third_octaves_db: Annotated[tuple[Level, ...], Meta(min_length=1, max_length=31)]


class Head(Struct, frozen=True, gc=False, kw_only=True):
    """As `messages.Batch`, without its levels."""

    site: str
    device: str
    session: str
    first_seq: Count
    started_at: Time
    clock: Clock
    calibration: str | None
    version: Literal[1] = 1


def read(
    payload: bytes,
    decoder: json.Decoder[Record],
    is_usual: Callable[[Record], bool],
    full: type[Message],
) -> Record | Message:
    """Read a record at little cost if it is as usual, else by the full check.

    Raises
    ------
    BadMessage
        As `codec.decode` does.
    """
    try:
        record = decoder.decode(payload)
    except (MsgspecError, UnicodeDecodeError, RecursionError):
        return decode(full, payload)
    return record if is_usual(record) else decode(full, payload)


def is_usual(
    batch: Head,
    received_at: datetime,
    model: str | None = None,
    labels: Iterable[Iterable[str]] = (),
) -> bool:
    """Whether names and times are what they have to be, which reading the JSON has not shown."""
    names = (batch.site, batch.device, batch.session, batch.calibration, model)
    return (
        ((names in _names and all(map(_labels.issuperset, labels))) or _are_names(names, labels))
        and is_nameable(batch.started_at)
        and is_nameable(received_at)
    )


def is_nameable(at: datetime | None) -> bool:
    """Whether a time, if there is one, lies well within the years that a message may name."""
    return at is None or _EARLY < at.year < _LATE


class _Names(Frozen):
    site: SiteId
    device: DeviceId
    session: SessionId
    calibration: Annotated[Name | None, Field(max_length=64)]
    model: Annotated[Name | None, Field(max_length=128)]
    labels: tuple[Label, ...]


_names: Final[set[tuple[str | None, ...]]] = set()
_labels: Final[set[str]] = set()


def _are_names(names: tuple[str | None, ...], labels: Iterable[Iterable[str]]) -> bool:
    """Whether names that were not heard of before are names; those are remembered."""
    told = set[str]().union(*labels)
    try:
        _Names.model_validate(dict(zip(_Names.model_fields, (*names, tuple(told)), strict=True)))
    except ValidationError:
        return False
    if len(_names) + len(_labels) > _MANY:
        _names.clear()
        _labels.clear()
    _names.add(names)
    _labels.update(told)
    return True
