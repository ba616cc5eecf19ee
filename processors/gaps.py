"""Readings that a session must have had, since later ones of it came, and that are not there."""

from pydantic import Field

from schemas.base import DeviceId, Frozen, Seq, SessionId, UtcTime


class Gap(Frozen):
    """`count` readings of a session, beginning with `first_seq`, that are not stored."""

    device: DeviceId
    session: SessionId
    first_seq: Seq
    count: int = Field(ge=1)
    until: UtcTime = Field(description="start of the reading behind them, which is there")
