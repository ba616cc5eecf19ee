import numpy as np
import pytest

from acoustics.weighting import (
    FAST_S,
    SLOW_S,
    a_weighting_db,
    c_weighting_db,
    exponential_mean,
    weighted,
)

RATES_HZ = (16_000, 48_000)
# IEC 61672-1, table of the frequency weightings at the exact frequencies of the nominal ones
A_TABLE = {
    31.62: -39.4,
    63.1: -26.2,
    125.9: -16.1,
    251.2: -8.6,
    501.2: -3.2,
    1000.0: 0.0,
    1995.3: 1.2,
    3981.1: 1.0,
    7943.3: -1.1,
}
C_TABLE = {31.62: -3.0, 63.1: -0.8, 125.9: -0.2, 1000.0: 0.0, 3981.1: -0.8, 7943.3: -3.0}


@pytest.mark.parametrize(("frequency_hz", "weighting_db"), A_TABLE.items())
def test_the_a_curve_is_that_of_the_standard(frequency_hz: float, weighting_db: float) -> None:
    assert float(a_weighting_db(frequency_hz)) == pytest.approx(weighting_db, abs=0.051)


@pytest.mark.parametrize(("frequency_hz", "weighting_db"), C_TABLE.items())
def test_the_c_curve_is_that_of_the_standard(frequency_hz: float, weighting_db: float) -> None:
    assert float(c_weighting_db(frequency_hz)) == pytest.approx(weighting_db, abs=0.051)


def test_the_rounded_formula_of_the_design_agrees() -> None:
    f2 = np.square(np.geomspace(10, 20_000, 200))
    r_c = 12194**2 * f2 / ((f2 + 20.6**2) * (f2 + 12194**2))
    r_a = r_c * f2 / np.sqrt((f2 + 107.7**2) * (f2 + 737.9**2))
    assert np.abs(20 * np.log10(r_a) + 2.00 - a_weighting_db(np.sqrt(f2))).max() < 0.01
    assert np.abs(20 * np.log10(r_c) + 0.06 - c_weighting_db(np.sqrt(f2))).max() < 0.01


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_the_filters_follow_the_analogue_curves_to_the_edge(rate_hz: int) -> None:
    # what a click becomes is the filters' response at every frequency at once
    click = np.zeros(2 * rate_hz)
    click[rate_hz] = 1.0
    f = np.arange(rate_hz // 2 + 1)
    inside = (f >= 10) & (f <= 0.45 * rate_hz)
    for sound, curve in zip(
        weighted(np.fft.rfft(click), rate_hz), (a_weighting_db, c_weighting_db), strict=True
    ):
        response_db = 20 * np.log10(np.abs(np.fft.rfft(sound)[inside]))
        assert np.abs(response_db - curve(f[inside])).max() < 0.06


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize(("frequency_hz", "weighting_db"), list(A_TABLE.items())[:-1])
def test_a_tone_is_weighted_as_the_table_says(
    rate_hz: int, frequency_hz: float, weighting_db: float
) -> None:
    tone = np.sin(2 * np.pi * frequency_hz * np.arange(2 * rate_hz) / rate_hz)
    a, _ = weighted(np.fft.rfft(tone), rate_hz)
    assert 10 * np.log10(np.mean(a**2) / 0.5) == pytest.approx(weighting_db, abs=0.1)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_nothing_is_heard_before_it_sounds_and_all_is_over_after_a_second(rate_hz: int) -> None:
    click = np.zeros(2 * rate_hz)
    click[rate_hz + rate_hz // 2] = 1.0
    click_before = np.zeros(2 * rate_hz)
    click_before[0] = 1.0
    for n in range(2):
        assert np.abs(weighted(np.fft.rfft(click), rate_hz)[n][: rate_hz // 2]).max() < 1e-12
        assert np.abs(weighted(np.fft.rfft(click_before), rate_hz)[n]).max() < 1e-12


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize(("time_s", "decay_db_per_s"), [(FAST_S, 34.7), (SLOW_S, 4.3)])
def test_a_sound_that_stops_decays_at_the_standards_rate(
    rate_hz: int, time_s: float, decay_db_per_s: float
) -> None:
    _, mean = exponential_mean(1.0, np.zeros(rate_hz), time_s=time_s, rate_hz=rate_hz)
    fall_db = 10 * np.log10(mean[0] / mean[rate_hz // 2]) * 2
    assert fall_db == pytest.approx(decay_db_per_s, abs=0.05)


def test_a_steady_power_is_its_own_mean() -> None:
    last, mean = exponential_mean(0.25, np.full(1000, 0.25), time_s=FAST_S, rate_hz=16_000)
    assert mean == pytest.approx(0.25)
    assert last == pytest.approx(0.25)
