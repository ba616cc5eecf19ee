"""YAMNet and MobileNet as any full-band model of ours: a manifest beside their own weights."""

import csv
import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import Final, NamedTuple

from hearing.adapters import runtime
from hearing.manifest import Input, Manifest
from hearing.taxonomy import labels_of

_THRESHOLD: Final = 0.15  # AudioSet's models are shy


class Reference(NamedTuple):
    """Where the weights lie, and what they want."""

    name: str
    weights: str
    classes: str
    given: Input


REFERENCES: Final = (
    Reference(
        "yamnet",
        "yamnet_logmel.onnx",
        "yamnet_class_map.csv",
        Input(frontend="yamnet64", rate_hz=16_000, shape=(96, 64)),
    ),
    Reference(
        "mn04_as",
        "mn04_as.onnx",
        "class_labels_indices.csv",
        Input(frontend="mn128", rate_hz=32_000, shape=(1, 128, 400)),
    ),
)


def load(reference: Reference, models: Path) -> runtime.Model:
    """Load a reference with its classes folded to our labels; parents stand for nothing.

    Parameters
    ----------
    reference : Reference
        Which.
    models : Path
        Folder that holds one folder for each.

    Returns
    -------
    Model
        Thresholds are 0.15 for every label.
    """
    source = models / reference.name
    manifest = _manifest(reference, source)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copyfile(source / reference.weights, folder / "model.onnx")
        (folder / "manifest.json").write_text(manifest.model_dump_json())
        return runtime.load(folder)


def _manifest(reference: Reference, source: Path) -> Manifest:
    with (source / reference.classes).open(newline="", encoding="utf-8") as rows:
        names = tuple(row["display_name"] for row in csv.DictReader(rows))
    labels = labels_of(names)
    return Manifest(
        name=reference.name.replace("_", "-"),
        version="1.0.0",
        sha256=hashlib.sha256((source / reference.weights).read_bytes()).hexdigest(),
        input=reference.given,
        labels=labels,
        classes=names,
        thresholds=dict.fromkeys(labels, _THRESHOLD),
        temperature=dict.fromkeys(labels, 1.0),
        activation="none",
        licence="see its README",
        commercial_use=True,
        training_data=("AudioSet",),
        metrics={},
    )
