"""A trained network as `model.onnx` with manifest and card."""

import hashlib
import tempfile
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from acoustics import mel
from hearing import taxonomy
from hearing.manifest import Input, Manifest
from training.config import Config
from training.evaluation import Found
from training.net import Street8
from training.rounding import PAGE


class _Chosen(nn.Module):
    """Some of a network's labels; the bias of their calibration is in the logits."""

    def __init__(self, net: Street8, found: Found) -> None:
        super().__init__()
        self.net = net
        self.columns = [taxonomy.LABELS.index(label) for label in found.labels]
        bias = found.decisions.bias * torch.tensor(found.decisions.temperatures)
        self.register_buffer("bias", bias.float())

    def forward(self, codes: Tensor) -> Tensor:
        logits: Tensor = self.net(codes) + self.bias
        return logits if len(self.columns) == logits.shape[1] else logits[:, self.columns]


def to_onnx(net: Street8, found: Found) -> bytes:
    """Serialise a network; the number of patches stays free.

    Parameters
    ----------
    net : Street8
        In evaluation mode.
    found : Found
        The labels that it has learnt, and its calibration.

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
            _Chosen(net.cpu().to(memory_format=torch.contiguous_format), found).eval(),
            (example,),
            path,
            input_names=["codes"],
            output_names=["logits"],
            dynamic_axes={"codes": {0: "patches"}, "logits": {0: "patches"}},
            opset_version=17,
            dynamo=False,
        )
        return path.read_bytes()


def write(folder: Path, config: Config, weights: bytes, found: Found) -> Manifest:
    """Write `model.onnx` and `manifest.json`.

    Parameters
    ----------
    folder : Path
        Made if it does not exist.
    config : Config
        Name and version, licence and data.
    weights : bytes
        As `to_onnx` gives them.
    found : Found
        Labels with thresholds and temperatures; what was measured, and on what.

    Returns
    -------
    Manifest
        As written.
    """
    decided = [taxonomy.LABELS.index(label) for label in found.labels]
    manifest = Manifest(
        name=config.name,
        version=config.version,
        sha256=hashlib.sha256(weights).hexdigest(),
        input=Input(frontend="mel32x8", rate_hz=mel.RATE_HZ, shape=(mel.PATCH_FRAMES, mel.BANDS)),
        labels=found.labels,
        thresholds={taxonomy.LABELS[n]: found.decisions.thresholds[n] for n in decided},
        temperature={taxonomy.LABELS[n]: found.decisions.temperatures[n] for n in decided},
        activation="sigmoid",
        licence=config.licence,
        commercial_use=config.commercial_use,
        training_data=config.training_data,
        metrics=found.metrics,
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / PAGE).unlink(missing_ok=True)  # a verdict on the weights that were here before
    (folder / "model.onnx").write_bytes(weights)
    (folder / "manifest.json").write_text(manifest.model_dump_json(indent=2) + "\n")
    return manifest
