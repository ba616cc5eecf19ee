"""The front end of `street`, its bands written down once more and slowly."""

import numpy as np
import pytest

from acoustics.clips import looped_codes
from hearing import looks
from hearing.frontends import fine_coarse, mel64
from hearing.manifest import Input


def a_sound() -> np.ndarray:
    """Noise, and a tone that rises through the bands."""
    t = np.arange(16_000) / 16_000
    chirp = np.sin(2 * np.pi * (100 * t + 3500 * t**2))
    return (0.3 * chirp + np.random.default_rng(6).normal(0, 0.02, len(t))).astype(np.float32)


def hz(mel: float) -> float:
    """Slaney's scale: 66.7 Hz a mel up to 1 kHz, then 27 to each factor of 6.4."""
    return mel * 200 / 3 if mel < 15 else 1000 * 6.4 ** ((mel - 15) / 27)


def slow_filters() -> np.ndarray:
    top = 15 + 27 * np.log(8) / np.log(6.4)
    edges = [hz(mel) for mel in np.linspace(0, top, 66)]
    bank = np.zeros((64, 257))
    for band, (low, middle, high) in enumerate(zip(edges, edges[1:], edges[2:], strict=False)):
        for n in range(257):
            f = n * 31.25
            rise, fall = (f - low) / (middle - low), (high - f) / (high - middle)
            bank[band, n] = max(0.0, min(rise, fall)) * 2 / (high - low)
    return bank


def test_band_powers_are_those_of_the_definition() -> None:
    sound = a_sound().astype(np.float64)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    frames = np.array([sound[n : n + 400] * window for n in range(0, len(sound) - 399, 160)])
    expected = np.abs(np.fft.rfft(frames, 512)) ** 2 @ slow_filters().T
    assert mel64.power(a_sound()) == pytest.approx(expected, rel=1e-3, abs=1e-9)


def test_a_tone_is_loudest_in_the_band_at_its_frequency() -> None:
    t = np.arange(16_000) / 16_000
    for band, centre_hz in list(enumerate(mel64.centres_hz()))[2::12]:
        loud = mel64.power(np.sin(2 * np.pi * centre_hz * t).astype(np.float32))
        assert set(loud.argmax(axis=1)) == {band}


def test_a_patch_ends_with_the_sound_and_silence_is_100_db_down() -> None:
    look = looks.of(Input(frontend="mel64x100", rate_hz=16_000, shape=(90, 64)))
    sound = a_sound()
    patch = look.patches(sound[-look.samples :])
    assert patch.shape == (1, 90, 64)
    assert np.array_equal(patch, mel64.patches(sound, 90))
    silence = look.patches(np.zeros(look.samples, np.float32))
    assert silence == pytest.approx(np.full_like(patch, -100))


def test_beside_the_levels_are_the_codes_that_a_device_sends() -> None:
    sound = np.tile(a_sound(), 2)[:32_000]
    (patch,) = fine_coarse.patches(sound)
    assert np.array_equal(patch[:196], mel64.patches(sound, 196)[0])
    assert np.array_equal(patch[196:].reshape(16, 32), looped_codes(sound))
