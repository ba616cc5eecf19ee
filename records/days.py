"""L10, L50, L90 by day and month, indicators by month, and hours over any limit.

Façade correction included; dates are those on the site's clocks.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from itertools import groupby
from typing import Final, LiteralString, NamedTuple

from acoustics.decibels import CLASSES_PER_DB, exceeded, level_of
from processors import window_sums
from processors.window_sums import Sums
from records.reader import Reader


class Percentiles(NamedTuple):
    """LAeq and levels exceeded 10, 50 and 90 % of a date, or of the month that begins on it, dB.

    Of the calibrated seconds where there are any: relative ones are left out beside these.
    """

    device: str
    date: date
    calibrated: bool
    laeq_db: float
    l10_db: float
    l50_db: float
    l90_db: float
    coverage_s: int


class MonthLevels(NamedTuple):
    """Ld, Le, Ln and Lden of the month that begins on `date`: energy means, dB; 0 to 1."""

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


class LoudHours(NamedTuple):
    """Hours of a date that were heard, and those of them over a limit."""

    device: str
    date: date
    hours: int
    over: int


class _Day(NamedTuple):
    device: str
    date: date
    facade_db: float
    sums: bytes | None


# by the clock of the site where the device was, with the correction that it had there; the wide
# span is for the index
_OF_DAYS: Final[LiteralString] = """
FROM level_window w JOIN device USING (device) JOIN site ON site.site = w.site
LEFT JOIN stand ON stand.device = w.device AND stand.site = w.site
CROSS JOIN LATERAL (
    SELECT coalesce(stand.facade_correction_db, device.facade_correction_db) AS facade_db
) AS facade
CROSS JOIN LATERAL (SELECT (started_at AT TIME ZONE time_zone)::date AS date) AS local
WHERE w.device = ANY(%(devices)s) AND length_s = 86400
  AND started_at >= %(first)s::date - 2 AND started_at < %(last)s::date + 3
  AND date BETWEEN %(first)s AND %(last)s
ORDER BY 1, 2
"""
_PERCENTILES: Final[LiteralString] = f"""
SELECT w.device, date, calibration IS NOT NULL AS calibrated, laeq_db + facade_db AS laeq_db,
       l10_db + facade_db AS l10_db, l50_db + facade_db AS l50_db, l90_db + facade_db AS l90_db,
       coverage_s
{_OF_DAYS}"""
_SUMS: Final[LiteralString] = f"""
SELECT w.device, date_trunc('month', date)::date AS date, facade_db, sums
{_OF_DAYS}"""
_MONTHS: Final[LiteralString] = """
WITH part AS (
    SELECT device, date_trunc('month', date)::date AS date, calibrated, period, clock_h,
           10 * log(sum(coverage * power(10::float8, laeq_db / 10)) / sum(coverage)) AS laeq_db,
           sum(coverage) / extract(day FROM date_trunc('month', date) + interval '1 month - 1 day')
               AS coverage
    FROM (SELECT DISTINCT unnest(%(devices)s::text[])) AS named (of_device)
    CROSS JOIN LATERAL indicator_periods(of_device, %(first)s, %(last)s)
    GROUP BY device, date_trunc('month', date), calibrated, period, clock_h
)
SELECT device, date, calibrated,
       max(laeq_db) FILTER (WHERE period = 'day') AS ld_db,
       max(laeq_db) FILTER (WHERE period = 'evening') AS le_db,
       max(laeq_db) FILTER (WHERE period = 'night') AS ln_db,
       CASE WHEN count(*) = 3 THEN 10 * log(sum(clock_h * power(10::float8, (laeq_db
           + CASE period WHEN 'evening' THEN 5 WHEN 'night' THEN 10 ELSE 0 END) / 10)) / 24) END
           AS lden_db,
       coalesce(max(coverage) FILTER (WHERE period = 'day'), 0)::float8 AS day_coverage,
       coalesce(max(coverage) FILTER (WHERE period = 'evening'), 0)::float8 AS evening_coverage,
       coalesce(max(coverage) FILTER (WHERE period = 'night'), 0)::float8 AS night_coverage
FROM part GROUP BY device, date, calibrated ORDER BY device, date, calibrated
"""
_OVER: Final[LiteralString] = """
SELECT device, date, count(*) AS hours,
       count(*) FILTER (WHERE laeq_db > coalesce(%(limit_db)s, limit_db)) AS over
FROM indicator_hour
WHERE device = ANY(%(devices)s) AND date BETWEEN %(first)s AND %(last)s
  AND started_at >= %(first)s::date - 2 AND started_at < %(last)s::date + 3
GROUP BY device, date ORDER BY device, date
"""


def percentiles(
    reader: Reader, devices: Sequence[str], first: date, last: date
) -> list[Percentiles]:
    """By device and date; a date without readings has no row."""
    return reader.rows(_PERCENTILES, _asked(devices, first, last), Percentiles)


def percentiles_by_month(
    reader: Reader, devices: Sequence[str], first: date, last: date
) -> list[Percentiles]:
    """By device and month, from the days' histograms; days without one are left out."""
    rows = reader.rows(_SUMS, _asked(devices, first, last), _Day)
    months = (list(days) for _, days in groupby(rows, key=lambda row: (row.device, row.date)))
    return [month for days in months for month in _merged(days)]


def levels_by_month(
    reader: Reader, devices: Sequence[str], first: date, last: date
) -> list[MonthLevels]:
    """Indicators by device and month; parts of a day count by the seconds that were heard."""
    return reader.rows(_MONTHS, _asked(devices, first, last), MonthLevels)


def hours_over(
    reader: Reader, devices: Sequence[str], first: date, last: date, limit_db: float | None = None
) -> list[LoudHours]:
    """Hours whose LAeq is over a limit, by default over those of the site."""
    asked = {**_asked(devices, first, last), "limit_db": limit_db}
    return reader.rows(_OVER, asked, LoudHours)


def _merged(days: Sequence[_Day]) -> Iterable[Percentiles]:
    correction_db = days[0].facade_db
    sums = window_sums.merged(
        _shifted(window_sums.load(day.sums), day.facade_db - correction_db)
        for day in days
        if day.sums
    )
    if not sums.seconds:
        return
    l10_db, l50_db, l90_db = (exceeded(sums.classes, p) + correction_db for p in (10, 50, 90))
    yield Percentiles(
        device=days[0].device,
        date=days[0].date,
        calibrated=sums.calibration is not None,
        laeq_db=level_of(sums.energies[0], sums.seconds) + correction_db,
        l10_db=l10_db,
        l50_db=l50_db,
        l90_db=l90_db,
        coverage_s=sums.seconds,
    )


def _shifted(sums: Sums, by_db: float) -> Sums:
    """Sums of a day after a move, as if the device had the correction of before."""
    if not by_db:
        return sums
    a, c, z = (round(energy * 10 ** (by_db / 10)) for energy in sums.energies)
    classes = round(by_db * CLASSES_PER_DB)
    moved = {index + classes: seconds for index, seconds in sums.classes.items()}
    return sums._replace(energies=(a, c, z), classes=moved)


def _asked(devices: Sequence[str], first: date, last: date) -> dict[str, object]:
    return {"devices": list(devices), "first": first, "last": last}
