"""Batches as a device sends them, valid unless overridden."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import orjson

from processors.privacy import Guard, admit
from processors.registry import Registry, parse
from processors.verdicts import Arrived
from schemas import topics
from schemas.base import Frozen
from schemas.codec import encode
from schemas.messages import (
    CONTEXT_FRAMES,
    FRAMES_PER_READING,
    MEL_BANDS,
    NO_FRAME,
    Clock,
    FeatureBatch,
    Indices,
    Mel,
    ResultBatch,
    Status,
)
from tests.builders import SESSION, STARTED_AT, levels

REGISTRY: Registry = parse("sites: [{site: harbour, devices: [{device: pole-07}]}, {site: park}]")
RECEIVED_AT = STARTED_AT + timedelta(hours=1)


def frame(index: int, *, session: str = SESSION) -> bytes:
    """The mel codes of one frame of a session, another for every index; none before its second."""
    if index <= 0:  # the first of a session lacks its history
        return bytes([NO_FRAME]) * MEL_BANDS
    return f"{session[-8:]}{index:024d}".encode()


def codes(first_seq: int, count: int = 1, *, session: str = SESSION) -> bytes:
    """Context and frames of consecutive readings, uint8 [24 + 8 count, 32]."""
    first = FRAMES_PER_READING * first_seq - CONTEXT_FRAMES
    end = FRAMES_PER_READING * (first_seq + count)
    return b"".join(frame(index, session=session) for index in range(first, end))


def feature_batch(
    first_seq: int = 0,
    count: int = 1,
    *,
    session: str = SESSION,
    started_at: datetime | None = None,
    clock: Clock = "synced",
    mel: bytes | None = None,
    site: str = "harbour",
    device: str = "pole-07",
) -> FeatureBatch:
    """Readings `first_seq` and on of an unbroken session."""
    return FeatureBatch(
        site=site,
        device=device,
        session=session,
        first_seq=first_seq,
        started_at=started_at or STARTED_AT + timedelta(seconds=first_seq),
        clock=clock,
        calibration="simulated",
        profile="mel32x8",
        levels=(levels(),) * count,
        mel=Mel(codes=mel or codes(first_seq, count, session=session)),
    )


def levels_batch(first_seq: int = 0) -> FeatureBatch:
    """A batch of profile `levels`."""
    content = feature_batch(first_seq).model_dump() | {"profile": "levels", "mel": None}
    return FeatureBatch.model_validate(content)


def result_batch(first_seq: int = 0) -> ResultBatch:
    """One reading labelled on the device."""
    content = feature_batch(first_seq).model_dump(exclude={"mel", "profile"})
    return ResultBatch.model_validate(
        content | {"model": "street-0.1.0@0123456789ab", "labels": ({"siren": 930},)}
    )


def indices(first_seq: int = 0) -> Indices:
    """Indices of a minute with a silent part."""
    return Indices(
        site="harbour",
        device="pole-07",
        session=SESSION,
        first_seq=first_seq,
        started_at=STARTED_AT + timedelta(seconds=first_seq),
        aci=151.2,
        adi=2.1,
        aei=0.4,
        bi=3.3,
        h=0.8,
        ndsi=None,
    )


def status(**overrides: object) -> Status:
    """A birth."""
    fields: dict[str, object] = {
        "site": "harbour",
        "device": "pole-07",
        "session": SESSION,
        "online": True,
        "at": STARTED_AT,
        "agent_version": "0.1.0",
        "profile": "mel32x8",
        "clock": "synced",
    }
    return Status.model_validate(fields | overrides)


def arrived(
    message: Frozen | bytes,
    stream: topics.DeviceStream = "features",
    *,
    site: str = "harbour",
    device: str = "pole-07",
    received_at: datetime = RECEIVED_AT,
) -> Arrived:
    """A message, or any bytes, on a topic of the device."""
    payload = message if isinstance(message, bytes) else encode(message)
    return Arrived(topics.device_topic(site, device, stream), payload, received_at)


def changed(message: Frozen, **fields: object) -> bytes:
    """A message's JSON with fields that its class would refuse."""
    return orjson.dumps(orjson.loads(encode(message)) | fields)


@dataclass
class Bouncer:
    """A guard that remembers, for tests that send one batch after the other."""

    guard: Guard = field(default_factory=Guard)

    def admit(self, *batches: FeatureBatch, received_at: datetime = RECEIVED_AT) -> None:
        """Let batches in; the first that is refused raises."""
        for batch in batches:
            self.guard = admit(self.guard, batch, received_at)

    def admit_all(self, batches: Sequence[FeatureBatch]) -> None:
        """Let batches in, in their order."""
        self.admit(*batches)
