"""Laws of decibels: energies add exactly, percentiles merge, means lie between."""

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acoustics.decibels import energy_of, exceeded, histogram, leq, level_of, sel

levels_db = st.floats(-120, 140)
series = st.lists(levels_db, min_size=1, max_size=60)


@given(level_db=levels_db, n=st.integers(1, 3600))
def test_leq_of_a_steady_sound_is_its_level(level_db: float, n: int) -> None:
    assert leq([level_db] * n) == pytest.approx(level_db)


@given(level_db=st.floats(-80, 140), n=st.integers(1, 10**9))
def test_a_sum_of_energies_gives_the_level_back(level_db: float, n: int) -> None:
    assert level_of(n * energy_of(level_db), n) == pytest.approx(level_db, abs=0.001)


@given(levels=series, seed=st.integers())
def test_energies_add_exactly_in_any_order(levels: list[float], seed: int) -> None:
    shuffled = random.Random(seed).sample(levels, len(levels))
    assert sum(map(energy_of, shuffled)) == sum(map(energy_of, levels))


@given(levels=st.lists(st.floats(0, 140), min_size=1, max_size=60))
def test_the_level_of_summed_energies_is_leq(levels: list[float]) -> None:
    mean = level_of(sum(map(energy_of, levels)), len(levels))
    assert mean == pytest.approx(leq(levels), abs=0.001)


@given(levels=series)
def test_leq_lies_between_mean_and_maximum(levels: list[float]) -> None:
    assert sum(levels) / len(levels) - 1e-6 <= leq(levels) <= max(levels) + 1e-6


@given(level_db=st.floats(-100, 100), gain_db=st.just(20.0))
def test_20_db_more_is_a_hundred_times_the_energy(level_db: float, gain_db: float) -> None:
    assert energy_of(level_db + gain_db) / 100 == pytest.approx(
        energy_of(level_db), rel=1e-9, abs=1
    )


@given(first=series, second=series, percent=st.integers(1, 100))
def test_histograms_merge_to_the_percentile_of_all(
    first: list[float], second: list[float], percent: int
) -> None:
    merged = Counter(histogram(first)) + Counter(histogram(second))
    assert exceeded(merged, percent) == exceeded(histogram(first + second), percent)


@given(levels=series, percent=st.integers(1, 99))
def test_percentiles_fall_and_lie_within_the_series(levels: list[float], percent: int) -> None:
    counts = histogram(levels)
    assert exceeded(counts, percent) >= exceeded(counts, percent + 1)
    assert min(levels) - 0.051 <= exceeded(counts, percent) <= max(levels) + 0.051


@given(level_db=levels_db, duration_s=st.floats(0.1, 1e5))
def test_exposure_is_energy_within_one_second(level_db: float, duration_s: float) -> None:
    assert 10 ** (sel(level_db, duration_s) / 10) == pytest.approx(
        duration_s * 10 ** (level_db / 10), rel=1e-9
    )
