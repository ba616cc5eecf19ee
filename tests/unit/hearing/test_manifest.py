import json

import pytest

from hearing.manifest import parse
from schemas.errors import BadConfig
from tests.unit.hearing.manifests import manifest


def as_json(**overrides: object) -> str:
    return json.dumps({**manifest().model_dump(mode="json"), **overrides})


def shape(*numbers: int) -> dict[str, object]:
    return {"frontend": "mel32x8", "rate_hz": 16_000, "shape": numbers}


def test_a_manifest_survives_the_way_to_json_and_back() -> None:
    assert parse(manifest().model_dump_json(), "m.json") == manifest()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("no json", "m.json: no JSON"),
        ("[1]", "m.json: not a manifest: list"),
        ('{"sound": "horn"}', "m.json: name: "),
        (as_json(sha256="abc"), "m.json: sha256: "),
        (as_json(activation="relu"), "m.json: activation: "),
        (as_json(format=2), "m.json: format: 2 is newer than 1"),
        (as_json(format=0), "m.json: format: "),
        ("[" * 100_000, "m.json: no JSON"),
        (as_json(file="../model.onnx"), "m.json: file: "),
        (as_json(file="/tmp/model.onnx"), "m.json: file: "),  # noqa: S108
        (as_json(file="model.pt"), "m.json: file: "),
        (as_json(labels=()), "m.json: labels: "),
        (as_json(labels={"0": "siren", "2": "dog_bark"}), "m.json: labels: "),
        (as_json(labels=("siren", None, "dog_bark")), "m.json: labels.1: "),
        (as_json(classes=("Siren", "", "Bark")), "m.json: classes.1: "),
        (as_json(classes=("Siren", "Bark", "Siren")), "classes: one is named twice"),
        (as_json(classes=("Siren", "Vehicle")), "labels: no class stands for dog_bark"),
        (as_json(thresholds={"siren": 1.5, "dog_bark": 0.5}), "m.json: thresholds.siren: "),
        (as_json(thresholds={"siren": 0.5}), "thresholds: not the same labels"),
        (as_json(temperature={"siren": 1, "dog_bark": 1, "cat": 1}), "labels as in `labels`: cat"),
        (as_json(labels=("siren", "dog_bark", "siren")), "labels: one is named twice"),
        (as_json(input=shape(32, 0)), "m.json: input.shape.1: "),
        (as_json(input=shape(1000, 1000, 1000)), "m.json: input.shape: "),
        (as_json(extra=1), "m.json: extra: "),
    ],
)
def test_a_wrong_manifest_is_refused_by_file_and_field(text: str, reason: str) -> None:
    with pytest.raises(BadConfig) as refused:
        parse(text, "m.json")
    assert reason in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_reading_can_name_its_model_by_the_beginning_of_the_hash() -> None:
    assert manifest(sha256="ab" * 32).identity == "tiny-0.1.0@abababababab"
