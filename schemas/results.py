"""What the system finds out: windows, alerts, dead letters. Version 1, one message a record."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from schemas.base import (
    Decibels,
    DeviceId,
    Digest,
    Frozen,
    Label,
    PerMille,
    SessionId,
    SiteId,
    SlugId,
    UtcTime,
)
from schemas.errors import Reason

Origin = Literal["natural", "human", "technogenic"]


class LabelLevel(Frozen):
    """One label within a window."""

    label: Label
    origin: Origin
    active_s: int = Field(ge=1, description="seconds in which the label was active")
    events: int = Field(default=0, ge=0, description="runs of active seconds that begin in it")
    mean_score: PerMille
    max_score: PerMille
    laeq_active_db: Decibels = Field(description="LAeq over the active seconds, all sound in them")
    source_leq_db: Decibels | None = Field(
        default=None,
        description="the label's own part of that, estimated; null: weaker than all the rest",
    )
    source_leq_upper_db: Decibels | None = Field(
        default=None, description="what it cannot exceed, where source_leq_db is null"
    )
    energy_share: float = Field(
        default=0.0, ge=0, le=1, description="its own energy of all the window's; rest: background"
    )


class Window(Frozen):
    """Levels of one device over a span of event time, aligned to the epoch."""

    version: Literal[1] = 1
    site: SiteId
    device: DeviceId
    started_at: UtcTime
    length_s: int = Field(ge=1, description="86400: a local day, which may have 23 or 25 hours")
    calibration: str | None = Field(description="null: relative levels; 'mixed': more than one")
    laeq_db: Decibels
    lceq_db: Decibels
    lzeq_db: Decibels
    lafmax_db: Decibels
    lasmax_db: Decibels
    lcpeak_db: Decibels
    l10_db: Decibels = Field(description="exceeded 10 % of the time, from LAeq,1s")
    l50_db: Decibels
    l90_db: Decibels
    coverage_s: int = Field(ge=1, description="seconds present")
    overload_s: int = Field(ge=0)
    floor_s: int = Field(ge=0)
    labels: tuple[LabelLevel, ...] = ()
    final: bool = Field(description="false: written early, later readings may still change it")


AlertState = Literal["raised", "updated", "cleared"]
EndReason = Literal["cleared", "signal_lost", "max_duration"]


class Alert(Frozen):
    """An event found by a rule: one id from its raising to its end."""

    version: Literal[1] = 1
    alert_id: UUID
    revision: int = Field(ge=0, description="0 when raised, one more with every change")
    state: AlertState
    rule: SlugId
    rule_version: Digest
    site: SiteId
    device: DeviceId
    session: SessionId
    onset_at: UtcTime = Field(description="event time at which the sound began")
    raised_at: UtcTime = Field(description="event time at which the rule was met")
    ended_at: UtcTime | None = None
    end_reason: EndReason | None = None
    peak_laeq_1s_db: Decibels
    peak_score: PerMille | None = Field(description="null for rules on levels")
    background_db: Decibels | None = Field(
        default=None,
        exclude_if=lambda level: level is None,
        description="L90 of the hour before, as the rule began to count; left out where unknown",
    )
    active_s: int = Field(ge=1, description="seconds that met the rule so far")
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = Field(
        default=None,
        exclude_if=lambda degrees: degrees is None,
        description="WGS 84, of the device; added as it is told, left out where unknown",
    )
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = Field(
        default=None, exclude_if=lambda degrees: degrees is None, description="as latitude"
    )
    historical: bool = Field(description="found in late data: stored, notified to nobody")


class DeadLetter(Frozen):
    """Headers of a record of `dead-letters.v1`; its value is the original, unchanged."""

    version: Literal[1] = 1
    reason: Reason
    detail: str = Field(max_length=256)
    source: str = Field(max_length=512, description="MQTT topic, or Kafka topic/partition/offset")
    digest: Digest
    size_bytes: int = Field(ge=0)
    received_at: UtcTime
