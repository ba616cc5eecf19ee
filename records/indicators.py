"""Ld, Le, Ln, Lden by day and month, in the site's time zone, with coverage.

A date without readings has a row too: coverage 0, no levels.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Final, LiteralString, NamedTuple

from records.days import MonthLevels, levels_by_month
from records.reader import Reader
from schemas.errors import BadQuestion

MOST_DAYS: Final = 4000
"""Of one answer, all devices together."""


class DayLevels(NamedTuple):
    """Indicators of a date, or of the month that begins on it; façade correction included, dB.

    `coverage`: share of the time that was heard, 0 to 1. `calibrated` is None where nothing was
    heard; a date with calibrated and with relative levels has a row of each kind.
    """

    device: str
    date: date
    calibrated: bool | None
    ld_db: float | None
    le_db: float | None
    ln_db: float | None
    lden_db: float | None
    day_coverage: float
    evening_coverage: float
    night_coverage: float
    hours_over_limit: int


_DAYS: Final[LiteralString] = """
WITH named AS (SELECT DISTINCT unnest(%(devices)s::text[]) AS device)
SELECT asked.device, asked.on_date::date AS date, calibrated, ld_db, le_db, ln_db, lden_db,
       coalesce(day_coverage, 0) AS day_coverage,
       coalesce(evening_coverage, 0) AS evening_coverage,
       coalesce(night_coverage, 0) AS night_coverage,
       coalesce(hours_over_limit, 0) AS hours_over_limit
FROM named
CROSS JOIN generate_series(%(first)s::date, %(last)s::date, interval '1 day') AS day (on_date)
CROSS JOIN LATERAL (SELECT named.device, day.on_date) AS asked
LEFT JOIN (
    SELECT days.* FROM named
    CROSS JOIN LATERAL indicator_days(named.device, %(first)s, %(last)s) AS days
) AS heard ON heard.device = asked.device AND heard.date = asked.on_date::date
ORDER BY asked.device, asked.on_date, calibrated
"""


def by_day(reader: Reader, devices: Sequence[str], first: date, last: date) -> list[DayLevels]:
    """Indicators of devices for every date from the first to the last, by device and date.

    Raises
    ------
    BadQuestion
        If these are more than `MOST_DAYS`, or none.
    """
    days(len(devices), first, last)
    asked = {"devices": list(devices), "first": first, "last": last}
    return reader.rows(_DAYS, asked, DayLevels)


def by_month(reader: Reader, devices: Sequence[str], first: date, last: date) -> list[MonthLevels]:
    """Indicators of devices for every month from that of the first date to that of the last.

    Raises
    ------
    BadQuestion
        If these are more than `MOST_DAYS` days, or none.
    """
    days(len(devices), first, last)
    begin, end = whole_months(first, last)
    found = levels_by_month(reader, devices, begin, end)
    heard = {(row.device, row.date) for row in found}
    silent = [
        MonthLevels(device, month, None, *4 * (None,), 0.0, 0.0, 0.0)
        for device in dict.fromkeys(devices)
        for month in _months(begin, end)
        if (device, month) not in heard
    ]
    return sorted([*found, *silent], key=lambda row: (row.device, row.date))


def whole_months(first: date, last: date) -> tuple[date, date]:
    """First date of the month of one date, and last date of the month of another."""
    return first.replace(day=1), _next_month(last) - timedelta(days=1)


def days(devices: int, first: date, last: date) -> int:
    """How many days these are, for each device.

    Raises
    ------
    BadQuestion
        If they are more than `MOST_DAYS`, all devices together, or none.
    """
    if last < first:
        raise BadQuestion("the span ends before it begins")
    found = (last - first).days + 1
    if found * devices > MOST_DAYS:
        most = first + timedelta(days=MOST_DAYS // devices - 1)
        raise BadQuestion(
            f"more than {MOST_DAYS} days, all devices together: ask for {first} to {most}"
        )
    return found


def _months(begin: date, end: date) -> Iterator[date]:
    while begin <= end:
        yield begin
        begin = _next_month(begin)


def _next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=31)).replace(day=1)
