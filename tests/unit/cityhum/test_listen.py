import json
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
import typer
from typer.testing import CliRunner

from acoustics.sirens import siren
from cityhum import listen
from hearing.adapters import runtime
from hearing.clips import Patches
from hearing.manifest import Input, Manifest
from schemas.errors import BadConfig
from tests.unit.hearing.manifests import manifest

RATE_HZ = 16_000


@pytest.fixture(scope="module")
def model() -> runtime.Model:
    return runtime.load("street8-0.3.0")


def wail(seconds: float, rate_hz: int = RATE_HZ) -> np.ndarray:
    return 0.05 * siren("wail", seconds, rate_hz, np.random.default_rng(11))


def written(path: Path, sound: np.ndarray, rate_hz: int = RATE_HZ) -> Path:
    soundfile.write(path, sound, rate_hz)
    return path


def test_a_siren_is_heard_and_its_level_measured(tmp_path: Path, model: runtime.Model) -> None:
    report = listen.listen(written(tmp_path / "wail.wav", wail(8.0)), model)
    assert report.seconds == 8.0
    assert report.labels["siren"] > 0.7
    assert report.origins["technogenic"] > 0.7
    assert report.laeq_db == pytest.approx(20 * np.log10(0.05) + 3, abs=3)
    assert report.lafmax_db > report.laeq_db
    assert [event.label for event in report.events].count("siren") == 1
    assert all(0.5 <= event.score <= 1 for event in report.events)


def test_rate_and_channels_do_not_matter(tmp_path: Path, model: runtime.Model) -> None:
    plain = listen.listen(written(tmp_path / "a.wav", wail(5.0)), model)
    stereo = np.stack([wail(5.0, 48_000)] * 2, axis=1)
    other = listen.listen(written(tmp_path / "b.wav", stereo, 48_000), model)
    assert other.seconds == plain.seconds
    assert other.laeq_db == pytest.approx(plain.laeq_db, abs=1.0)
    assert "siren" in other.labels


def test_silence_is_silence(tmp_path: Path, model: runtime.Model) -> None:
    report = listen.listen(written(tmp_path / "zeros.wav", np.zeros(3 * RATE_HZ)), model)
    assert report.labels == {"silence": 1.0}
    assert report.origins == {"natural": 0.0, "human": 0.0, "technogenic": 0.0}
    assert report.events == ()


def test_less_than_a_second_is_heard_too(tmp_path: Path, model: runtime.Model) -> None:
    report = listen.listen(written(tmp_path / "short.wav", wail(0.4)), model)
    assert report.seconds == 0.4


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "is empty"), (b"words, not sound", "not a sound file"), (None, "no such file")],
)
def test_what_is_no_sound_is_one_line(
    tmp_path: Path, model: runtime.Model, content: bytes | None, reason: str
) -> None:
    path = tmp_path / "bad.wav"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadConfig, match=reason) as refused:
        listen.listen(path, model)
    assert "\n" not in str(refused.value)


def test_a_folder_is_one_line(tmp_path: Path, model: runtime.Model) -> None:
    with pytest.raises(BadConfig, match="is no file"):
        listen.listen(tmp_path, model)


def test_a_file_without_samples_is_one_line(tmp_path: Path, model: runtime.Model) -> None:
    with pytest.raises(BadConfig, match="holds no sound"):
        listen.listen(written(tmp_path / "empty.wav", np.empty(0)), model)


def test_shares_count_seconds_and_origins() -> None:
    report = listen.report_of(
        "f", 4.0, [60.0, 60.0, 60.0, 60.0], 63.0,
        labels=[{"siren": 900, "dog_bark": 600}, {"siren": 800}, {}, {}],
        silent=[False, False, False, True],
    )  # fmt: skip
    assert report.labels == {"siren": 0.5, "dog_bark": 0.25, "other": 0.25, "silence": 0.25}
    assert report.origins == {"natural": 0.25, "human": 0.0, "technogenic": 0.5}


