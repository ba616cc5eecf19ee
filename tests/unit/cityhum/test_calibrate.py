"""`cityhum agent calibrate` on recordings of a calibrator."""

import asyncio
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner, Result

from agents.adapters import calibration_file
from agents.adapters.doctor import calibrated
from agents.settings import AgentSettings
from cityhum.agent import app
from schemas.errors import BadConfig

RATE_HZ = 48_000


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CITYHUM_STATE_FOLDER", str(tmp_path / "state"))
    monkeypatch.setenv("CITYHUM_DEVICE", "pole-07")
    return tmp_path


def recorded(path: Path, level_dbfs: float, *, channels: int = 1) -> str:
    tone = np.sin(2 * np.pi * 1000 * np.arange(7 * RATE_HZ) / RATE_HZ)
    sound = 10 ** (level_dbfs / 20) * tone
    sound[:RATE_HZ] *= 0.01  # before it is switched on
    soundfile.write(path, np.stack([sound] * channels, axis=1), RATE_HZ)
    return str(path)


def calibrate(*words: str) -> Result:
    return CliRunner().invoke(app, ["calibrate", *words], catch_exceptions=False)


@pytest.mark.parametrize(("level", "level_dbfs"), [("94", -26.0), ("114", -6.0)])
def test_a_recorded_calibrator_is_kept(folder: Path, level: str, level_dbfs: float) -> None:
    file = recorded(folder / "tone.wav", level_dbfs, channels=2)
    result = calibrate("--level", level, "--file", file, "--json")
    record = calibration_file.load(folder / "state")
    assert record is not None
    assert json.loads(result.stdout)["name"] == record.name
    assert (record.device, record.method) == ("pole-07", "calibrator")
    assert record.sensitivity_dbfs == pytest.approx(-26.0, abs=0.02)
    assert record.u95_db is not None


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_response_belongs_to_the_record(folder: Path, encoding: str) -> None:
    (folder / "mic.txt").write_text("20 -3\n1000 0\n20000 2\n", encoding=encoding)
    result = calibrate("--data-sheet", "-26", "--response", str(folder / "mic.txt"))
    assert "(data-sheet): -26.00 dBFS at 94 dB, U95 3.0 dB, response of 3 points" in result.stdout
    record = calibration_file.load(folder / "state")
    assert record is not None
    assert record.calibration.response == ((20.0, -3.0), (1000.0, 0.0), (20_000.0, 2.0))


@pytest.fixture
def card(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A USB card beside a calibrator, and the file that says how its mixer is set."""
    tone = 10 ** (-26 / 20) * np.sin(2 * np.pi * 1000 * np.arange(7 * RATE_HZ) / RATE_HZ)
    (folder / "sound").write_bytes((tone * 2**31).astype("<i4").tobytes())
    (folder / "arecord").write_text(f"""#!/bin/sh
if [ "$1" != -l ]; then exec cat {folder}/sound; fi
echo 'card 1: Mic [USB Mic], device 0: USB Audio [USB Audio]'
""")
    (folder / "amixer").write_text(f"#!/bin/sh\n[ $2 = Mic ] && cat {folder}/mixer\n")
    for program in ("arecord", "amixer"):
        (folder / program).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setenv("CITYHUM_RATE_HZ", str(RATE_HZ))
    mixer = folder / "mixer"
    mixer.write_text("""Simple mixer control 'Mic',0
  Mono: Capture 24 [69%] [14.00dB] [on]
Simple mixer control 'Auto Gain Control',0
  Mono: Playback [off]
""")
    return mixer


@pytest.mark.usefixtures("card")
def test_the_gain_belongs_to_the_record(folder: Path) -> None:
    result = calibrate()
    record = calibration_file.load(folder / "state")
    assert record is not None
    assert record.gain == ("Mic: 24 on", "Auto Gain Control: off")
    assert "sudo alsactl store" in result.stdout


async def test_the_doctor_finds_a_gain_that_was_turned(folder: Path, card: Path) -> None:
    await asyncio.to_thread(calibrate)
    settings = AgentSettings(device="pole-07", state_folder=folder / "state")
    assert (await calibrated(settings)).verdict == "ok"
    card.write_text(card.read_text().replace("Capture 24", "Capture 18"))
    assert "now 'Mic: 18 on'" in (await calibrated(settings)).detail
    other = settings.model_copy(update={"device": "pole-08"})
    assert "not of pole-08" in (await calibrated(other)).detail
    (folder / "state" / calibration_file.FILE).write_text("{}")
    found = await calibrated(settings)
    assert (found.verdict, "is no calibration" in found.detail) == ("failed", True)


@pytest.mark.parametrize("mixer", ["", "exit"])
def test_a_card_without_a_mixer_is_calibrated_all_the_same(
    folder: Path, card: Path, mixer: str
) -> None:
    if mixer:
        card.unlink()
    else:
        card.write_text("")
    calibrate()
    record = calibration_file.load(folder / "state")
    assert record is not None
    assert record.gain == (None if mixer else ())


def test_a_card_that_sets_its_gain_by_itself_is_refused(folder: Path, card: Path) -> None:
    card.write_text(card.read_text().replace("[off]", "[on]"))
    with pytest.raises(BadConfig, match="'Auto Gain Control' is on"):
        calibrate()
    assert calibration_file.load(folder / "state") is None


def test_the_seeds_constants_are_named_as_such(folder: Path) -> None:
    calibrate("--seed")
    record = calibration_file.load(folder / "state")
    assert record is not None
    assert (record.method, record.u95_db) == ("seed", None)
    assert record.sensitivity_dbfs == pytest.approx(94 - 79.89, abs=0.01)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--level", "90"], "calibrators give 94 or 114 dB"),
        (["--seed", "--data-sheet", "-26"], "exclude each other"),
        (["--file", "nowhere.wav"], "no such sound file"),
        (["--seed", "--response", "nowhere.txt"], "No such file"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_a_mistake_is_one_clear_line(words: list[str], complaint: str) -> None:
    with pytest.raises(BadConfig, match=complaint) as error:
        calibrate(*words)
    assert "\n" not in str(error.value)


def test_what_is_no_calibrator_is_refused_with_its_reason(folder: Path) -> None:
    noise = np.random.default_rng(1).normal(0, 0.05, 6 * RATE_HZ)
    soundfile.write(folder / "street.wav", noise, RATE_HZ)
    with pytest.raises(BadConfig, match=r"no calibrator's tone: the band of 1 kHz holds \d+%"):
        calibrate("--file", str(folder / "street.wav"))
    assert calibration_file.load(folder / "state") is None


@pytest.mark.parametrize("rate_hz", [48_000, 44_100])
def test_a_recording_that_clips_in_one_of_its_channels_is_refused(
    folder: Path, rate_hz: int
) -> None:
    tone = np.clip(1.41 * np.sin(2 * np.pi * 1000 * np.arange(8 * rate_hz) / rate_hz), -1, 1)
    soundfile.write(folder / "loud.wav", np.stack([tone, np.zeros_like(tone)], axis=1), rate_hz)
    with pytest.raises(BadConfig, match="no calibrator's tone: the sound card overloads"):
        calibrate("--level", "114", "--file", str(folder / "loud.wav"))
    assert calibration_file.load(folder / "state") is None
