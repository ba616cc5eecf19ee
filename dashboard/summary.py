"""A span, or the processors, in a few figures. Pure."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import numpy as np
import pandas as pd

from records.fleet import Progress
from schemas import topics


class Summary(NamedTuple):
    """LAeq over the seconds heard, the highest LAFmax, the share heard, and how many gaps.

    Relative levels are left out beside calibrated ones; the share is of all.
    """

    laeq_db: float
    lafmax_db: float
    coverage: float
    gaps: int


def summary(levels: pd.DataFrame, seconds: float, step_s: int) -> Summary:
    """Sum up levels of one device, at least one row.

    Parameters
    ----------
    levels : DataFrame
        Fields of `records.levels.Level`, by time, and the `instant` of each.
    seconds : float
        Length of the span.
    step_s : int
        Of what was asked for: what is further apart than this has a gap between.

    Examples
    --------
    >>> rows = pd.DataFrame({"laeq_db": [60.0, 70.0], "lafmax_db": [65.0, 72.0],
    ...     "coverage_s": [10, 10], "instant": pd.to_datetime([0, 30], unit="s"),
    ...     "calibration": [None, None]})
    >>> summary(rows, 40.0, 10)
    Summary(laeq_db=67.4, lafmax_db=72.0, coverage=0.5, gaps=1)
    """
    calibrated = levels.calibration.notna()
    of_one_kind = levels[calibrated] if calibrated.any() else levels
    energies = 10 ** (of_one_kind.laeq_db.astype(float) / 10)
    energy = np.average(energies, weights=of_one_kind.coverage_s.astype(float))
    steps = levels.instant.diff().dt.total_seconds()
    return Summary(
        laeq_db=round(float(10 * np.log10(energy)), 2),
        lafmax_db=float(of_one_kind.lafmax_db.max()),
        coverage=min(1.0, float(levels.coverage_s.sum()) / seconds),
        gaps=int((steps > 1.5 * step_s).sum()),
    )


def calibrations(levels: pd.DataFrame) -> list[str]:
    """Names of the calibrations in a span.

    Examples
    --------
    >>> calibrations(pd.DataFrame({"calibration": ["2026-04-01a", None]}))
    ['2026-04-01a', 'none']
    """
    return sorted({"none" if pd.isna(name) else str(name) for name in levels.calibration})


def lags_s(programs: Sequence[Progress], now: datetime) -> list[float | None]:
    """Age of each program's slowest partition, s; None where no ticks come: nothing may have come.

    Examples
    --------
    >>> at = datetime(2026, 5, 4, 10), datetime(2026, 5, 4, 10, 1)
    >>> rows = [Progress("archive", topic, 12, at[0], at[1], 0)
    ...     for topic in ("readings.v1", "indices.v1")]
    >>> lags_s(rows, at[1])
    [60.0, None]
    """
    return [
        (now - row.oldest_commit_at).total_seconds() if row.topic == topics.READINGS else None
        for row in programs
    ]
