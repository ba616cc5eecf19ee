"""The spans that a page can show, and how finely. Pure."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from records.spans import LENGTHS_S, Span, finest, last

SPANS_S: Final[Mapping[str, int]] = MappingProxyType(
    {
        "10 minutes": 600,
        "1 hour": 3600,
        "6 hours": 21_600,
        "1 day": 86_400,
        "7 days": 604_800,
        "30 days": 2_592_000,
        "1 year": 31_536_000,
        "10 years": 315_360_000,
    }
)
POINTS: Final = 1500
"""Of a line, at most; days are drawn however many they are."""

_DAY_S: Final = LENGTHS_S[-1]
_REFRESH_S: Final = ((3600, 2.0), (86_400, 15.0))
_SELDOM_S: Final = 60.0


def resolution_s(span: Span, points: int = POINTS) -> int:
    """Length of what is drawn: 1, or a length of windows.

    Examples
    --------
    >>> from datetime import UTC
    >>> now = datetime(2026, 5, 4, tzinfo=UTC)
    >>> [resolution_s(last(seconds, now)) for seconds in SPANS_S.values()]
    [1, 10, 60, 60, 900, 3600, 86400, 86400]
    """
    return _DAY_S if span.seconds > points * _DAY_S else finest(span, points)


def refresh_s(seconds: float, at_least_s: float) -> float:
    """How often a page of such a span is drawn anew; the past is drawn no less.

    Examples
    --------
    >>> [refresh_s(seconds, 2.0) for seconds in (600, 86_400, 2_592_000)]
    [2.0, 15.0, 60.0]
    """
    often_s = (often for most_s, often in _REFRESH_S if seconds <= most_s)
    return max(at_least_s, next(often_s, _SELDOM_S))


def until_end_of(day: date | None, seconds: float, now: datetime, zone: str) -> Span:
    """Span of so many seconds that ends now, or with a day of the past by the clocks there."""
    if day is None:
        return last(seconds, now)
    midnight = datetime.combine(day, time(), ZoneInfo(zone)) + timedelta(days=1)
    return last(seconds, min(now, midnight.astimezone(now.tzinfo)))


def sources_s(span: Span) -> int:
    """Length of the windows in which sources are compared: the finest at bounded cost.

    Examples
    --------
    >>> from datetime import UTC
    >>> now = datetime(2026, 5, 4, tzinfo=UTC)
    >>> [sources_s(last(SPANS_S[name], now)) for name in ("1 day", "7 days", "30 days")]
    [60, 900, 3600]
    """
    return max(60, resolution_s(span))
