from pathlib import Path

import numpy as np
import pytest

from hearing.heard import Heard
from tests.unit.hearing.manifests import manifest

pytest.importorskip("tqdm", reason="of the extra training, which the benchmark imports")

from benchmarks.hearing_compare import Listened
from benchmarks.hearing_origins import rows
from training.datasets import Clip
from training.heldout import HeldOut

LABELS = ("siren", "rain")


def heard(n: int, label: str) -> HeldOut:
    """Rain is always heard a little more, the siren only where there is one."""
    scores = np.array([[0.8 if label == "siren" else 0.1, 0.9]], np.float32)
    scores += np.float32(0.01) * np.random.default_rng(n).normal(size=(1, 2)).astype(np.float32)
    clip = Clip(
        Path("x.wav"), "esc10", str(n), 1, frozenset({label}), frozenset(), bed=False, span_s=None
    )
    return HeldOut(clip, Heard(frozenset({label}), str(n), 4.0, scores))


def test_logistic_regression_learns_what_the_highest_label_does_not_tell() -> None:
    held = [heard(n, LABELS[n % 2]) for n in range(40)]
    said = manifest(
        labels=LABELS, thresholds=dict.fromkeys(LABELS, 0.5), temperature=dict.fromkeys(LABELS, 1.0)
    )
    found = {
        row.way: row.accuracy
        for row in rows("tiny", Listened(said, held, []))
        if row.question == "natural / technogenic"
    }
    assert found == {"highest label": 0.5, "logistic regression": 1.0}
