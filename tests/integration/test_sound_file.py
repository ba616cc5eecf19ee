"""Sound files of every kind, read by the real libsndfile and resampler."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from agents import pipeline
from agents.adapters.capture import sound_file
from schemas.errors import BadConfig
from schemas.messages import Levels


def tone(rate_hz: int, seconds: float = 3.0) -> NDArray[np.float64]:
    return 0.1 * np.sin(2 * np.pi * 1000 * np.arange(round(seconds * rate_hz)) / rate_hz)


def read(path: Path) -> NDArray[np.float32]:
    with sound_file(path) as recording:
        return np.concatenate([block.samples for block in recording.blocks])


def played(path: Path) -> list[Levels]:
    """Levels that the agent publishes of a recording."""
    with sound_file(path) as recording:
        state = pipeline.start("", datetime(2026, 5, 4, tzinfo=UTC), recording.rate_hz)
        found: list[Levels] = []
        for block in recording.blocks:
            state, readings = pipeline.step(state, block)
            found.extend(reading.levels for reading in readings)
    return found


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 22_050, 44_100, 48_000, 96_000])
def test_any_rate_is_read_at_one_that_holds_all_of_it(tmp_path: Path, rate_hz: int) -> None:
    soundfile.write(tmp_path / "tone.wav", tone(rate_hz, 3.1), rate_hz, subtype="FLOAT")
    wanted_hz = 16_000 if rate_hz <= 16_000 else 48_000
    assert len(read(tmp_path / "tone.wav")) == pytest.approx(3.1 * wanted_hz, abs=1)
    seconds = played(tmp_path / "tone.wav")
    assert [second.lzeq_1s_db for second in seconds] == pytest.approx([-20.0] * 3, abs=0.02)


@pytest.mark.parametrize("rate_hz", [44_100, 48_000, 96_000])
def test_what_16_khz_cannot_hold_is_measured(tmp_path: Path, rate_hz: int) -> None:
    squeal = 0.1 * np.sin(2 * np.pi * 9000 * np.arange(2 * rate_hz) / rate_hz)
    soundfile.write(tmp_path / "squeal.wav", squeal, rate_hz)
    for second in played(tmp_path / "squeal.wav"):
        assert second.laeq_1s_db == pytest.approx(-20 - 1.8, abs=0.1)  # A at 9 kHz is -1.8 dB


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 44_100, 48_000, 96_000])
def test_a_second_overloads_if_a_sample_of_the_file_does(tmp_path: Path, rate_hz: int) -> None:
    sound = np.zeros((6 * rate_hz, 2))
    edges = [2 * rate_hz, 4 * rate_hz - 1]  # the first sample of second 2, the last of second 3
    sound[edges, [0, 1]] = [1.0, -1.0]
    soundfile.write(tmp_path / "clicks.wav", sound, rate_hz)
    overloaded = [second.overload for second in played(tmp_path / "clicks.wav")]
    assert overloaded == [False, False, True, True, False, False]


@pytest.mark.parametrize("rate_hz", [44_100, 48_000, 96_000])
def test_what_the_resampler_overshoots_is_no_overload(tmp_path: Path, rate_hz: int) -> None:
    square = 0.93 * np.sign(np.sin(2 * np.pi * 437 * np.arange(3 * rate_hz) / rate_hz + 0.1))
    soundfile.write(tmp_path / "square.wav", square, rate_hz)
    assert not any(second.overload for second in played(tmp_path / "square.wav"))


@pytest.mark.parametrize("name", ["tone.wav", "tone.flac", "tone.ogg", "tone.aiff", "tone.mp3"])
def test_any_format_is_read(tmp_path: Path, name: str) -> None:
    soundfile.write(tmp_path / name, tone(44_100), 44_100)
    seconds = played(tmp_path / name)
    assert seconds[1].lzeq_1s_db == pytest.approx(-20.0, abs=0.1)


@pytest.mark.parametrize("channels", [2, 6])
def test_channels_are_mixed_down(tmp_path: Path, channels: int) -> None:
    only_one = np.zeros((48_000, channels))
    only_one[:, 1] = channels * tone(16_000)[:48_000] / 10
    soundfile.write(tmp_path / "tone.wav", only_one, 16_000, subtype="FLOAT")
    np.testing.assert_allclose(read(tmp_path / "tone.wav"), tone(16_000) / 10, atol=1e-6)


def test_a_nan_does_not_spoil_what_follows(tmp_path: Path) -> None:
    sound = tone(44_100)
    sound[1000] = np.nan
    soundfile.write(tmp_path / "tone.wav", sound, 44_100, subtype="FLOAT")
    assert np.isfinite(read(tmp_path / "tone.wav")).all()


def test_a_file_shorter_than_a_block_is_read(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "click.wav", tone(44_100, 0.01), 44_100)
    assert len(read(tmp_path / "click.wav")) == pytest.approx(480, abs=1)


def test_a_file_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match=r"street\.wav: no such sound file"):
        read(tmp_path / "street.wav")
    with pytest.raises(BadConfig, match="no such sound file"):
        read(tmp_path)


@pytest.mark.parametrize("name", ["notes.txt", "notes.wav", "notes.raw", "notes.mp3"])
@pytest.mark.parametrize("content", [b"", b"these are words", bytes(range(256)) * 20])
def test_a_file_without_sound_is_one_clear_line(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadConfig, match=rf"{name}: (not a sound file|holds no sound)") as error:
        read(tmp_path / name)
    assert "\n" not in str(error.value)


def test_an_empty_recording_is_one_clear_line(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), 16_000)
    with pytest.raises(BadConfig, match=r"empty\.wav: holds no sound"):
        read(tmp_path / "empty.wav")


def test_a_truncated_recording_is_read_to_where_it_ends_or_told(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "cut.flac", np.random.default_rng(1).normal(0, 0.1, 64_000), 16_000)
    whole = (tmp_path / "cut.flac").read_bytes()
    (tmp_path / "cut.flac").write_bytes(whole[: len(whole) // 2])
    try:
        assert 16_000 < len(read(tmp_path / "cut.flac")) < 48_000
    except BadConfig as e:
        assert "cut.flac: damaged" in str(e)  # noqa: PT017 (either is right)


def test_8_bit_stereo_reads_its_level_and_its_clipping(tmp_path: Path) -> None:
    quiet = np.stack([tone(16_000)] * 2, axis=1)
    soundfile.write(tmp_path / "tone.wav", quiet, 16_000, subtype="PCM_U8")
    seconds = played(tmp_path / "tone.wav")
    assert seconds[1].lzeq_1s_db == pytest.approx(-20.0, abs=0.3)
    assert not seconds[1].overload
    soundfile.write(tmp_path / "square.wav", np.sign(quiet), 16_000, subtype="PCM_U8")
    seconds = played(tmp_path / "square.wav")
    assert seconds[1].overload
