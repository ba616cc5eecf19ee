"""A town's own recordings, synthesised: what its folder, its configuration and its sounds are."""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import numpy as np
import soundfile
from numpy.typing import NDArray

from acoustics import mel
from acoustics.sirens import siren

RATE_HZ: Final = mel.RATE_HZ
LABELS: Final = ("siren", "gun_shot", "rain")
FOLDS: Final = 4

_CONFIG: Final = """
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
  steps: 50
  batch: 24
  learning_rate: 0.01
  weight_decay: 0.01
  label_smoothing: 0.0
  averaged: 0.8
  opinion: 0.0
  picture: 0.0
  threads: 1
  refine: {{recipe: {{as_recorded: 0.5}}, steps: 30, learning_rate: 0.005, averaged: 0.8}}
"""


def config_of(root: Path) -> Path:
    """Configuration of a town whose recordings lie in `root / "town"`, in four folds."""
    recorded(root / "town", [LABELS[n % len(LABELS)] for n in range(24)], seed=5)
    path = root / "tiny.yaml"
    path.write_text(_CONFIG.format(root=root))
    return path


def recorded(folder: Path, labels: Iterable[str], seed: int) -> Path:
    """Recordings of these labels, and the CSV that names them."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    manifest = folder / "manifest.csv"
    with manifest.open("w", newline="") as lines:
        rows = csv.writer(lines)
        rows.writerow(["file", "label", "fold"])
        for n, label in enumerate(labels):
            soundfile.write(folder / f"{n}.wav", sound(label, rng), RATE_HZ)
            rows.writerow([f"{n}.wav", label, 1 + n // len(LABELS) % FOLDS])
    return manifest


def sound(label: str, rng: np.random.Generator) -> NDArray[np.float64]:
    """Four seconds of a label: a yelp, a bang in noise, or noise alone."""
    if label == "siren":
        return np.asarray(0.1 * siren("yelp", 4.0, RATE_HZ, rng), np.float64)
    noise = 0.01 * rng.standard_normal(4 * RATE_HZ)
    if label == "gun_shot":
        bang = int(rng.integers(8_000, 48_000))
        noise[bang : bang + 1000] += rng.standard_normal(1000)
    return noise
