"""The front end of `street` in parity with its published definition."""

import numpy as np
import pytest

from hearing.frontends import mel64


def test_band_powers_of_mel64_are_those_of_librosa() -> None:
    librosa = pytest.importorskip("librosa", reason="needs librosa (group: dev)")
    sound = np.random.default_rng(6).normal(0, 0.1, 16_000).astype(np.float32)
    expected = librosa.feature.melspectrogram(
        y=np.pad(sound, 56), sr=16_000, n_fft=512, win_length=400, hop_length=160, n_mels=64,
        center=False,
    ).T  # fmt: skip
    assert mel64.power(sound) == pytest.approx(expected, rel=1e-4)
