"""Spans of time, and how finely they can be answered at bounded cost. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from schemas.errors import BadQuestion

LENGTHS_S: Final = (1, 10, 60, 900, 3600, 86400)
"""Seconds as they were measured, then the windows: `docs/windows.md`. 86400: a local day."""

AHEAD: Final = timedelta(seconds=60)
"""An alert may have begun so much after now: by the clock of its device, no more."""

MOST_POINTS: Final = 20_000
"""Of one answer, all devices together."""


@dataclass(frozen=True, slots=True)
class Span:
    """From `begin` up to, not including, `end`; both aware."""

    begin: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.begin.tzinfo is None or self.end.tzinfo is None:
            raise BadQuestion("a time needs its zone: 2026-05-04T10:00:00Z")
        if self.begin >= self.end:
            raise BadQuestion("the span ends before it begins")

    @property
    def seconds(self) -> float:
        """Its length, s."""
        return (self.end - self.begin).total_seconds()


def last(seconds: float, until: datetime) -> Span:
    """Span of so many seconds that ends at a time."""
    return Span(until - timedelta(seconds=seconds), until)


def finest(span: Span, points: int, devices: int = 1) -> int:
    """Length of the shortest windows of which a span has at most so many, all devices together, s.

    Raises
    ------
    BadQuestion
        If even its days are more.

    Examples
    --------
    >>> noon = datetime.fromisoformat("2026-05-04T12:00:00Z")
    >>> finest(last(3600, noon), points=2000)
    10
    >>> finest(last(30 * 86400, noon), points=2000)
    3600
    """
    for length_s in LENGTHS_S:
        if devices * span.seconds <= points * length_s:
            return length_s
    days = points // devices
    raise BadQuestion(
        f"more than {points} days, all devices together: ask for at most {days} days at once"
    )


def affordable(span: Span, length_s: int, devices: int = 1) -> int:
    """Return the length if an answer in it is bounded.

    Raises
    ------
    BadQuestion
        If there are no such windows, or too many; with what would do.
    """
    if length_s not in LENGTHS_S:
        raise BadQuestion(f"no windows of {length_s} s: {', '.join(map(str, LENGTHS_S))}")
    if devices * span.seconds > MOST_POINTS * length_s:
        hours = MOST_POINTS * length_s / 3600 / devices
        raise BadQuestion(
            f"more than {MOST_POINTS} points: ask for at most {hours:.4g} h in steps of "
            f"{length_s} s, or for steps of {finest(span, MOST_POINTS, devices)} s"
        )
    return length_s


def covered(span: Span, length_s: int, heard_s: float) -> float:
    """Share of the windows that begin in a span which was heard, 0 to 1.

    Examples
    --------
    >>> half_past = datetime.fromisoformat("2026-05-04T10:30:00Z")
    >>> covered(last(7200, half_past), 3600, heard_s=1800)
    0.25
    """
    begins = -(-span.begin.timestamp() // length_s)
    ends = -(-span.end.timestamp() // length_s)
    # days are those of the site's clocks: they begin elsewhere, and have 23 or 25 hours
    return min(1.0, heard_s / (max(1.0, ends - begins) * length_s))
