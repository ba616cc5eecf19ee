"""Real full-band models and recordings beside the repository, where they are."""

import csv
import hashlib
import shutil
from pathlib import Path
from typing import Final

import pytest

from hearing.manifest import Input, Manifest
from hearing.taxonomy import labels_of

SHARED: Final = Path(__file__).parents[2] / "shared"
THRESHOLD: Final = 0.15
"""Of every label: AudioSet's models are shy."""

_MODELS: Final[dict[str, tuple[str, str, Input]]] = {
    "yamnet": (
        "yamnet_logmel.onnx",
        "yamnet_class_map.csv",
        Input(frontend="yamnet64", rate_hz=16_000, shape=(96, 64)),
    ),
    "mn04_as": (
        "mn04_as.onnx",
        "class_labels_indices.csv",
        Input(frontend="mn128", rate_hz=32_000, shape=(1, 128, 400)),
    ),
}
FULL_BAND: Final = tuple(_MODELS)


def model_folder(name: str, folder: Path) -> Path:
    """A folder with a model and a manifest for it; skips where the model is not."""
    weights, classes, given = _MODELS[name]
    source = SHARED / "models" / name
    if not (source / weights).is_file():
        pytest.skip(f"needs the model {name} beside the repository (../shared/models)")
    target = folder / name
    target.mkdir()
    shutil.copyfile(source / weights, target / "model.onnx")
    said = manifest_of(name, given, source / weights, source / classes)
    (target / "manifest.json").write_text(said.model_dump_json())
    return target


def manifest_of(name: str, given: Input, weights: Path, classes: Path) -> Manifest:
    """Manifest of AudioSet's classes in the order of a file."""
    with classes.open(newline="", encoding="utf-8") as rows:
        names = tuple(row["display_name"] for row in csv.DictReader(rows))
    labels = labels_of(names)
    return Manifest(
        name=name.replace("_", "-"),
        version="1.0.0",
        sha256=hashlib.sha256(weights.read_bytes()).hexdigest(),
        input=given,
        labels=labels,
        classes=names,
        thresholds=dict.fromkeys(labels, THRESHOLD),
        temperature=dict.fromkeys(labels, 1.0),
        activation="none",
        licence="see its README",
        commercial_use=True,
        training_data=("AudioSet",),
        metrics={},
    )


def recordings(label: str, count: int) -> list[Path]:
    """Some recordings of a label; skips where there are none."""
    found = sorted((SHARED / "data" / "urbansound8k" / label).glob("*.flac"))
    if not found:
        pytest.skip("needs recordings beside the repository (../shared/data)")
    return found[:: max(1, len(found) // count)][:count]
