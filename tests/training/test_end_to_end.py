"""A tiny model, from sounds made here to labels: what a city does with its own recordings."""

import csv
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from acoustics import mel
from acoustics.clips import looped_codes
from acoustics.sirens import siren
from hearing.adapters import runtime
from hearing.patches import of_clip
from training import config, evaluation, export, pools, train
from training.config import Config, Run
from training.pupil import Pupil

RATE_HZ = mel.RATE_HZ
CONFIG = """
name: tiny
version: 0.0.1
licence: CC0-1.0
commercial_use: true
training_data: [sounds of this test]
data:
  root: {root}
  cache: {root}/cache
  sets: [{{kind: folder, folder: town}}]
  speeds: [1.0, 1.1]
  synthetic_sirens: 4
  synthetic_two_horns: 2
  synthetic_distractors: 4
  synthetic_beds: 4
  rendered_cities: 0
  judged_cities: 0
  first_city: 1
train:
  seed: 1
  width: 4
  dropout: 0.1
  steps: 60
  batch: 24
  learning_rate: 0.01
  weight_decay: 0.01
  label_smoothing: 0.0
  averaged: 0.8
  opinion: 0.0
  picture: 0.0
  threads: 1
"""


def sound(label: str, rng: np.random.Generator) -> np.ndarray:
    if label == "siren":
        return 0.1 * siren("yelp", 4.0, RATE_HZ, rng)
    noise = 0.01 * rng.standard_normal(4 * RATE_HZ)
    if label == "gun_shot":
        noise[20_000:21_000] += rng.standard_normal(1000)
    return noise


@pytest.fixture(scope="module")
def chosen(tmp_path_factory: pytest.TempPathFactory) -> Config:
    root = tmp_path_factory.mktemp("city")
    (root / "town").mkdir()
    rng = np.random.default_rng(5)
    with (root / "town" / "manifest.csv").open("w", newline="") as lines:
        rows = csv.writer(lines)
        rows.writerow(["file", "label", "fold"])
        for n in range(24):
            label = ("siren", "gun_shot", "rain")[n % 3]
            soundfile.write(root / "town" / f"{n}.wav", sound(label, rng), RATE_HZ)
            rows.writerow([f"{n}.wav", label, 1 + n // 6])
    path = root / "tiny.yaml"
    path.write_text(CONFIG.format(root=root))
    return config.read(path)


def test_trained_exported_loaded_and_right(chosen: Config, tmp_path: Path) -> None:
    pool = pools.load(chosen)
    for run in train.runs(chosen, (*evaluation.FOLDS, 0)):
        train.train(chosen, pool, run)
    found = evaluation.evaluate(chosen)[0]
    assert found.metrics["town_accuracy"] > 0.9
    net = train.load(chosen, Run(0, 1))
    export.write(
        tmp_path / "tiny-0.0.1", chosen, export.to_onnx(net), found.decisions, found.metrics
    )
    model = runtime.load(tmp_path / "tiny-0.0.1")
    rng = np.random.default_rng(6)
    for label in ("siren", "gun_shot", "rain"):
        scores = model.scores(of_clip(looped_codes(sound(label, rng)))).mean(axis=0)
        assert model.manifest.labels[int(scores.argmax())] == label


def test_a_killed_run_goes_on_where_it_stopped(
    chosen: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool, run = pools.load(chosen), Run(1, 2)
    undisturbed = torch.load(train.train(chosen, pool, run), weights_only=True)
    train.weights_path(chosen, run).unlink()
    steps = 0

    class Killed(Exception):
        pass

    def dying(pupil: Pupil) -> None:
        nonlocal steps
        if steps == 30:
            raise Killed
        steps += 1
        learn(pupil)

    learn = Pupil.learn
    with monkeypatch.context() as patch:
        patch.setattr(Pupil, "learn", dying)
        with pytest.raises(Killed):
            train.train(chosen, pool, run)
    again = torch.load(train.train(chosen, pool, run), weights_only=True)
    assert all(torch.allclose(again[name], undisturbed[name], atol=1e-4) for name in undisturbed)
