"""Which days of readings have a partition: made ahead of time, dropped when they are old.

Pure: `adapters.reading_days` makes and drops them. A day is one of UTC, whatever the site's zone.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Final

AHEAD_DAYS: Final = 7
KEEP_DAYS: Final = 400
"""A year can be compared with the one before."""

LEAST_KEEP_DAYS: Final = 62
"""The bridge takes readings of 30 days, and Kafka keeps them for as long again."""

WITNESSES: Final = 3
"""A record has reached a day if so many have readings, it and later ones: devices that share a
wrong clock with the server, until somebody sees it, are no proof."""

_AT: Final = timedelta(minutes=30)
"""After midnight, when nobody asks for much."""

_RETRY: Final = timedelta(minutes=5)


def wanted(today: date, ahead_days: int) -> Sequence[date]:
    """Days that must have a partition: from yesterday, which may still be coming, on.

    >>> [day.day for day in wanted(date(2026, 5, 4), ahead_days=2)]
    [3, 4, 5, 6]
    """
    return [today + timedelta(days=n) for n in range(-1, ahead_days + 1)]


def outdated(
    days: Iterable[date], today: date, reached: date | None, keep_days: int
) -> Sequence[date]:
    """Days that may go, oldest first; never one of the last `keep_days`.

    Those are counted from the day that the record has reached, or from today if that is earlier:
    neither a clock that is years ahead nor a city that has fallen silent makes a record old.

    >>> days = [date(2026, 1, n) for n in (1, 2, 3)]
    >>> today = date(2026, 1, 2) + timedelta(days=100)
    >>> [day.day for day in outdated(days, today, today, keep_days=100)]
    [1]
    >>> outdated(days, today, date(2026, 1, 3), keep_days=100)
    []
    """
    if reached is None:
        return []
    oldest = min(today, reached) - timedelta(days=keep_days)
    return sorted(day for day in days if day < oldest)


def wait_s(now: datetime, *, done: bool) -> float:
    """Seconds until partitions are looked after again: next night, or soon if it failed.

    >>> from datetime import UTC
    >>> wait_s(datetime(2026, 5, 4, 23, 30, tzinfo=UTC), done=True)
    3600.0
    """
    if not done:
        return _RETRY.total_seconds()
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    tonight = midnight + timedelta(days=1) + _AT
    return (tonight - now).total_seconds()
