"""A model of about 60 thousand parameters, untrained, in the form of the shipped one."""

import hashlib
import warnings
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn

from hearing.adapters.runtime import read_manifest

_WIDTHS = (1, 16, 32, 64, 64)


class _Small(nn.Module):
    def __init__(self, labels: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for narrow, wide in pairwise(_WIDTHS):
            layers += [nn.Conv2d(narrow, wide, 3, stride=2, padding=1), nn.ReLU()]
        self.features = nn.Sequential(*layers)
        self.head = nn.Linear(_WIDTHS[-1], labels)

    def forward(self, codes: Tensor) -> Tensor:
        level = (codes.float() - 140.0) / 40.0
        logits: Tensor = self.head(self.features(level.unsqueeze(1)).mean(dim=(2, 3)))
        return logits


def of_sixty_thousand(folder: Path, like: Path) -> Path:
    """Write the model's folder.

    Parameters
    ----------
    folder : Path
        Where it is put.
    like : Path
        Model whose labels and thresholds it takes.

    Returns
    -------
    Path
        Folder of `model.onnx` and `manifest.json`.
    """
    manifest = read_manifest(like)
    torch.manual_seed(0)
    example = torch.zeros((2, 32, 32), dtype=torch.uint8)
    made = folder / "small-0.0.0"
    made.mkdir()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns about its own internals
        torch.onnx.export(
            _Small(len(manifest.labels)).eval(),
            (example,),
            made / "model.onnx",
            input_names=["codes"],
            output_names=["logits"],
            dynamic_axes={"codes": {0: "patches"}, "logits": {0: "patches"}},
            opset_version=17,
            dynamo=False,
        )
    content = (made / "model.onnx").read_bytes()
    small = manifest.model_copy(
        update={"name": "small", "version": "0.0.0", "sha256": hashlib.sha256(content).hexdigest()}
    )
    (made / "manifest.json").write_text(small.model_dump_json(indent=2), encoding="utf-8")
    return made
