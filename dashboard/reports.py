"""Indicators of one device as one table, a row for each date or month."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final, NamedTuple

import pandas as pd

from records import days, indicators
from records.reader import Reader

DAY: Final = "day"
MONTH: Final = "month"
BY: Final = (DAY, MONTH)
_LEVELS: Final = ("calibrated", "ld_db", "le_db", "ln_db", "lden_db")
_COVERAGE: Final = ("day_coverage", "evening_coverage", "night_coverage")
_PERCENTILES: Final = ("laeq_db", "l10_db", "l50_db", "l90_db")
_DAY_S: Final = 86_400


class Asked(NamedTuple):
    """Dates from the first to the last, for months whole ones; `limit_db` None: the site's."""

    first: date
    last: date
    by: str = DAY
    limit_db: float | None = None


def dates(seconds: float, until: date, by: str = DAY) -> tuple[date, date]:
    """First and last of so many seconds' dates; by month, of the months that these lie in.

    Examples
    --------
    >>> [str(one) for one in dates(7 * 86_400, date(2026, 5, 4))]
    ['2026-04-28', '2026-05-04']
    >>> [str(one) for one in dates(7 * 86_400, date(2026, 5, 4), MONTH)]
    ['2026-04-01', '2026-05-31']
    """
    first = until - timedelta(days=max(1, round(seconds / _DAY_S)) - 1)
    return indicators.whole_months(first, until) if by == MONTH else (first, until)


def levels(reader: Reader, device: str, asked: Asked) -> pd.DataFrame:
    """Indicators, percentile levels and coverage; those without readings have a row too.

    A date with calibrated and with relative levels has a row of each; percentiles are of one kind.
    """
    span = ([device], asked.first, asked.last)
    if asked.by == MONTH:
        told = _table(indicators.by_month(reader, *span), days.MonthLevels._fields)
        percentiles = days.percentiles_by_month(reader, *span)
    else:
        told = _table(indicators.by_day(reader, *span), indicators.DayLevels._fields)
        percentiles = days.percentiles(reader, *span)
    heard = _table(percentiles, days.Percentiles._fields)
    kinds = {"calibrated": object}  # None where nothing was heard
    on = ["device", "date", "calibrated"]
    joined = told.astype(kinds).merge(heard.astype(kinds), on=on, how="left")
    return joined[["device", "date", *_LEVELS, *_PERCENTILES, *_COVERAGE]]


def hours_over(reader: Reader, device: str, asked: Asked) -> pd.DataFrame:
    """Hours heard and hours over the limit, by date."""
    rows = days.hours_over(reader, [device], asked.first, asked.last, asked.limit_db)
    return _table(rows, days.LoudHours._fields)


def _table(rows: Sequence[NamedTuple], fields: Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(fields))