def test_json_has_a_line_for_each_file_and_a_bad_file_ends_with_status_2(tmp_path: Path) -> None:
    command = typer.Typer()
    command.command()(listen.app)
    good, bad = written(tmp_path / "good.wav", wail(2.0)), tmp_path / "bad.wav"
    result = CliRunner().invoke(command, [str(good), str(bad), str(good), "--json"])
    report, again = map(json.loads, result.stdout.splitlines())
    assert report == again
    assert result.exit_code == 2
    assert set(report) == {
        "file", "seconds", "laeq_db", "lafmax_db", "labels", "origins", "events", "over_time",
    }  # fmt: skip
    assert "no such file" in result.stderr


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_file_whose_name_is_not_utf_8_is_heard(tmp_path: Path, options: list[str]) -> None:
    command = typer.Typer()
    command.command()(listen.app)
    path = written(tmp_path / "a.wav", wail(1.0)).rename(tmp_path / os.fsdecode(b"stra\xdfe.wav"))
    result = CliRunner().invoke(command, [str(path), *options])
    assert result.exit_code == 0
    assert r"stra\udcdfe.wav" in result.stdout.replace(r"\\", "\\")


def test_shares_are_told_part_by_part(tmp_path: Path, model: runtime.Model) -> None:
    sound = np.concatenate([wail(6.0), np.zeros(7 * RATE_HZ)])
    report = listen.listen(written(tmp_path / "a.wav", sound), model, every_s=6)
    assert [part.start_s for part in report.over_time] == [0, 6, 12]
    first, second, third = (part.origins["technogenic"] for part in report.over_time)
    assert first > 0.5 > second  # a patch looks back 4 s, and needs a second to be sure
    assert third == 0.0
    assert report.over_time[-1].labels == {"silence": 1.0}


class Loudest:
    """Hears full band at 8 kHz, a second a look: a siren where it is loud."""

    manifest: Manifest = manifest(
        input=Input(frontend="waveform", rate_hz=8_000, shape=(8_000,)),
    )

    def scores(self, patches: Patches, /) -> np.ndarray:
        loudest = np.abs(patches).max(axis=1)
        return np.stack([loudest, np.zeros_like(loudest)], axis=1).astype(np.float32)


def test_a_full_band_model_is_given_the_sound_itself(tmp_path: Path) -> None:
    t = np.arange(4 * 44_100) / 44_100
    tone = np.where(t < 2, 0.9, 0.1) * np.sin(2 * np.pi * 440 * t)
    report = listen.listen(written(tmp_path / "a.wav", tone, 44_100), Loudest())
    assert report.labels == {"siren": 0.5, "other": 0.5}


def test_levels_are_those_of_all_that_the_file_holds(tmp_path: Path, model: runtime.Model) -> None:
    squeal = 0.1 * np.sin(2 * np.pi * 9000 * np.arange(2 * 44_100) / 44_100)
    report = listen.listen(written(tmp_path / "a.wav", squeal, 44_100), model)
    assert report.laeq_db == pytest.approx(-20 - 1.8, abs=0.1)  # A at 9 kHz is -1.8 dB


def test_a_bang_in_the_last_part_of_a_second_is_heard(tmp_path: Path, model: runtime.Model) -> None:
    sound = np.zeros(round(1.9 * RATE_HZ))
    sound[24_000:24_200] = 0.5
    report = listen.listen(written(tmp_path / "a.wav", sound), model)
    assert report.lafmax_db > -40
    assert report.seconds == 1.9
    assert [part.labels.get("silence") for part in report.over_time] == [0.5]


def test_a_file_whose_sound_is_cut_off_is_one_line(tmp_path: Path, model: runtime.Model) -> None:
    whole = written(tmp_path / "a.mp3", wail(2.0)).read_bytes()
    (tmp_path / "a.mp3").write_bytes(whole[:400])
    with pytest.raises(BadConfig, match=r"a\.mp3: ") as refused:
        listen.listen(tmp_path / "a.mp3", model)
    assert "\n" not in str(refused.value)
