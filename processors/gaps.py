"""What must have been and is not there: readings, and windows without readings that are stored."""

from pydantic import Field

from schemas.base import DeviceId, Frozen, Seq, SessionId, UtcTime


class Gap(Frozen):
    """`count` readings of a session, beginning with `first_seq`, that are not stored."""

    device: DeviceId
    session: SessionId
    first_seq: Seq
    count: int = Field(ge=1)
    until: UtcTime = Field(description="start of the reading behind them, which is there")


class Unfolded(Frozen):
    """A window of ten seconds that lacks `count` readings which are stored."""

    device: DeviceId
    started_at: UtcTime
    count: int = Field(ge=1)
