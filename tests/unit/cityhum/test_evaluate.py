"""A listener that hears nothing but loudness judges sounds made here."""

import json
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
import soundfile
from rich.console import Console
from typer.testing import CliRunner

from cityhum.evaluate import Windows, hear
from cityhum.evaluate_table import table
from cityhum.main import build
from hearing.adapters.labelled import Labelled
from hearing.clips import Patches
from hearing.judging import judge
from hearing.manifest import Input, Manifest
from schemas.errors import BadConfig
from tests.unit.hearing.manifests import manifest

RATE_HZ = 16_000


class Loudness:
    """Full band, a second a look: the siren's score is the loudest sample."""

    manifest: Manifest = manifest(
        input=Input(frontend="waveform", rate_hz=RATE_HZ, shape=(RATE_HZ,))
    )

    def scores(self, patches: Patches, /) -> np.ndarray:
        loudest = np.abs(patches).max(axis=1)
        return np.stack([loudest, 1 - loudest], axis=1).astype(np.float32)


def said_of(path: Path, *labels: str) -> Labelled:
    return Labelled(file=path, labels=frozenset(labels), where="here", others={})


def recording(path: Path, level: float, seconds: float, rate_hz: int = RATE_HZ) -> Labelled:
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    both = np.stack([level * np.sin(2 * np.pi * 440 * t)] * 2, axis=1)
    soundfile.write(path, both, rate_hz)
    return said_of(path, "siren")


def test_any_length_rate_and_number_of_channels_is_heard(tmp_path: Path) -> None:
    several = [
        recording(tmp_path / "a.wav", 0.8, 3.5, 48_000),
        recording(tmp_path / "é.flac", 0.5, 0.2),
        recording(tmp_path / "c.ogg", 0.2, 1.0, 8_000),
    ]
    heard, unheard = hear(several, Loudness())
    assert unheard == {}
    assert [len(clip.scores) for clip in heard] == [4, 1, 1]
    assert [clip.seconds for clip in heard] == pytest.approx([3.5, 0.2, 1.0])
    assert [clip.scores[0, 0] for clip in heard] == pytest.approx([0.8, 0.5, 0.2], abs=0.05)


def test_what_cannot_be_heard_is_named_and_the_rest_is_judged(tmp_path: Path) -> None:
    good = recording(tmp_path / "good.wav", 0.8, 1)
    (tmp_path / "bad.wav").write_bytes(b"RIFF no sound")
    (tmp_path / "empty.wav").touch()
    (tmp_path / "bare.raw").write_bytes(bytes(100))
    names = ("bad.wav", "empty.wav", "missing.wav", "bare.raw", 300 * "a")
    several = [good, *(said_of(tmp_path / name, "siren") for name in names)]
    heard, unheard = hear(several, Loudness())
    assert len(heard) == 1
    assert [Path(file).name for file in unheard] == list(names)
    with pytest.raises(
        BadConfig, match=r"none of 5 recordings can be heard; the first: .*bad\.wav"
    ):
        hear(several[1:], Loudness())


def test_a_model_whose_scores_are_no_probabilities_is_refused(tmp_path: Path) -> None:
    t = np.arange(RATE_HZ) / RATE_HZ
    soundfile.write(tmp_path / "a.wav", 3 * np.sin(t), RATE_HZ, subtype="FLOAT")
    with pytest.raises(BadConfig, match="not between 0 and 1"):
        hear([said_of(tmp_path / "a.wav", "siren")], Loudness())


def test_a_label_that_looks_like_markup_is_told_as_it_is(tmp_path: Path) -> None:
    odd = recording(tmp_path / "a.wav", 0.8, 1).model_copy(update={"labels": {"[/bold]"}})
    heard, _ = hear([odd, recording(tmp_path / "b.wav", 0.2, 1)], Loudness())
    shown = StringIO()
    Console(file=shown, width=200).print(table(judge(heard, Loudness.manifest)))
    assert "[/bold] 1" in shown.getvalue()


def test_windows_overlap_but_their_seconds_are_counted_once(tmp_path: Path) -> None:
    several = [recording(tmp_path / "a.wav", 0.8, 5.5), recording(tmp_path / "b.wav", 0.8, 1.2)]
    heard, _ = hear(several, Loudness(), Windows(length_s=2, hop_s=1))
    assert [clip.seconds for clip in heard] == pytest.approx([2, 1, 1, 1, 1.2])
    assert [clip.start_s for clip in heard] == [0, 1, 2, 3, 0]
    assert len({clip.recording for clip in heard}) == 2


def test_what_has_no_label_counts_as_a_negative(tmp_path: Path) -> None:
    loud, soft = recording(tmp_path / "a.wav", 0.8, 1), recording(tmp_path / "b.wav", 0.2, 1)
    heard, _ = hear([loud, soft.model_copy(update={"labels": frozenset()})], Loudness())
    report = judge(heard, Loudness.manifest)
    assert (report.clips, report.judged, report.siren_auc) == (2, 1, 1.0)
    assert report.unknown_labels == {}


def test_the_command_prints_json_and_names_what_it_could_not_hear(tmp_path: Path) -> None:
    recording(tmp_path / "a.wav", 0.3, 1)
    manifest_file = tmp_path / "m.csv"
    manifest_file.write_text("file,label\na.wav,rain\nb.wav,siren\n")
    result = CliRunner().invoke(build(), ["evaluate", str(manifest_file), "--json"])
    assert result.exit_code == 0
    report = json.loads(result.stdout)
    assert {"accuracy", "siren_auc", "macro_map", "classes", "confusion"} <= set(report)
    assert list(report["unheard"]) == [str(tmp_path / "b.wav")]
    assert result.stderr.count("\n") == 1
    assert "1 of 2 recordings cannot be heard: " in result.stderr
