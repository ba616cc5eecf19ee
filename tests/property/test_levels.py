"""Laws of levels: cutting, scaling, range."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from acoustics import levels
from acoustics.decibels import leq
from schemas.messages import Levels

RATE_HZ = 16_000
seeds = st.integers(0, 2**32 - 1)


def noise(seed: int, seconds: int, rms: float = 0.01) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    loudness = np.repeat(10 ** rng.uniform(-1, 0, 8 * seconds), RATE_HZ // 8)
    return np.asarray(rng.normal(0, rms, seconds * RATE_HZ) * loudness)


def numbers(second: Levels) -> list[float]:
    return [
        second.laeq_1s_db,
        second.lceq_1s_db,
        second.lzeq_1s_db,
        second.lafmax_db,
        second.lasmax_db,
        second.lcpeak_db,
        *second.third_octaves_db,
    ]


@given(seed=seeds, cuts=st.lists(st.integers(0, 3 * RATE_HZ), max_size=8))
def test_a_sound_cut_anywhere_has_the_same_levels(seed: int, cuts: list[int]) -> None:
    sound = noise(seed, seconds=3)
    state = levels.start(RATE_HZ)
    pieces: list[Levels] = []
    for low, high in pairwise([0, *sorted(cuts), len(sound)]):
        state, seconds = levels.step(state, sound[low:high])
        pieces.extend(seconds)
    assert tuple(pieces) == levels.step(levels.start(RATE_HZ), sound)[1]


@given(seed=seeds, gain_db=st.floats(-20, 20))
def test_a_gain_moves_every_level_by_its_decibels(seed: int, gain_db: float) -> None:
    sound = noise(seed, seconds=2)
    _, plain = levels.step(levels.start(RATE_HZ), sound)
    _, louder = levels.step(levels.start(RATE_HZ), sound * 10 ** (gain_db / 20))
    for before, after in zip(plain, louder, strict=True):
        assert numbers(after) == pytest.approx([n + gain_db for n in numbers(before)], abs=0.011)


@given(seed=seeds, sensitivity_dbfs=st.floats(-60, 20))
def test_a_calibration_moves_every_level_by_the_same(seed: int, sensitivity_dbfs: float) -> None:
    sound = noise(seed, seconds=1)
    _, (relative,) = levels.step(levels.start(RATE_HZ), sound)
    state = levels.start(RATE_HZ, sensitivity_dbfs_at_94=sensitivity_dbfs)
    _, (calibrated,) = levels.step(state, sound)
    shift = 94.0 - sensitivity_dbfs
    expected = [min(n + shift, 140.0) for n in numbers(relative)]
    assert numbers(calibrated) == pytest.approx(expected, abs=0.011)


@given(
    pitches_hz=st.lists(st.integers(50, 7000), min_size=2, max_size=2, unique=True),
    seed=seeds,
)
def test_energies_of_two_tones_add_up(pitches_hz: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    t = np.arange(2 * RATE_HZ) / RATE_HZ
    tones = [
        rng.uniform(0.01, 0.3) * np.sin(2 * np.pi * f * t + rng.uniform(0, 6)) for f in pitches_hz
    ]
    one, other, both = (
        levels.step(levels.start(RATE_HZ), sound)[1][1] for sound in (*tones, sum(tones))
    )
    for name in ("laeq_1s_db", "lceq_1s_db", "lzeq_1s_db"):
        total = leq([getattr(one, name), getattr(other, name)]) + 10 * np.log10(2)
        assert getattr(both, name) == pytest.approx(total, abs=0.06)


@given(
    seed=seeds,
    exponent=st.floats(-300, 300),
    sensitivity_dbfs=st.none() | st.floats(-80, 20),
    bad=st.sampled_from([0.0, float("nan"), float("inf"), float("-inf")]),
)
def test_any_samples_give_levels_from_minus_120_to_140_db(
    seed: int, exponent: float, sensitivity_dbfs: float | None, bad: float
) -> None:
    sound = noise(seed, seconds=2) * 10.0**exponent
    sound[5000:5100] = bad
    state = levels.start(RATE_HZ, sensitivity_dbfs_at_94=sensitivity_dbfs)
    for second in levels.step(state, sound)[1]:
        assert all(-120.0 <= number <= 140.0 for number in numbers(second))


@given(seed=seeds)
def test_quantities_keep_their_order(seed: int) -> None:
    # a maximum is not below its mean, S is a mean of what F was, a peak not below an RMS
    loudest_so_far = -120.0
    for second in levels.step(levels.start(RATE_HZ), noise(seed, seconds=3))[1]:
        loudest_so_far = max(loudest_so_far, second.lafmax_db)
        assert second.lafmax_db >= second.laeq_1s_db - 0.011
        assert loudest_so_far >= second.lasmax_db - 0.011
        assert second.lcpeak_db >= second.lceq_1s_db
