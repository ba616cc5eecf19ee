"""Levels and energies: means, exposure, day-evening-night, percentiles, exact integer sums."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

FLOOR_DB: Final = -120.0
"""The lowest level we state; digital silence reads this, and its energy is 1."""
CEILING_DB: Final = 140.0
CLASSES_PER_DB: Final = 10
"""Percentile histograms count in classes of 0.1 dB."""
DAY_EVENING_NIGHT_H: Final = (12, 4, 8)


def leq(levels_db: ArrayLike) -> float:
    """Equivalent continuous level (energy mean) of equal-length intervals.

    Parameters
    ----------
    levels_db : array_like, shape (n,), n >= 1
        Level of each interval, dB.

    Returns
    -------
    float
        Level of the steady sound with the same energy, dB.

    Examples
    --------
    >>> round(leq([60.0, 70.0]), 1)
    67.4
    """
    return float(10 * np.log10(np.mean(10 ** (np.asarray(levels_db, dtype=np.float64) / 10))))


def sel(leq_db: float, duration_s: float) -> float:
    """Sound exposure level: the same energy within one second.

    Parameters
    ----------
    leq_db : float
        Equivalent level over the event, dB.
    duration_s : float, > 0
        Length of the event, s.

    Returns
    -------
    float
        L_E (L_AE if the input is A-weighted), dB.

    Examples
    --------
    >>> sel(70.0, 10.0)
    80.0
    """
    return leq_db + 10 * math.log10(duration_s)


def lden(
    day_db: float,
    evening_db: float,
    night_db: float,
    *,
    hours: tuple[float, float, float] = DAY_EVENING_NIGHT_H,
) -> float:
    """Day-evening-night level (2002/49/EC, annex I): evenings count 5 dB more, nights 10 dB.

    Parameters
    ----------
    day_db, evening_db, night_db : float
        A-weighted equivalent level of each part, dB.
    hours : tuple of 3 float, sum 24
        Length of the parts; by country, and the same on days of 23 or 25 hours.

    Returns
    -------
    float
        Lden, dB.

    Examples
    --------
    >>> round(lden(60.0, 60.0, 60.0), 1)
    66.4
    """
    levels = (day_db, evening_db + 5.0, night_db + 10.0)
    energy = sum(h * 10 ** (level / 10) for h, level in zip(hours, levels, strict=True))
    return 10 * math.log10(energy / sum(hours))


def energy_of(level_db: float) -> int:
    """Energy of a level as an exact integer, in units of the energy at -120 dB.

    Python integers add without rounding and in any order, so a sum of them depends on the
    set of readings only.

    Parameters
    ----------
    level_db : float
        Any level; below -130 dB the energy is 0.

    Returns
    -------
    int
        round(10^((L + 120) / 10)), >= 0.

    Examples
    --------
    >>> energy_of(-120.0), energy_of(-20.0)
    (1, 10000000000)
    """
    return round(10 ** ((level_db - FLOOR_DB) / 10))


def level_of(energy: int, seconds: int = 1) -> float:
    """Level of a mean energy: the inverse of `energy_of` for a sum over equal intervals.

    Parameters
    ----------
    energy : int, >= 0
        Sum of `energy_of` over the intervals.
    seconds : int, >= 1
        How many intervals (of 1 s) the sum holds.

    Returns
    -------
    float
        Leq, dB; -120 for no energy at all.

    Examples
    --------
    >>> round(level_of(energy_of(60.0) + energy_of(70.0), seconds=2), 1)
    67.4
    """
    if energy <= seconds:
        return FLOOR_DB
    return 10 * (math.log10(energy) - math.log10(seconds)) + FLOOR_DB


def histogram(levels_db: Iterable[float]) -> dict[int, int]:
    """Count levels in classes of 0.1 dB. Histograms merge by adding; percentiles do not.

    Parameters
    ----------
    levels_db : iterable of float
        Levels, dB.

    Returns
    -------
    dict of int to int
        Class (level in tenths of a dB, rounded) to count, ascending.

    Examples
    --------
    >>> histogram([60.04, 59.96, 60.1])
    {600: 2, 601: 1}
    """
    return dict(sorted(Counter(round(level * CLASSES_PER_DB) for level in levels_db).items()))


def exceeded(counts: Mapping[int, int], percent: int) -> float:
    """Percentile level L_N: the highest class that at least N % of the samples reach.

    Parameters
    ----------
    counts : mapping of int to int, not empty
        As `histogram` gives it, or a sum of several.
    percent : int, 1 to 100
        N: 10 for L10 (the loud parts), 90 for L90 (the background).

    Returns
    -------
    float
        Level, dB, a multiple of 0.1.

    Examples
    --------
    >>> counts = histogram(range(1, 101))
    >>> exceeded(counts, 10), exceeded(counts, 50), exceeded(counts, 90)
    (91.0, 51.0, 11.0)
    """
    return percentiles(counts, (percent,))[0]


def percentiles(counts: Mapping[int, int], percents: Sequence[int]) -> list[float]:
    """Several percentile levels at once, as `exceeded` gives each.

    Parameters
    ----------
    counts : mapping of int to int, not empty
        Class to count.
    percents : sequence of int, 1 to 100, ascending
        Which.

    Returns
    -------
    list of float
        Levels, dB.

    Examples
    --------
    >>> percentiles({600: 1, 611: 9}, (10, 90))
    [61.1, 61.1]
    """
    total = sum(counts.values())
    wanted = [-(-total * percent // 100) for percent in percents]
    found: list[float] = []
    reached = 0
    for level_class in sorted(counts, reverse=True):
        reached += counts[level_class]
        while wanted[len(found)] <= reached:
            found.append(level_class / CLASSES_PER_DB)
            if len(found) == len(wanted):
                return found
    msg = f"no L{percents[len(found)]} of {dict(counts)}"
    raise ValueError(msg)
