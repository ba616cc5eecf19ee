"""What must have been and is not there: readings, and windows without readings that are stored."""

from datetime import datetime

from pydantic import Field

from schemas.base import DeviceId, Frozen, Seq, SessionId, UtcTime
from schemas.ulid import began_s


class Gap(Frozen):
    """`count` readings of a session, beginning with `first_seq`, that are not stored."""

    device: DeviceId
    session: SessionId
    first_seq: Seq
    count: int = Field(ge=1)
    until: UtcTime | None = Field(
        description="start of the reading behind them, which is there; null if there is none, but"
        " the device said that it has dropped them"
    )


def is_within(dropped: Gap, begin: datetime, end: datetime) -> bool:
    """Whether dropped readings are of a span, as their session names its beginning and counts on.

    >>> hour = Gap(device="a", session=f"01JZ{0:022}", first_seq=0, count=3600, until=None)
    >>> june, july = (datetime.fromisoformat(f"2025-0{n}-01T00:00Z") for n in (6, 7))
    >>> is_within(hour, june, july), is_within(hour, july, july)
    (True, False)
    """
    first_s = began_s(dropped.session) + dropped.first_seq
    return first_s < end.timestamp() and first_s + dropped.count > begin.timestamp()


class Unfolded(Frozen):
    """A window of ten seconds that lacks `count` readings which are stored."""

    device: DeviceId
    started_at: UtcTime
    count: int = Field(ge=1)
