"""The words of rules: a second, what it is to a rule, hours of the local day."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple, get_args
from zoneinfo import ZoneInfo

from pydantic import model_validator

from processors.event_time import SECOND_US, moment
from processors.registry import TimeOfDay, TimeZone
from schemas.base import Frozen

LevelField = Literal["laeq_1s_db", "lceq_1s_db", "lzeq_1s_db", "lafmax_db", "lasmax_db"]
LEVEL_FIELDS: Final[tuple[LevelField, ...]] = get_args(LevelField)


class Second(NamedTuple):
    """One reading, as a rule sees it; levels in the order of `LEVEL_FIELDS`.

    States of the second format do not say whether a second is calibrated.
    """

    start_us: int
    session: str
    seq: int
    levels_db: Sequence[float]
    overload: bool
    scores: Mapping[str, int]
    calibrated: bool = True

    @property
    def end_us(self) -> int:
        """First instant after the second."""
        return self.start_us + SECOND_US


class Judged(NamedTuple):
    """What a second is to a rule: does it count for it, does it keep open what is open."""

    counts: bool
    holds: bool
    score: int | None = None


AGAINST: Final = Judged(counts=False, holds=False)


class Hours(Frozen):
    """Part of the local day; over midnight where it ends before it starts."""

    starts: TimeOfDay
    ends: TimeOfDay
    time_zone: TimeZone

    @model_validator(mode="after")
    def _some_hours(self) -> "Hours":
        if self.starts == self.ends:
            msg = "starts and ends must differ; leave hours out for the whole day"
            raise ValueError(msg)
        return self

    def hold(self, at_us: int) -> bool:
        """Whether an instant lies within, by the clocks on the wall.

        >>> night = Hours(starts="22:00", ends="06:00", time_zone="Europe/Berlin")
        >>> night.hold(3 * 3600 * SECOND_US), night.hold(12 * 3600 * SECOND_US)
        (True, False)
        """
        local = moment(at_us).astimezone(ZoneInfo(self.time_zone)).strftime("%H:%M")
        if self.starts < self.ends:
            return self.starts <= local < self.ends
        return local >= self.starts or local < self.ends
