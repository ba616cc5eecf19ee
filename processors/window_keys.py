"""Which windows there are: their lengths, and those that hold a given moment."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from processors.event_time import SECOND_US

BASE_S: Final = 10
MINUTE_S: Final = 60
QUARTER_S: Final = 900
HOUR_S: Final = 3600
DAY_S: Final = 86400
"""Stands for a local day of the site, which has 23 or 25 hours when clocks are changed."""

LARGER_S: Final = (MINUTE_S, QUARTER_S, HOUR_S, DAY_S)


class Key(NamedTuple):
    """A window: its length, and its first and last instant, seconds since the epoch."""

    length_s: int
    start_s: int
    end_s: int

    @property
    def seconds(self) -> int:
        """How long it really is."""
        return self.end_s - self.start_s

    @property
    def end_us(self) -> int:
        """First instant after the window."""
        return self.end_s * SECOND_US

    @property
    def child_s(self) -> int:
        """Length of the windows that it is merged from.

        A local day begins within an hour where the zone is not whole hours from UTC.
        """
        if self.length_s == DAY_S:
            return QUARTER_S if self.start_s % HOUR_S or self.end_s % HOUR_S else HOUR_S
        return {MINUTE_S: BASE_S, QUARTER_S: MINUTE_S, HOUR_S: QUARTER_S}[self.length_s]


@lru_cache(maxsize=1 << 12)
def base(start_s: int) -> Key:
    """The base window that begins then."""
    return Key(BASE_S, start_s, start_s + BASE_S)


def minute(at_s: int) -> Key:
    """The minute that holds a moment.

    >>> minute(61)
    Key(length_s=60, start_s=60, end_s=120)
    """
    return _aligned(MINUTE_S, at_s)


def parents(key: Key, zone: ZoneInfo) -> tuple[Key, ...]:
    """The windows that are merged from this one; none of a day.

    >>> [one.length_s for one in parents(minute(0), ZoneInfo("UTC"))]
    [900]
    """
    if key.length_s == DAY_S:
        return ()
    if key.length_s < QUARTER_S:
        return (_aligned(MINUTE_S if key.length_s == BASE_S else QUARTER_S, key.start_s),)
    today = day(key.start_s, zone)
    days = (today,) if today.child_s == key.length_s else ()
    return days if key.length_s == HOUR_S else (_aligned(HOUR_S, key.start_s), *days)


@lru_cache(maxsize=1 << 12)
def around(start_s: int, zone: ZoneInfo) -> tuple[Key, ...]:
    """The larger windows that hold a base window, from the minute to the day."""
    them = [_aligned(length_s, start_s) for length_s in (MINUTE_S, QUARTER_S, HOUR_S)]
    return (*them, day(start_s, zone))


def day(at_s: int, zone: ZoneInfo) -> Key:
    """The local day that holds a moment.

    >>> key = day(1774746000, ZoneInfo("Europe/Berlin"))  # 2026-03-29, clocks go forward
    >>> key.seconds // 3600
    23
    """
    return _day(at_s - at_s % QUARTER_S, zone)


@lru_cache(maxsize=1 << 12)
def _day(at_s: int, zone: ZoneInfo) -> Key:
    today = datetime.fromtimestamp(at_s, UTC).astimezone(zone).date()
    start, end = (
        int(datetime(d.year, d.month, d.day, tzinfo=zone).timestamp())
        for d in (today, today + timedelta(days=1))
    )
    return Key(DAY_S, start, end)


def _aligned(length_s: int, at_s: int) -> Key:
    start_s = at_s - at_s % length_s
    return Key(length_s, start_s, start_s + length_s)
