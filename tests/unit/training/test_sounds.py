"""Recordings of anybody, read for training: each heard, or one line that names it."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from schemas.errors import BadConfig
from training import sounds
from training.data import Clip

RATE_HZ = 16_000


def clip(path: Path, span_s: tuple[float, float] | None = None) -> Clip:
    rain = frozenset({"rain"})
    return Clip(path, "town", path.name, 0, rain, frozenset(), bed=False, span_s=span_s)


@pytest.mark.parametrize(
    ("samples", "reason"),
    [
        (np.zeros(0), "holds no sound"),
        (np.zeros(RATE_HZ), "holds nothing but silence"),
        (np.full(RATE_HZ, np.nan), "holds nothing but silence"),
    ],
)
def test_what_nothing_can_be_learnt_of_is_named(
    tmp_path: Path, samples: np.ndarray, reason: str
) -> None:
    soundfile.write(tmp_path / "a.wav", samples, RATE_HZ, subtype="FLOAT")
    with pytest.raises(BadConfig, match=rf"a\.wav: {reason}"):
        sounds.read(clip(tmp_path / "a.wav"))


def test_what_is_no_sound_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"RIFF no sound")
    with pytest.raises(BadConfig, match=r"a\.wav: not a sound file"):
        sounds.read(clip(tmp_path / "a.wav"))


def test_a_span_of_any_rate_and_channels_is_heard_and_no_number_is_silence(tmp_path: Path) -> None:
    both = np.stack([np.ones(48_000 * 12), np.zeros(48_000 * 12)], axis=1)
    both[48_000 * 6] = np.nan
    soundfile.write(tmp_path / "a.wav", both, 48_000, subtype="FLOAT")
    heard = sounds.read(clip(tmp_path / "a.wav", (5.0, 7.5)))
    assert len(heard) == 2.5 * RATE_HZ
    assert np.isfinite(heard).all()
    assert np.median(heard) == pytest.approx(0.5, abs=0.01)
