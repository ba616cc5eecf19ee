"""Levels of sources on rendered streets, whose stems are known: `make bench` has more of them."""

import pytest

from benchmarks.sources import figures, judged
from benchmarks.sources_scenes import heard
from hearing.adapters import runtime


@pytest.mark.timeout(120)
def test_levels_of_sources_are_near_the_truth_and_their_bounds_hold() -> None:
    them = list(judged(heard(11, 5, 180, runtime.load("street8-0.3.0"))))
    found = figures(them, 10)
    assert found.told_between >= 5
    assert found.median_error_db <= 3.0
    assert found.upper_bounds_hold >= 0.95
