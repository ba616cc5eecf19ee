from pathlib import Path

import numpy as np
import soundfile

from hearing.clips import Patches
from hearing.heard import Heard
from hearing.manifest import Input, Manifest
from tests.unit.hearing.manifests import manifest
from training.datasets import Clip
from training.heldout import UNNAMED, HeldOut, apart, by_fold, hear, hear_windows, side_by_side

RATE_HZ = 8_000


class Loudest:
    """A second a look: a siren where it is loud."""

    manifest: Manifest = manifest(
        input=Input(frontend="waveform", rate_hz=RATE_HZ, shape=(RATE_HZ,)),
    )

    def scores(self, patches: Patches, /) -> np.ndarray:
        loudest = np.abs(patches).max(axis=1)
        return np.stack([loudest, 0.5 * np.ones_like(loudest)], axis=1).astype(np.float32)


def clip(
    file: Path = Path("x.wav"),
    *,
    dataset: str = "esc10",
    source: str = "1",
    group: int = 1,
    heard: frozenset[str] = frozenset(),
    span_s: tuple[float, float] | None = None,
) -> Clip:
    return Clip(file, dataset, source, group, heard, frozenset(), bed=False, span_s=span_s)


def loud_then_soft(path: Path) -> Path:
    level = np.repeat([0.9, 0.1], 3 * RATE_HZ)
    soundfile.write(path, level * np.sin(np.arange(6 * RATE_HZ)), RATE_HZ)
    return path


def test_sources_of_two_data_sets_are_left_out() -> None:
    clips = [clip(source="1"), clip(source="1", dataset="urbansound8k"), clip(source="2")]
    assert apart(clips) == clips[2:]


def test_a_span_is_heard_and_a_recording_without_a_label_is_a_negative(tmp_path: Path) -> None:
    held = hear(clip(loud_then_soft(tmp_path / "a.wav"), span_s=(3.5, 6.0)), Loudest())
    assert held.heard.labels == {UNNAMED}
    assert (held.heard.group, held.heard.seconds) == ("1", 2.5)
    assert held.heard.scores[:, 0].max() < 0.2


def test_every_window_is_heard_by_itself(tmp_path: Path) -> None:
    heard = clip(loud_then_soft(tmp_path / "a.wav"), heard=frozenset({"siren"}))
    windows = [one.heard for one in hear_windows(heard, Loudest(), length_s=2, hop_s=1)]
    assert [round(float(window.scores[:, 0].max()), 1) for window in windows] == [
        0.9, 0.9, 0.9, 0.1, 0.1,
    ]  # fmt: skip
    assert sum(window.seconds for window in windows) == 6


def test_folds_are_judged_apart(tmp_path: Path) -> None:
    file = loud_then_soft(tmp_path / "a.wav")
    held = [hear(clip(file, group=n, heard=frozenset({"siren"})), Loudest()) for n in (2, 1, 2)]
    reports = by_fold(held, "esc10", Loudest.manifest)
    assert {fold: report.clips for fold, report in reports.items()} == {1: 1, 2: 2}
    assert by_fold(held, "urbansound8k", Loudest.manifest) == {}


def test_two_models_are_compared_on_what_both_know_and_have_heard() -> None:
    wide = manifest(
        labels=("siren", "dog_bark", "rain"),
        thresholds=dict.fromkeys(("siren", "dog_bark", "rain"), 0.5),
        temperature=dict.fromkeys(("siren", "dog_bark", "rain"), 1.0),
    )

    def held(name: str, label: str, *scores: float) -> HeldOut:
        heard = Heard(frozenset({label}), "1", 4.0, np.array([scores], np.float32))
        return HeldOut(clip(Path(name), heard=frozenset({label})), heard)

    ours = [held("a", "siren", 0.4, 0.1, 0.9), held("b", "rain", 0.1, 0.1, 0.9)]
    theirs = [held("a", "siren", 0.9, 0.1), held("c", "siren", 0.1, 0.9)]
    reports = side_by_side((wide, ours), (manifest(), theirs))
    assert [report.judged for report in reports] == [1, 1]
    assert [report.accuracy for report in reports] == [1.0, 1.0]
