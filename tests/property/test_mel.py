"""Laws of the mel features."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from acoustics import mel


@given(
    cuts=st.lists(st.integers(0, 20_000), max_size=8),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_split_of_a_stream_gives_the_same_codes(cuts: list[int], seed: int) -> None:
    sound = 0.2 * np.random.default_rng(seed).standard_normal(20_000)
    _, whole = mel.frames(mel.MelState(), sound)
    state, parts = mel.MelState(), []
    for part in np.split(sound, sorted(cuts)):
        state, codes = mel.frames(state, part)
        parts.append(codes)
    assert (np.concatenate(parts) == whole).all()


@given(seed=st.integers(0, 2**32 - 1), level_db=st.integers(-70, -10))
def test_doubling_the_pressure_adds_twelve_steps(seed: int, level_db: int) -> None:
    sound = 10 ** (level_db / 20) * np.random.default_rng(seed).standard_normal(8_000)
    _, soft = mel.frames(mel.MelState(), sound)
    _, loud = mel.frames(mel.MelState(), sound * 10 ** (6 / 20))
    assert (loud[1:].astype(int) - soft[1:] == 12).mean() > 0.999


@given(codes=st.lists(st.integers(0, 254), min_size=1))
def test_codes_survive_the_way_to_decibels_and_back(codes: list[int]) -> None:
    power = 10 ** (mel.codes_to_db(codes).astype(np.float64) / 10)
    assert mel.power_to_codes(power).tolist() == codes
