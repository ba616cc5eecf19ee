import numpy as np
import pytest

from hearing.taxonomy import LABELS
from training.calibrating import calibrate
from training.thresholds import Judged, decide

SIREN = LABELS.index("siren")
RAIN = LABELS.index("rain")


def judged(n: int, label: int, spread: float) -> Judged:
    rng = np.random.default_rng(2)
    heard = np.zeros((n, len(LABELS)), np.bool_)
    heard[: n // 2, label] = True
    logits = np.full((n, len(LABELS)), -5.0, np.float32)
    logits[:, label] = np.where(heard[:, label], 1.0, -1.0) * spread + rng.normal(0, 1, n)
    return Judged(logits, heard, np.ones_like(heard))


def test_overconfident_logits_are_cooled() -> None:
    rng = np.random.default_rng(3)
    sure = judged(4000, RAIN, 1.0)
    boasting = Judged(sure.logits * 6 + rng.normal(0, 0.1), sure.heard, sure.known)
    assert decide(boasting).temperatures[RAIN] > 1.5


def test_few_other_seconds_are_taken_for_a_siren() -> None:
    given = judged(4000, SIREN, 3.0)
    decided = decide(given)
    scores = 1 / (1 + np.exp(-given.logits[:, SIREN] / decided.temperatures[SIREN]))
    false = scores[~given.heard[:, SIREN]] >= decided.thresholds[SIREN]
    assert false.mean() <= 0.002


def test_a_label_without_held_aside_recordings_keeps_a_cautious_threshold() -> None:
    decided = decide(judged(100, RAIN, 2.0))
    assert decided.thresholds[SIREN] == 0.6


def test_what_nobody_knows_is_not_counted() -> None:
    given = judged(400, RAIN, 2.0)
    unknown = Judged(given.logits, given.heard, np.zeros_like(given.known))
    assert decide(unknown).thresholds[RAIN] == 0.6


def test_calibration_finds_the_temperature_and_bias_that_were_put_in() -> None:
    rng = np.random.default_rng(4)
    exact = rng.normal(-1, 3, (20_000, len(LABELS)))
    heard = rng.uniform(size=exact.shape) < 1 / (1 + np.exp(-exact))
    found = calibrate(Judged(((exact - 0.5) * 2).astype(np.float32), heard, np.ones_like(heard)))
    assert found.temperature == pytest.approx(2.0, abs=0.05)
    assert found.bias == pytest.approx(0.5, abs=0.05)


def test_nothing_to_judge_by_changes_nothing() -> None:
    nothing = np.zeros((0, len(LABELS)))
    found = calibrate(Judged(nothing.astype(np.float32), nothing > 0, nothing > 0))
    assert (found.temperature, found.bias) == (1.0, 0.0)
