"""Whose energy it was: a second's excess over the background, divided among its active labels.

The residual is what the device's running background explains: the median of the L90 of the
`BACKGROUND_MINUTES` minutes before the window's own minute. Only the excess above it is divided,
in integers rounded down; the residual takes the remainder, so that energy closes exactly.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from acoustics.decibels import CLASSES_PER_DB, energy_of, level_of

VERSION: Final = 1
"""Of that division; a change of it is a new number in `docs/levels.md`."""

BACKGROUND_MINUTES: Final = 15
LEAST_COVERAGE_S: Final = 20
"""A minute that was heard for less says nothing about the background."""


class MinuteBackground(NamedTuple):
    """What a minute says of the background: L90 in tenths of a dB, and of how many seconds."""

    l90: int
    coverage_s: int
    calibrated: bool


def background(minutes: Sequence[MinuteBackground], *, calibrated: bool) -> int | None:
    """Running background of a minute.

    Parameters
    ----------
    minutes : sequence of MinuteBackground
        The `BACKGROUND_MINUTES` before it, in any order; those without readings are missing.
    calibrated : bool
        Whether the levels that it is compared with are.

    Returns
    -------
    int or None
        Energy of one second; None if nothing is known.
    """
    known = sorted(
        one.l90
        for one in minutes
        if one.coverage_s >= LEAST_COVERAGE_S and one.calibrated == calibrated
    )
    return energy_of(known[(len(known) - 1) // 2] / CLASSES_PER_DB) if known else None


def weight(score: int) -> int:
    """How much of the excess a label claims: the odds of its score.

    Parameters
    ----------
    score : int
        Per mille, 0 to 1000; 500 is the label's threshold.

    Returns
    -------
    int
        At least 1.

    Examples
    --------
    >>> weight(500), weight(800), weight(1000)
    (998, 3980, 1000000)
    """
    return max(1000 * score // (1001 - score), 1)


def told(own: int, active: int, seconds: int) -> tuple[float | None, float | None]:
    """What is said of a source: its level, or else what it cannot exceed.

    Parameters
    ----------
    own : int
        Its energy.
    active : int
        Energy of all sound in its active seconds.
    seconds : int, >= 1
        How many these are.

    Returns
    -------
    source_leq_db, source_leq_upper_db : float or None
        Over the active seconds. The level, if the source is at least as strong as all the rest.
    """
    if 2 * own >= active:
        return round(level_of(own, seconds), 2), None
    return None, round(level_of(active, seconds), 2)
