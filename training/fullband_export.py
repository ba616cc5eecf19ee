"""A trained full-band network as `model.onnx` with its manifest."""

import hashlib
import tempfile
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from hearing import taxonomy
from hearing.manifest import Manifest
from training.config import Config
from training.evaluation import Found
from training.fullband_config import FullBand
from training.fullband_evaluation import GIVEN
from training.fullband_pair import Pair
from training.rounding import PAGE


class _Calibrated(nn.Module):
    """What it has learnt; the bias of its calibration is in the logits."""

    def __init__(self, net: Pair, found: Found) -> None:
        super().__init__()
        self.net = net
        self.columns = [taxonomy.LABELS.index(label) for label in found.labels]
        bias = found.decisions.bias * torch.tensor(found.decisions.temperatures)
        self.register_buffer("bias", bias.float())

    def forward(self, patches: Tensor) -> Tensor:
        logits: Tensor = self.net(patches) + self.bias
        return logits if len(self.columns) == logits.shape[1] else logits[:, self.columns]


def to_onnx(net: Pair, found: Found) -> bytes:
    """Serialise a network without what it needed for learning only.

    Parameters
    ----------
    net : Pair
        In evaluation mode.
    found : Found
        The labels that it has learnt, and how its logits become probabilities.

    Returns
    -------
    bytes
        ONNX: `patches` float32 [n, 204, 64] to `logits` float32 [n, labels]; n is free.
    """
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        path = Path(folder) / "model.onnx"
        warnings.simplefilter("ignore")  # the exporter warns about its own internals
        torch.onnx.export(
            _Calibrated(net.cpu().to(memory_format=torch.contiguous_format), found).eval(),  # type: ignore[call-overload]
            (torch.zeros((2, *GIVEN.shape)),),
            path,
            input_names=["patches"],
            output_names=["logits"],
            dynamic_axes={"patches": {0: "n"}, "logits": {0: "n"}},
            opset_version=17,
            dynamo=False,
        )
        return path.read_bytes()


def write(
    folder: Path, chosen: FullBand, recordings: Config, weights: bytes, found: Found
) -> Manifest:
    """Write `model.onnx` and `manifest.json`.

    Parameters
    ----------
    folder : Path
        Made if it does not exist.
    chosen : FullBand
        Name and version.
    recordings : Config
        What it was trained on, and the licence that follows.
    weights : bytes
        As `to_onnx` gives them.
    found : Found
        Labels, decisions and figures.

    Returns
    -------
    Manifest
        As written.
    """
    decided = [taxonomy.LABELS.index(label) for label in found.labels]
    manifest = Manifest(
        name=chosen.name,
        version=chosen.version,
        sha256=hashlib.sha256(weights).hexdigest(),
        input=GIVEN,
        labels=found.labels,
        thresholds={taxonomy.LABELS[n]: found.decisions.thresholds[n] for n in decided},
        temperature={taxonomy.LABELS[n]: found.decisions.temperatures[n] for n in decided},
        activation="sigmoid",
        licence=recordings.licence,
        commercial_use=recordings.commercial_use,
        training_data=recordings.training_data,
        metrics=dict(found.metrics),
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / PAGE).unlink(missing_ok=True)  # a verdict on the weights that were here before
    (folder / "model.onnx").write_bytes(weights)
    (folder / "manifest.json").write_text(manifest.model_dump_json(indent=2) + "\n")
    return manifest
