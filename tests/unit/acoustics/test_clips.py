import tracemalloc

import numpy as np

from acoustics import mel
from acoustics.clips import looped_codes, without_silence


def test_padding_is_cut_and_pauses_are_kept() -> None:
    sound = np.array([0.0, 0.0, 1e-6, 0.4, 0.0, 0.0, -0.2, 1e-6, 0.0])
    assert without_silence(sound).tolist() == [0.4, 0.0, 0.0, -0.2]


def test_nothing_but_silence_leaves_one_sample() -> None:
    assert without_silence(np.zeros(5)).tolist() == [0.0]


def test_a_looped_sound_lacks_no_frame_however_short() -> None:
    for samples in (1, 300, 824, 2001, 20_000):
        sound = np.random.default_rng(1).standard_normal(samples)
        codes = looped_codes(sound)
        assert codes.shape == (-(-samples // 2000), 32)
        assert (codes != mel.NO_FRAME).all()


def test_a_long_recording_takes_little_more_memory_than_its_samples() -> None:
    sound = np.random.default_rng(1).standard_normal(300 * mel.RATE_HZ)
    tracemalloc.start()
    looped_codes(sound)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3.5 * sound.nbytes


def test_the_history_of_a_looped_sound_is_its_end() -> None:
    sound = np.random.default_rng(1).standard_normal(8000)
    _, twice = mel.frames(mel.MelState(), np.tile(sound, 2))
    assert (looped_codes(sound) == twice[4:]).all()
