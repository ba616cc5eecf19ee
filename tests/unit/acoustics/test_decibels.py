import math

import pytest

from acoustics.decibels import energy_of, exceeded, histogram, lden, leq, level_of, sel


def test_leq_is_an_energy_mean_not_a_mean_of_decibels() -> None:
    assert leq([60.0, 70.0]) == pytest.approx(67.40, abs=0.005)


def test_a_constant_60_db_gives_an_lden_of_66_4() -> None:
    assert lden(60.0, 60.0, 60.0) == pytest.approx(66.40, abs=0.005)


def test_lden_by_hand() -> None:
    # (12 · 10^6.5 + 4 · 10^(6.0 + 0.5) + 8 · 10^(5.5 + 1.0)) / 24 = 10^6.5
    assert lden(65.0, 60.0, 55.0) == pytest.approx(65.0)


def test_the_hours_of_lden_follow_the_country() -> None:
    by_hand = 10 * math.log10((14 * 1e6 + 2 * 10**6.5 + 8 * 1e7) / 24)
    assert lden(60.0, 60.0, 60.0, hours=(14, 2, 8)) == pytest.approx(by_hand)


def test_ten_seconds_are_10_db_above_one_second() -> None:
    assert sel(70.0, 10.0) == pytest.approx(80.0)
    assert sel(70.0, 0.5) == pytest.approx(67.0, abs=0.02)


@pytest.mark.parametrize(("percent", "level_db"), [(10, 80.0), (20, 80.0), (50, 60.0), (90, 40.0)])
def test_percentiles_of_a_constructed_minute(percent: int, level_db: float) -> None:
    minute = histogram([80.0] * 12 + [60.0] * 30 + [40.0] * 18)
    assert exceeded(minute, percent) == level_db


def test_the_percentile_of_one_sample_is_that_sample() -> None:
    assert [exceeded(histogram([55.5]), n) for n in (1, 10, 50, 90, 100)] == [55.5] * 5


def test_a_percentile_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no L10"):
        exceeded({}, 10)


def test_energies_are_exact_integers() -> None:
    assert energy_of(-120.0) == 1
    assert energy_of(0.0) == 10**12
    assert energy_of(140.0) > 2**63  # why it is never an int64
    assert level_of(0) == -120.0
    assert level_of(10**26, seconds=1) == pytest.approx(140.0)
