"""Hour and day indicators of 2002/49/EC in local time, as the views of the database have them.

A quarter belongs to the part of the day in which it begins by the site's clock, and a part of the
day to the date on which it begins: a night also after midnight. Levels are those of the quarters,
weighted by the seconds that were heard, with the device's façade correction.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from typing import Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

from acoustics.decibels import lden
from processors.registry import Limits, Site

Period = Literal["day", "evening", "night"]
PERIODS: Final[tuple[Period, ...]] = ("day", "evening", "night")
_DAY_S: Final = 86400


class Level(NamedTuple):
    """A quarter or an hour that was heard."""

    started_at: datetime
    coverage_s: int
    laeq_db: float


class PeriodLevel(NamedTuple):
    """LAeq of a day, evening or night; coverage 0 to 1 of its true length."""

    laeq_db: float
    coverage: float
    exceeds: bool | None


class DayLevels(NamedTuple):
    """Indicators of one date; Lden is None unless day, evening and night were all heard."""

    day: PeriodLevel | None
    evening: PeriodLevel | None
    night: PeriodLevel | None
    lden_db: float | None


@dataclass(frozen=True, slots=True)
class Calendar:
    """Parts of the day at a site: where each begins; each ends where the next begins."""

    zone: ZoneInfo
    starts: Mapping[Period, time]

    @property
    def hours(self) -> tuple[float, float, float]:
        """Length of day, evening and night by the clock, the weights of Lden, h."""
        day, evening, night = (_clock_s(self.starts[period]) for period in PERIODS)
        return (
            (evening - day) % _DAY_S / 3600,
            (night - evening) % _DAY_S / 3600,
            (day - night) % _DAY_S / 3600,
        )

    def period(self, at: datetime) -> tuple[date, Period]:
        """The part of the day that holds an instant, and the date on which that began.

        Examples
        --------
        >>> berlin = calendar(Site(site="harbour", time_zone="Europe/Berlin"))
        >>> berlin.period(datetime(2026, 5, 4, 23, 30, tzinfo=UTC))[1]
        'night'
        """
        local = at.astimezone(self.zone)
        since_day = (_clock_s(local.time()) - _clock_s(self.starts["day"])) % _DAY_S
        day_h, evening_h, _ = self.hours
        period: Period = "night"
        if since_day < 3600 * day_h:
            period = "day"
        elif since_day < 3600 * (day_h + evening_h):
            period = "evening"
        before_midnight = self.starts[period] > local.time()
        return local.date() - timedelta(days=before_midnight), period

    def seconds(self, on: date, period: Period) -> float:
        """True length: 23:00 to 07:00 is 7, 8 or 9 hours."""
        starts = self.starts[period]
        stops = self.starts[PERIODS[(PERIODS.index(period) + 1) % 3]]
        ends_on = on + timedelta(days=stops <= starts)
        return (self._instant(ends_on, stops) - self._instant(on, starts)).total_seconds()

    def _instant(self, on: date, at: time) -> datetime:
        return datetime.combine(on, at, self.zone).astimezone(UTC)


def calendar(site: Site) -> Calendar:
    """Parts of the day at a site."""
    starts: dict[Period, time] = {
        "day": time.fromisoformat(site.day_starts),
        "evening": time.fromisoformat(site.evening_starts),
        "night": time.fromisoformat(site.night_starts),
    }
    return Calendar(ZoneInfo(site.time_zone), starts)


def days(
    quarters: Iterable[Level], at: Calendar, *, limits: Limits | None = None, facade_db: float = 0.0
) -> dict[date, DayLevels]:
    """Indicators of every date that was heard.

    Parameters
    ----------
    quarters : iterable of Level
        Of one device, all calibrated or all relative, in any order.
    at : Calendar
        Of its site.
    limits : Limits or None
        LAeq that each part of the day may have; None also where levels are relative.
    facade_db : float
        Correction of the device, dB.

    Returns
    -------
    dict of date to DayLevels
        By date.
    """
    placed = sorted((at.period(quarter.started_at), quarter) for quarter in quarters)
    levels: dict[date, dict[Period, PeriodLevel]] = {}
    for (on, period), group in groupby(placed, lambda one: one[0]):
        heard = [quarter for _, quarter in group]
        laeq_db = _leq(heard) + facade_db
        limit_db = None if limits is None else getattr(limits, period)
        levels.setdefault(on, {})[period] = PeriodLevel(
            laeq_db,
            sum(quarter.coverage_s for quarter in heard) / at.seconds(on, period),
            None if limit_db is None else laeq_db > limit_db,
        )
    return {on: _day(of, at.hours) for on, of in sorted(levels.items())}


def _day(of: Mapping[Period, PeriodLevel], hours: tuple[float, float, float]) -> DayLevels:
    day, evening, night = (of.get(period) for period in PERIODS)
    whole = None
    if day and evening and night:
        whole = lden(day.laeq_db, evening.laeq_db, night.laeq_db, hours=hours)
    return DayLevels(day, evening, night, whole)


def _leq(heard: Sequence[Level]) -> float:
    """LAeq of levels weighted by their seconds."""
    energy = sum(one.coverage_s * 10 ** (one.laeq_db / 10) for one in heard)
    return 10 * math.log10(energy / sum(one.coverage_s for one in heard))


def _clock_s(at: time) -> float:
    return at.hour * 3600 + at.minute * 60 + at.second + at.microsecond / 1e6
