"""The two sides of the gate: the profile keeps words back, and the attacks that say so do work."""

from collections.abc import Mapping
from typing import Final

AT_LEAST: Final[Mapping[str, float]] = {"mel32x8": 0.85, "mel32x8, learned": 0.85}
AT_MOST: Final[Mapping[str, float]] = {
    "untouched": 0.15,
    "mel64x100": 0.35,
    "ideal columns": 0.35,
}


def passes(features: str, wer: float) -> bool:
    """Whether a word error rate is on the right side of its bound.

    >>> passes("mel32x8", 0.96), passes("mel32x8", 0.8), passes("untouched", 0.2)
    (True, False, False)
    """
    return wer >= AT_LEAST[features] if features in AT_LEAST else wer <= AT_MOST[features]


def bound(features: str) -> str:
    """The bound in words.

    >>> bound("mel32x8"), bound("untouched")
    ('>= 0.85', '<= 0.15')
    """
    if features in AT_LEAST:
        return f">= {AT_LEAST[features]}"
    return f"<= {AT_MOST[features]}"
