"""The published JSON Schema files, and recorded messages of every version."""

import json
from pathlib import Path

import jsonschema
import orjson
import pytest

from cityhum.schemas import PUBLISHED, documents
from schemas.codec import decode, encode

ROOT = Path(__file__).parents[3]
SCHEMAS = ROOT / "schemas" / "json"
SAMPLES = sorted((ROOT / "tests" / "data" / "messages" / "v1").glob("*.json"))
KINDS = {kind.__name__: kind for kind in PUBLISHED}


def test_the_schema_files_are_those_of_the_classes() -> None:
    there = {path.name: path.read_text(encoding="utf-8") for path in SCHEMAS.glob("*.json")}
    assert there == documents(), "run `cityhum schemas` and review what changed"


def test_every_message_has_a_recorded_sample() -> None:
    assert {path.stem.split("-")[0] for path in SAMPLES} == set(KINDS)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_recorded_message_still_reads_and_writes_the_same(path: Path) -> None:
    kind = KINDS[path.stem.split("-")[0]]
    recorded = orjson.loads(path.read_bytes())
    assert orjson.loads(encode(decode(kind, path.read_bytes()))) == recorded


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_recorded_message_meets_its_published_schema(path: Path) -> None:
    name = path.stem.split("-")[0]
    schema = json.loads((SCHEMAS / f"{name}.v1.json").read_text(encoding="utf-8"))
    jsonschema.validate(orjson.loads(path.read_bytes()), schema)
