"""The full-band student of a teacher made here: from sounds to labels, and what it learns by."""

import csv
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from typer import Typer
from typer.testing import CliRunner

from cityhum.evaluate import hear
from hearing import judging
from hearing.adapters import labelled, runtime
from hearing.taxonomy import FROM_AUDIOSET
from tests.training.town import LABELS, config_of, recorded
from training.__main__ import app as coarse
from training.fullband import app
from training.fullband_muon import orthogonal
from training.fullband_net import Street
from training.fullband_pool import codes_of, decibels_of

_CONFIG = """
name: small
version: 0.0.1
recordings: tiny.yaml
train:
  seed: 1
  more_seeds: []
  spread_folds: []
  folds: [1, 2]
  width: 8
  mixtures: 400
  batch: 32
  distil_steps: 40
  settle_steps: 60
  rate: 0.03
  weight_decay: 0.01
  threads: 1
"""


def a_teacher(folder: Path) -> Path:
    """A network with the inputs and outputs of mn04, that knows nothing and hears nothing."""
    rng = np.random.default_rng(3)
    weights = {
        "w": rng.normal(0, 0.1, (384, 1, 32, 32)), "v": rng.normal(0, 0.1, (384, 527)),
        "never": np.full(527, -9.0),
    }  # fmt: skip
    nodes = [
        helper.make_node("Conv", ["mel", "w"], ["c"], strides=[32, 32], pads=[0, 0, 31, 31]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("GlobalAveragePool", ["r"], ["p"]),
        helper.make_node("Flatten", ["p"], ["embedding"]),
        helper.make_node("MatMul", ["embedding", "v"], ["y"]),
        helper.make_node("Add", ["y", "never"], ["z"]),
        helper.make_node("Sigmoid", ["z"], ["scores"]),
    ]
    graph = helper.make_graph(
        nodes,
        "teacher",
        [helper.make_tensor_value_info("mel", TensorProto.FLOAT, ["n", 1, 128, "t"])],
        [
            helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", 527]),
            helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", 384]),
        ],
        [numpy_helper.from_array(w.astype(np.float32), name) for name, w in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    folder.mkdir()
    onnx.save(model, folder / f"{folder.name}.onnx")
    names = [*FROM_AUDIOSET, *("nothing of ours" for _ in range(527 - len(FROM_AUDIOSET)))]
    with (folder / "class_labels_indices.csv").open("w", newline="") as lines:
        csv.writer(lines).writerows([["display_name"], *([name] for name in names)])
    return folder


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("city")
    tiny = config_of(root)
    teacher = a_teacher(root / "teacher")
    tiny.write_text(tiny.read_text().replace("data:\n", f"data:\n  teacher: {teacher}\n"))
    for step in ("prepare", "distil", "train"):
        run(coarse, step, "--config", tiny)
    (root / "small.yaml").write_text(_CONFIG)
    for step in ("prepare", "train", "evaluate"):
        run(app, step, "--config", root / "small.yaml")
    run(app, "export", "--config", root / "small.yaml", "--models", root / "models")
    return root / "models"


def run(program: Typer, *words: str | Path) -> None:
    done = CliRunner().invoke(program, [str(word) for word in words], catch_exceptions=False)
    assert done.exit_code == 0, done.output


def test_sounds_that_were_held_aside_are_told_apart(models: Path, tmp_path: Path) -> None:
    manifest = recorded(tmp_path / "unheard", LABELS * 6, seed=6)
    model = runtime.load(models / "small-0.0.1")
    heard, unheard = hear(labelled.by_file(labelled.rows(manifest)), model)
    assert not unheard
    accuracy = judging.judge(heard, model.manifest).accuracy
    assert accuracy is not None
    assert accuracy >= 0.7  # a third would be chance


def test_every_fold_has_a_model_that_was_decided_without_it(models: Path) -> None:
    names = sorted(folder.name for folder in (models / "folds").iterdir())
    assert names == ["small-0.0.1-fold1", "small-0.0.1-fold2"]
    manifest = runtime.load(models / "folds" / names[0]).manifest
    (accuracy,) = (v for k, v in manifest.metrics.items() if k.endswith("_fold1_accuracy"))
    assert accuracy >= 0.5  # a third would be chance
    assert manifest.input.frontend == "mel64x100+32x8"


def test_a_model_has_the_labels_that_it_has_learnt(models: Path) -> None:
    for folder in (models / "small-0.0.1", models / "folds" / "small-0.0.1-fold1"):
        model = runtime.load(folder)
        assert set(model.manifest.labels) == set(model.manifest.thresholds) == set(LABELS)
        assert model.scores(np.zeros((2, 204, 64), np.float32)).shape == (2, len(LABELS))


def test_seeds_share_no_distillation(models: Path) -> None:
    root = models.parent
    two = _CONFIG.replace("more_seeds: []", "more_seeds: [2]").replace("folds: []", "folds: [1]", 1)
    (root / "two.yaml").write_text(two)
    run(app, "train", "--config", root / "two.yaml", *("--fold", "1", "--seed", "2"))
    names = [f"**/small-0.0.1-fold1-seed{seed}-*.distilled.part" for seed in (1, 2)]
    (one,), (other,) = (root.glob(name) for name in names)
    nets = [torch.load(path, weights_only=True)["net"] for path in (one, other)]
    assert not torch.equal(nets[0]["embed.weight"], nets[1]["embed.weight"])


def test_loudness_does_not_matter_to_the_net() -> None:
    net = Street(3, 8).eval()
    level_db = torch.from_numpy(np.random.default_rng(1).normal(-40, 8, (2, 196, 64))).float()
    assert torch.allclose(net(level_db), net(level_db + 13.0), atol=1e-3)


def test_muon_keeps_directions_and_makes_them_equally_long() -> None:
    torch.manual_seed(1)
    before = torch.randn(6, 20) * torch.tensor([9.0, 3, 1, 1, 0.3, 0.1])[:, None]
    values = torch.linalg.svdvals(orthogonal(before))
    assert values.max() < 4 * values.min()  # ninety times before


def test_codes_keep_levels_to_a_quarter_of_a_decibel() -> None:
    power = np.geomspace(1e-9, 100, 40, dtype=np.float32)
    assert np.abs(decibels_of(codes_of(power)) - 10 * np.log10(power)).max() <= 0.2501
