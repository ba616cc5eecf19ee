from hypothesis import given
from hypothesis import strategies as st

from agents import slew
from agents.slew import MAX_SLEW, Slew


@given(st.lists(st.floats(-10, 10), max_size=100))
def test_a_correction_is_never_more_than_500_ppm(lags_s: list[float]) -> None:
    state = Slew()
    for lag_s in lags_s:
        state, correction_s = slew.step(state, lag_s)
        assert abs(correction_s) <= MAX_SLEW


@given(st.lists(st.floats(0, 5), max_size=200))
def test_delays_alone_correct_nothing(delays_s: list[float]) -> None:
    state = Slew()
    for n, delay_s in enumerate(delays_s):
        state, correction_s = slew.step(state, 0.0 if n % 20 == 0 else delay_s)
        assert correction_s == 0


@given(st.floats(-400e-6, 400e-6), st.integers(500, 1500))
def test_a_crystal_within_reach_is_followed(drift_per_s: float, seconds: int) -> None:
    state = Slew()
    lag_s = 0.0
    for _ in range(seconds):
        lag_s += drift_per_s
        state, correction_s = slew.step(state, lag_s)
        lag_s -= correction_s
    assert abs(lag_s) <= 0.02
    assert not state.has_stepped


def test_a_clock_set_back_is_seen_at_once_and_one_set_forward_in_half_a_minute() -> None:
    assert slew.step(Slew(), -2.0)[0].has_stepped
    state = Slew()
    for _ in range(29):
        state, _ = slew.step(state, 2.0)
        assert not state.has_stepped
    assert slew.step(state, 2.0)[0].has_stepped
