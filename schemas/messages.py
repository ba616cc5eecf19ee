"""What a device sends and what it is answered. One class per MQTT message, version 1."""

from typing import Literal

from pydantic import Field, model_validator

from schemas.base import (
    Count,
    Decibels,
    DeviceId,
    Digest,
    Frozen,
    LabelScores,
    Name,
    Seq,
    SeqRange,
    SessionId,
    SiteId,
    UtcTime,
)
from schemas.errors import Reason

VERSION = 1
MAX_READINGS = 60
MAX_BATCH_BYTES = 128 * 1024
CONTEXT_FRAMES = 24
FRAMES_PER_READING = 8
MEL_BANDS = 32
NO_FRAME = 255
"""The mel code of a frame that was never heard: before a session's start, or in a gap."""

Profile = Literal["mel32x8", "levels", "labels"]
Clock = Literal["synced", "unsynced"]


class Levels(Frozen):
    """One second of sound. dB re 20 µPa, or dB re full scale if the batch has no calibration."""

    laeq_1s_db: Decibels
    lceq_1s_db: Decibels
    lzeq_1s_db: Decibels
    lafmax_db: Decibels
    lasmax_db: Decibels
    lcpeak_db: Decibels
    overload: bool = Field(description="a sample reached full scale")
    floor: bool = Field(description="below the microphone's own noise")
    third_octaves_db: tuple[Decibels, ...] = Field(
        min_length=1, max_length=31, description="Z-weighted Leq from 25 Hz up, as many as fit"
    )


class Batch(Frozen):
    """1 to 60 consecutive readings of one session, without a gap between them."""

    version: Literal[1] = 1
    site: SiteId
    device: DeviceId
    session: SessionId
    first_seq: Seq
    started_at: UtcTime = Field(description="event time of the first sample of the first reading")
    clock: Clock
    calibration: Name | None = Field(
        max_length=64, description="record that the levels rest on; null: relative to full scale"
    )
    levels: tuple[Levels, ...] = Field(min_length=1, max_length=MAX_READINGS)

    @property
    def count(self) -> int:
        """Number of readings, which is also the number of seconds."""
        return len(self.levels)

    @property
    def seqs(self) -> SeqRange:
        """The readings of this batch, by seq."""
        return SeqRange(session=self.session, first_seq=self.first_seq, count=self.count)


class Mel(Frozen):
    """Mel frames of profile `mel32x8`: 8 a second, 32 bands, one byte each (0.5 dB steps)."""

    context_frames: Literal[24] = 24
    codes: bytes = Field(
        description="uint8 [24 + 8 n, 32], row by row; code = (dB re full scale + 120) / 0.5"
    )


def code_bytes(readings: int) -> int:
    """Size of the mel codes of so many consecutive readings, and of what lies before them."""
    return (CONTEXT_FRAMES + FRAMES_PER_READING * readings) * MEL_BANDS


class FeatureBatch(Batch):
    """Topic `…/features`: levels, and the mel frames unless the profile is `levels`."""

    profile: Literal["mel32x8", "levels"]
    mel: Mel | None

    @model_validator(mode="after")
    def _frames_fit_the_readings(self) -> "FeatureBatch":
        if (self.mel is None) != (self.profile == "levels"):
            msg = "profile mel32x8 carries mel frames, profile levels none"
            raise ValueError(msg)
        return self

    @property
    def expected_code_bytes(self) -> int:
        """Size of `mel.codes` for the number of readings; more would be a privacy breach."""
        return code_bytes(self.count)


class ResultBatch(Batch):
    """Topic `…/results`: levels, and labels scored on the device."""

    profile: Literal["labels"] = "labels"
    model: Name = Field(max_length=128, description="name-version@hash of the model")
    labels: tuple[LabelScores, ...] = Field(min_length=1, max_length=MAX_READINGS)

    @model_validator(mode="after")
    def _one_label_set_per_reading(self) -> "ResultBatch":
        if len(self.labels) != self.count:
            msg = f"{self.count} levels but {len(self.labels)} label sets"
            raise ValueError(msg)
        return self


class Indices(Frozen):
    """Topic `…/indices`: acoustic indices of one minute; null where the minute is silent."""

    version: Literal[1] = 1
    site: SiteId
    device: DeviceId
    session: SessionId
    first_seq: Seq
    started_at: UtcTime
    aci: float | None
    adi: float | None
    aei: float | None
    bi: float | None
    h: float | None
    ndsi: float | None


class Status(Frozen):
    """Topic `…/status`, retained: birth, health every minute, death by last will."""

    version: Literal[1] = 1
    site: SiteId
    device: DeviceId
    session: SessionId
    online: bool
    at: UtcTime | None = Field(default=None, description="null in a last will: written earlier")
    agent_version: Name = Field(default="", max_length=64)
    calibration: Name | None = Field(default=None, max_length=64)
    profile: Profile | None = None
    clock: Clock | None = None
    spooled_readings: Count | None = None
    quarantined: Count | None = None
    overruns: Count | None = None
    temperature_c: float | None = None
    disk_free_bytes: Count | None = None
    dropped: tuple[SeqRange, ...] = Field(default=(), max_length=64)


class Rejected(Frozen):
    """A message that will never be accepted; named by the SHA-256 of its payload."""

    digest: Digest
    reason: Reason
    detail: str = Field(max_length=256)


class Ack(Frozen):
    """Topic `…/ack`: what is safe in Kafka, as a record or as a dead letter."""

    version: Literal[1] = 1
    device: DeviceId
    accepted: tuple[SeqRange, ...] = ()
    accepted_indices: tuple[SeqRange, ...] = Field(
        default=(), description="minutes, by the seq of their first reading; count is 1"
    )
    rejected: tuple[Rejected, ...] = ()
    accepted_dropped: tuple[SeqRange, ...] = Field(
        default=(),
        exclude_if=lambda ranges: not ranges,
        description="ranges that a status called dropped; left out if there are none, so that"
        " agents from before this field understand the rest",
    )
