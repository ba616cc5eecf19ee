"""What becomes of a message from MQTT: a record, or a dead letter with its reason. Pure.

Checks, in this order: size, topic, schema, number of mel codes, registry, clock, privacy ceiling.
The number of codes comes early, and what cannot be read is looked through, so that no other reason
keeps frames that are too fine.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, Protocol

from pydantic import TypeAdapter

from processors import dead_letters, packing, privacy, too_fine
from processors.privacy import Guard
from processors.registry import Registry
from processors.verdicts import Answered, Arrived, Forward, Record, Refuse, Verdict, device_of
from schemas import topics
from schemas.base import SeqRange
from schemas.codec import decode, digest, encode
from schemas.envelopes import Dropped, ReceivedFeatures, ReceivedResults
from schemas.errors import BadMessage
from schemas.messages import (
    MAX_BATCH_BYTES,
    FeatureBatch,
    Indices,
    Levels,
    ResultBatch,
    Status,
)
from schemas.results import DeadLetter

AHEAD: Final = timedelta(seconds=60)
BEHIND: Final = timedelta(days=30)

_LEVELS: Final = TypeAdapter(tuple[Levels, ...])


def judge(guard: Guard, arrived: Arrived, registry: Registry) -> tuple[Guard, Verdict]:
    """Decide about one message; `guard` is that of the device which its topic names."""
    try:
        _check_size(arrived.payload)
        published = topics.parse(arrived.topic)
        return _JUDGES[published.stream](guard, arrived, published, registry)
    except BadMessage as bad:
        return guard, _refused(arrived, too_fine.judged(bad, arrived.payload))


def _check_size(payload: bytes) -> None:
    if len(payload) > MAX_BATCH_BYTES:
        raise BadMessage("oversized", f"{len(payload)} bytes, allowed are {MAX_BATCH_BYTES}")


def _features(
    guard: Guard, arrived: Arrived, published: topics.Published, registry: Registry
) -> tuple[Guard, Forward]:
    batch = decode(FeatureBatch, arrived.payload)
    privacy.check_size(batch)
    _check_device(batch, published, registry)
    _check_clock(batch.started_at, batch.count, arrived.received_at)
    guard = privacy.admit(guard, batch, arrived.received_at)
    content = digest(_LEVELS.dump_json(batch.levels), batch.mel.codes if batch.mel else b"")
    entry = ReceivedFeatures(received_at=arrived.received_at, digest=content, batch=batch)
    return guard, _entry(published, topics.FEATURES, encode(entry), batch.seqs)


def _results(
    guard: Guard, arrived: Arrived, published: topics.Published, registry: Registry
) -> tuple[Guard, Forward]:
    batch = decode(ResultBatch, arrived.payload)
    _check_device(batch, published, registry)
    _check_clock(batch.started_at, batch.count, arrived.received_at)
    guard = privacy.admit(guard, batch, arrived.received_at)
    content = digest(_LEVELS.dump_json(batch.levels))
    entry = ReceivedResults(received_at=arrived.received_at, digest=content, batch=batch)
    return guard, _entry(published, topics.RESULTS, encode(entry), batch.seqs)


def _indices(
    guard: Guard, arrived: Arrived, published: topics.Published, registry: Registry
) -> tuple[Guard, Forward]:
    indices = decode(Indices, arrived.payload)
    _check_device(indices, published, registry)
    _check_clock(indices.started_at, 1, arrived.received_at)
    minute = SeqRange(session=indices.session, first_seq=indices.first_seq, count=1)
    return guard, _single(published, topics.INDICES, encode(indices), minute)


def _status(
    guard: Guard, arrived: Arrived, published: topics.Published, registry: Registry
) -> tuple[Guard, Forward]:
    """Judge a status; its clock may be any, for retained ones of long ago come at each start."""
    status = decode(Status, arrived.payload)
    _check_device(status, published, registry)
    said = _single(published, topics.STATUS, encode(status), None)
    if not status.dropped:
        return guard, said
    lost = Dropped(device=status.device, ranges=status.dropped)
    marks = (packing.mark(arrived.received_at, lost),)
    return guard, replace(said, dropped=status.dropped, marks=marks)


_Judge = Callable[[Guard, Arrived, topics.Published, Registry], tuple[Guard, Forward]]
_JUDGES: Final[Mapping[topics.DeviceStream, _Judge]] = {
    "features": _features,
    "results": _results,
    "indices": _indices,
    "status": _status,
}


class _Signed(Protocol):
    @property
    def site(self) -> str: ...

    @property
    def device(self) -> str: ...


def _check_device(message: _Signed, published: topics.Published, registry: Registry) -> None:
    if (message.site, message.device) != (published.site, published.device):
        raise BadMessage("device", f"payload of {message.site}/{message.device}, not of its topic")
    if not registry.knows(published.site, published.device):
        raise BadMessage("device", f"{published.site}/{published.device} is not registered")


def _check_clock(started_at: datetime, seconds: int, received_at: datetime) -> None:
    if started_at + timedelta(seconds=seconds - 1) > received_at + AHEAD:
        raise BadMessage("clock", f"ahead by more than {AHEAD.seconds} s")
    if started_at < received_at - BEHIND:
        raise BadMessage("clock", f"older than {BEHIND.days} days")


def _entry(published: topics.Published, topic: str, entry: bytes, accepted: SeqRange) -> Forward:
    record = Record(topic, topics.partition(published.device), None, entry)
    to = Answered(published.site, published.device)
    return Forward(to, published.stream, record, enveloped=True, accepted=accepted)


def _single(
    published: topics.Published, topic: str, value: bytes, accepted: SeqRange | None
) -> Forward:
    device = published.device
    record = Record(topic, topics.partition(device), device.encode(), value)
    to = Answered(published.site, device)
    return Forward(to, published.stream, record, enveloped=False, accepted=accepted)


def _refused(arrived: Arrived, bad: BadMessage) -> Refuse:
    letter = DeadLetter(
        reason=bad.reason,
        detail=bad.detail[:256],
        source=arrived.topic[:512],
        digest=digest(arrived.payload),
        size_bytes=len(arrived.payload),
        received_at=arrived.received_at,
    )
    device = device_of(arrived.topic)
    record = Record(
        topics.DEAD_LETTERS,
        topics.partition(device.device) if device else 0,
        device.device.encode() if device else b"",
        None if bad.reason == "privacy" else arrived.payload,
        dead_letters.headers(letter),
    )
    return Refuse(device, letter, record)
