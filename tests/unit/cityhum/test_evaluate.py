from pathlib import Path

import numpy as np
import pytest

from cityhum.evaluate import Clip, judge, read_manifest
from schemas.errors import BadConfig

LABELS = ("siren", "dog_bark", "rain")


def clip(label: str, group: str = "") -> Clip:
    return Clip(file=Path("x.flac"), label=label, group=group)


def test_the_argmax_is_taken_over_the_labels_present() -> None:
    # rain is loudest, but no clip of this manifest is rain
    scores = np.array([[0.6, 0.2, 0.9], [0.1, 0.3, 0.9]], np.float32)
    report = judge([clip("siren"), clip("dog_bark")], scores, LABELS, "m")
    assert report.accuracy == 1.0
    assert report.siren_auc == 1.0
    assert set(report.classes) == {"siren", "dog_bark"}


def test_a_class_reports_precision_and_recall() -> None:
    scores = np.array([[0.9, 0.1, 0], [0.2, 0.8, 0], [0.7, 0.3, 0]], np.float32)
    report = judge([clip("siren"), clip("siren"), clip("dog_bark")], scores, LABELS, "m")
    siren = report.classes["siren"]
    assert (siren.clips, siren.precision, siren.recall) == (2, 0.5, 0.5)
    assert report.classes["dog_bark"].recall == 0.0
    assert report.accuracy == pytest.approx(0.3333)


def test_labels_that_the_model_does_not_know_are_negatives_only() -> None:
    scores = np.array([[0.9, 0.1, 0], [0.8, 0.2, 0]], np.float32)
    report = judge([clip("siren"), clip("cafe")], scores, LABELS, "m")
    assert report.unknown_labels == {"cafe": 1}
    assert report.accuracy == 1.0
    assert report.siren_auc == 1.0


def test_groups_have_their_own_accuracy() -> None:
    scores = np.array([[0.9, 0.1, 0], [0.8, 0.2, 0]], np.float32)
    report = judge([clip("siren", "a"), clip("dog_bark", "b")], scores, LABELS, "m")
    assert report.groups == {"a": 1.0, "b": 0.0}


def test_without_a_siren_there_is_no_siren_auc() -> None:
    scores = np.array([[0.9, 0.1, 0]], np.float32)
    assert judge([clip("dog_bark")], scores, LABELS, "m").siren_auc is None


def test_files_are_relative_to_the_manifest_and_other_columns_ignored(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text("label,file,fold\nsiren,a/b.flac,1\n")
    (row,) = read_manifest(path)
    assert (row.file, row.label, row.group) == (tmp_path / "a" / "b.flac", "siren", "")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "has no rows"),
        ("file,label\n", "has no rows"),
        ("file,name\na.flac,siren\n", "column 'label' is missing"),
        ("file,label\n,siren\n", "column 'file' is missing or empty"),
    ],
)
def test_a_bad_manifest_is_one_line(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "m.csv"
    path.write_text(text)
    with pytest.raises(BadConfig, match=reason):
        read_manifest(path)


def test_a_missing_manifest_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="No such file"):
        read_manifest(tmp_path / "none.csv")
