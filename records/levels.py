"""Levels over time, as finely as can be drawn or sent at bounded cost."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, LiteralString, NamedTuple

from records.reader import Reader
from records.spans import MOST_POINTS, Span, affordable

SECOND: Final = 1


class Level(NamedTuple):
    """Levels of one second or window of a device, as measured, dB.

    Relative to full scale where `calibration` is None. Seconds have no percentile levels.
    """

    device: str
    started_at: datetime
    laeq_db: float
    lceq_db: float
    lafmax_db: float
    l10_db: float | None
    l50_db: float | None
    l90_db: float | None
    coverage_s: int
    overload_s: int
    calibration: str | None


class Spectrum(NamedTuple):
    """Third-octave levels of a second, or energy means over a slice, Z-weighted, from 25 Hz, dB."""

    started_at: datetime
    third_octaves_db: list[float]


_SECONDS: Final[LiteralString] = """
SELECT device, started_at, laeq_1s_db AS laeq_db, lceq_1s_db AS lceq_db, lafmax_db,
       NULL::real AS l10_db, NULL::real AS l50_db, NULL::real AS l90_db,
       1 AS coverage_s, overload::integer AS overload_s, calibration
FROM reading
WHERE device = ANY(%(devices)s) AND started_at >= %(begin)s AND started_at < %(end)s
  AND clock <> 'unsynced'
ORDER BY device, started_at
LIMIT %(most)s
"""
_WINDOWS: Final[LiteralString] = """
SELECT device, started_at, laeq_db, lceq_db, lafmax_db, l10_db, l50_db, l90_db, coverage_s,
       overload_s, calibration
FROM level_window
WHERE device = ANY(%(devices)s) AND length_s = %(length_s)s
  AND started_at >= %(begin)s AND started_at < %(end)s
ORDER BY device, started_at
LIMIT %(most)s
"""


def over_time(reader: Reader, devices: Sequence[str], span: Span, length_s: int) -> list[Level]:
    """Levels of devices that begin within a span; what was not heard has no row.

    Parameters
    ----------
    reader : Reader
    devices : sequence of str
    span : Span
    length_s : int
        1, or a length of windows: `spans.finest` chooses one.

    Returns
    -------
    list of Level
        By device and time.

    Raises
    ------
    BadQuestion
        If the answer would have more than `MOST_POINTS` rows.
    """
    asked = {
        "devices": list(devices),
        "begin": span.begin,
        "end": span.end,
        "length_s": affordable(span, length_s, len(devices)),
        "most": 2 * MOST_POINTS,  # two agents with one id say every second twice
    }
    return reader.rows(_SECONDS if length_s == SECOND else _WINDOWS, asked, Level)
