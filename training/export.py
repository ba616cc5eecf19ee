"""A trained network as `model.onnx` with manifest and card."""

import hashlib
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path

import torch

from acoustics import mel
from hearing import taxonomy
from hearing.manifest import Input, Manifest
from training.config import Config
from training.net import Street8
from training.thresholds import Decisions


def to_onnx(net: Street8) -> bytes:
    """Serialise a network; the number of patches stays free.

    Parameters
    ----------
    net : Street8
        In evaluation mode.

    Returns
    -------
    bytes
        ONNX: `codes` uint8 [n, 32, 32] to `logits` float32 [n, labels].
    """
    example = torch.zeros((2, mel.PATCH_FRAMES, mel.BANDS), dtype=torch.uint8)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        path = Path(folder) / "model.onnx"
        # the exporter warns about its own internals
        warnings.simplefilter("ignore")
        torch.onnx.export(
            net.cpu().to(memory_format=torch.contiguous_format),
            (example,),
            path,
            input_names=["codes"],
            output_names=["logits"],
            dynamic_axes={"codes": {0: "patches"}, "logits": {0: "patches"}},
            opset_version=17,
            dynamo=False,
        )
        return path.read_bytes()


def write(
    folder: Path, config: Config, weights: bytes, decisions: Decisions, metrics: Mapping[str, float]
) -> Manifest:
    """Write `model.onnx` and `manifest.json`.

    Parameters
    ----------
    folder : Path
        Made if it does not exist.
    config : Config
        Name and version.
    weights : bytes
        As `to_onnx` gives them.
    decisions : Decisions
        Thresholds and temperatures.
    metrics : mapping of str to float
        What was measured, and on what.

    Returns
    -------
    Manifest
        As written.
    """
    labels = taxonomy.LABELS
    manifest = Manifest(
        name=config.name,
        version=config.version,
        sha256=hashlib.sha256(weights).hexdigest(),
        input=Input(frontend="mel32x8", rate_hz=mel.RATE_HZ, shape=(mel.PATCH_FRAMES, mel.BANDS)),
        labels=labels,
        thresholds=dict(zip(labels, decisions.thresholds, strict=True)),
        temperature=dict(zip(labels, decisions.temperatures, strict=True)),
        activation="sigmoid",
        licence=config.licence,
        commercial_use=config.commercial_use,
        training_data=config.training_data,
        metrics=dict(metrics),
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(weights)
    (folder / "manifest.json").write_text(manifest.model_dump_json(indent=2) + "\n")
    return manifest
