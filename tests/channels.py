"""What the published AsyncAPI document says of a message: payload and headers."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import orjson
from jsonschema import Draft202012Validator

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


def _validate(schema: Mapping[str, Any], value: object) -> None:
    Draft202012Validator({**schema, "components": DOCUMENT["components"]}).validate(value)
