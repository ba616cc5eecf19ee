"""The words of the bridge: what arrived, what becomes of it, who is told."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from schemas import topics
from schemas.base import SeqRange
from schemas.errors import BadMessage
from schemas.results import DeadLetter


class Arrived(NamedTuple):
    """A message as MQTT delivered it."""

    topic: str
    payload: bytes
    received_at: datetime


class Answered(NamedTuple):
    """The device that is told."""

    site: str
    device: str


@dataclass(frozen=True, slots=True)
class Record:
    """One record of Kafka."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Forward:
    """A good message. If `enveloped`, the value joins the envelope of its partition."""

    answered: Answered
    stream: topics.DeviceStream
    record: Record
    enveloped: bool
    accepted: SeqRange | None = None
    dropped: tuple[SeqRange, ...] = ()
    """What a status says is lost for good; `marks` tell it to those who wait for it."""
    marks: tuple[Record, ...] = ()


@dataclass(frozen=True, slots=True)
class Refuse:
    """A bad message; `answered` is None if its topic names no device."""

    answered: Answered | None
    letter: DeadLetter
    record: Record


Verdict = Forward | Refuse


def device_of(topic: str) -> Answered | None:
    """Whose topic it is, if it is a device's.

    >>> device_of("cityhum/v1/harbour/pole-07/features").device
    'pole-07'
    """
    try:
        published = topics.parse(topic)
    except BadMessage:
        return None
    return Answered(published.site, published.device)
