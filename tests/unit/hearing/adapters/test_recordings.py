"""Recordings as they lie about: long, cut, damaged."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from hearing.adapters.recordings import read_mono

RATE_HZ = 16_000


def tone(seconds: float, rate_hz: int) -> NDArray[np.float64]:
    return 0.1 * np.sin(2 * np.pi * 1000 * np.arange(round(seconds * rate_hz)) / rate_hz)


def quarters_db(sound: NDArray[np.float64]) -> NDArray[np.float64]:
    """Level of each quarter of a second but the first and the last, dB re full scale."""
    quarters = sound[: len(sound) // 4000 * 4000].reshape(-1, 4000)[1:-1]
    return np.asarray(10 * np.log10(2 * np.square(quarters).mean(axis=1)))


@pytest.fixture(scope="module")
def mp3(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sounds") / "tone.mp3"
    soundfile.write(path, tone(130, 22_050), 22_050)
    return path


def test_a_long_mp3_is_the_same_sound_to_its_end(mp3: Path) -> None:
    found = read_mono(mp3, RATE_HZ)
    assert len(found) == pytest.approx(130 * RATE_HZ, abs=1)
    assert quarters_db(found) == pytest.approx(-20, abs=0.15)


def test_of_an_mp3_that_was_cut_nothing_is_made_up(mp3: Path, tmp_path: Path) -> None:
    whole = mp3.read_bytes()
    (tmp_path / "cut.mp3").write_bytes(whole[: len(whole) // 2])
    found = read_mono(tmp_path / "cut.mp3", RATE_HZ)
    assert 60 < len(found) / RATE_HZ < 66
    assert quarters_db(found) == pytest.approx(-20, abs=0.15)


def test_a_channel_without_numbers_silences_no_other(tmp_path: Path) -> None:
    both = np.stack([tone(1, RATE_HZ), np.full(RATE_HZ, np.nan)], axis=1)
    soundfile.write(tmp_path / "half.wav", both, RATE_HZ, subtype="DOUBLE")
    np.testing.assert_allclose(read_mono(tmp_path / "half.wav", RATE_HZ), both[:, 0] / 2)
