"""A model that is not what its manifest says is refused: one line, with the file and the field."""

from pathlib import Path

import numpy as np
import pytest

from hearing.adapters import runtime
from schemas.errors import BadConfig
from tests.tiny_models import FLOAT, model_folder, network, node, outside, shaped

NAN_ON_SILENCE = (node("Cast", ["codes"], "raw", to=FLOAT), node("Log", ["raw"], "level"))


def refusal(folder: Path) -> str:
    with pytest.raises(BadConfig) as refused:
        runtime.load(folder)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_a_sound_model_is_loaded_and_told_apart_from_silence(tmp_path: Path) -> None:
    model = runtime.load(model_folder(tmp_path))
    scores = model.scores(np.full((3, 32, 32), 2, np.uint8))
    assert scores == pytest.approx(np.full((3, 2), 1 / (1 + np.exp(-2))), abs=1e-6)


@pytest.mark.parametrize(
    ("content", "overrides", "reason"),
    [
        (b"not onnx", {}, "/model.onnx: not an ONNX file, or a damaged one: "),
        (network()[:-9], {}, "/model.onnx: not an ONNX file, or a damaged one: ends too early"),
        (network(nodes=(node("Nothing", ["codes"], "level"),)), {}, "onnxruntime cannot load it"),
        (None, {"sha256": "0" * 64}, "/manifest.json: sha256 000000000000… is not that of model"),
        (None, {"file": "other.onnx"}, "/other.onnx: No such file"),
        (None, {"input": shaped(32, 16)}, "/manifest.json: input.shape says (32, 16), model.onnx"),
        (None, {"input": shaped(32)}, "/manifest.json: input.shape says (32,), model.onnx takes"),
        (
            network(shape=(16, 32)),
            {"input": shaped(16, 32)},
            "input.shape: (16, 32) at 16000 Hz, but mel32x8 gives (32, 32)",
        ),
        (network(batch=1), {}, "/manifest.json: input.shape: model.onnx takes batches of 1 only"),
        (
            network(kind=FLOAT),
            {},
            "/manifest.json: input.frontend: mel32x8 gives one tensor(uint8)",
        ),
        (
            None,
            {"input": shaped(96, 64, frontend="yamnet64")},
            "input.frontend: yamnet64 gives one tensor(float), model.onnx takes tensor(uint8)",
        ),
        (network(labels=3), {}, "/manifest.json: labels: the manifest has 2 labels, model.onnx gi"),
        (network(nodes=NAN_ON_SILENCE), {}, "file: model.onnx gives no finite scores for silence"),
    ],
)
def test_it_is_refused(
    tmp_path: Path, content: bytes | None, overrides: dict[str, object], reason: str
) -> None:
    assert reason in refusal(model_folder(tmp_path, content, **overrides))


def test_weights_in_another_file_are_refused_even_where_we_were_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = network(weights=outside("weights", (1024, 2), "weights.bin"))
    (tmp_path / "weights.bin").write_bytes(bytes(4 * 1024 * 2))
    monkeypatch.chdir(tmp_path)
    assert "/model.onnx: external data" in refusal(model_folder(tmp_path, content))


@pytest.mark.parametrize("file", ["model.onnx", "manifest.json"])
def test_a_link_is_refused(tmp_path: Path, file: str) -> None:
    folder = model_folder(tmp_path / "model")
    (folder / file).rename(tmp_path / file)
    (folder / file).symlink_to(tmp_path / file)
    assert f"/{file}: is a link" in refusal(folder)


def test_scores_that_are_no_probabilities_are_refused(tmp_path: Path) -> None:
    shifted = (node("Cast", ["codes"], "raw", to=FLOAT), node("Exp", ["raw"], "up"))
    doubled = (*shifted, node("Add", ["up", "up"], "level"))
    folder = model_folder(tmp_path, network(nodes=doubled), activation="none")
    assert "/manifest.json: activation: none, but model.onnx gives scores beyond" in refusal(folder)


def test_a_model_that_wants_sound_is_refused_where_only_codes_arrive(tmp_path: Path) -> None:
    content = network(kind=FLOAT, shape=(16_000,))
    heard = model_folder(tmp_path, content, input=shaped(16_000, frontend="waveform"))
    assert runtime.load(heard).manifest.input.frontend == "waveform"
    with pytest.raises(BadConfig, match=r"manifest\.json: input\.frontend: waveform needs sound"):
        runtime.load_for_codes(heard)
