"""What the published AsyncAPI document says of a message: payload and headers."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import orjson
from jsonschema import Draft202012Validator

from processors import dead_letters
from schemas import topics

FILE: Final = Path(__file__).parents[1] / "schemas" / "asyncapi.json"
DOCUMENT: Final[dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))


def address_of(channel: str) -> str:
    """Topic of a channel."""
    address: str = DOCUMENT["channels"][channel]["address"]
    return address


def check(channel: str, payload: bytes, headers: Mapping[str, object] | None = None) -> None:
    """Validate a message; jsonschema's ValidationError if it is not as published."""
    [message] = DOCUMENT["channels"][channel]["messages"].values()
    described = DOCUMENT["components"]["messages"][message["$ref"].rsplit("/", 1)[1]]
    if described["contentType"] == "application/json":
        _validate(described["payload"], orjson.loads(payload))
    if "headers" in described:
        _validate(described["headers"], headers or {})


def check_record(topic: str, value: bytes, headers: Sequence[tuple[str, bytes]]) -> None:
    """Validate a record of Kafka."""
    told: dict[str, object] = {name: text.decode() for name, text in headers}
    if topic == topics.DEAD_LETTERS:
        told = dead_letters.letter(headers).model_dump(mode="json")
    check(f"kafka.{topic}", value, told)


def _validate(schema: Mapping[str, Any], value: object) -> None:
    Draft202012Validator({**schema, "components": DOCUMENT["components"]}).validate(value)
