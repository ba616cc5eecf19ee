"""The parts of `make privacy` that need no recogniser: an attack that fails proves nothing."""

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks import privacy_attack as attack
from benchmarks import privacy_learned
from benchmarks.privacy_gate import AT_LEAST, AT_MOST, passes

RATE_HZ = 16_000


def siren(seconds: float, low_hz: float = 500.0) -> NDArray[np.float64]:
    """A tone that glides up and down once a second."""
    time_s = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    phase = 2 * np.pi * (low_hz * time_s - low_hz / (4 * np.pi) * np.cos(2 * np.pi * time_s))
    return np.asarray(0.3 * np.sin(phase))


def syllables(seconds: float) -> NDArray[np.float64]:
    """Noise that comes and goes 16 times a second, faster than any speaker's syllables."""
    time_s = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    noise = np.random.default_rng(2).normal(0, 0.1, len(time_s))
    return np.asarray(noise * (0.02 + np.sin(np.pi * 16 * time_s) ** 2))


def likeness(one: attack.Power, other: attack.Power) -> float:
    """Correlation of two courses of level over time."""
    levels_db = [10 * np.log10(power.mean(axis=1)) for power in (one, other)]
    return float(np.corrcoef(*levels_db)[0, 1])


def test_fine_frames_give_what_is_fast_back() -> None:
    power = attack.fine_mel(syllables(2))
    again = attack.fine_mel(attack.sound_of(power, 2 * RATE_HZ))
    assert likeness(power, again) > 0.9


def test_the_profiles_frames_do_not() -> None:
    power = attack.fine_mel(syllables(2), bands=32)
    guessed = attack.interpolated(attack.profile_codes(syllables(2)), len(power))
    assert guessed.shape == power.shape
    assert likeness(power[50:-50], guessed[50:-50]) < 0.3


def test_what_is_steady_is_interpolated_exactly() -> None:
    sound = np.random.default_rng(1).normal(0, 0.1, 4 * RATE_HZ)
    power = attack.fine_mel(sound, bands=32)
    guessed = attack.interpolated(attack.profile_codes(sound), len(power))
    means_db = [10 * np.log10(each[50:-50].mean(axis=0)) for each in (power, guessed)]
    assert np.abs(means_db[0] - means_db[1]).max() < 1.5


def test_an_attack_that_has_learned_knows_more_than_the_mean() -> None:
    learned = privacy_learned.learn([siren(8, low_hz) for low_hz in (400, 450, 550, 600)])
    sound = siren(4, 500)
    truth_db = privacy_learned.true_columns_db(sound)
    guessed_db = learned.columns_db(attack.profile_codes(sound))
    assert guessed_db.shape == truth_db.shape
    spread_db = np.sqrt(np.mean((truth_db - truth_db.mean(axis=0)) ** 2))
    assert np.sqrt(np.mean((truth_db - guessed_db) ** 2)) < 0.7 * spread_db


@pytest.mark.parametrize(("features", "least"), AT_LEAST.items())
def test_the_gate_closes_when_words_get_through(features: str, least: float) -> None:
    assert passes(features, least)
    assert not passes(features, least - 0.01)


@pytest.mark.parametrize(("features", "most"), AT_MOST.items())
def test_the_gate_closes_when_an_attack_is_broken(features: str, most: float) -> None:
    assert passes(features, most)
    assert not passes(features, most + 0.01)
