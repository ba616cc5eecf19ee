"""Reference: topics, and the fields of every message on them."""

from collections.abc import Iterator, Mapping
from inspect import cleandoc
from pathlib import Path
from typing import Any

from cityhum.schemas import PUBLISHED
from deploy.reference.markdown import code, page, table
from processors import topic_plan
from processors.topic_plan import PlannedTopic
from schemas import asyncapi, topics
from schemas.asyncapi import MqttTopic
from schemas.base import Frozen

PLAN = Path("deploy/kafka/topics.yaml")

_INTRODUCTION = """\
Messages are JSON; bytes in them are base64. Each has a JSON Schema under
[schemas/json](../../schemas/json), all topics together an AsyncAPI document,
[schemas/asyncapi.json](../../schemas/asyncapi.json). The fields of a version stay as they are:
readers refuse one that it does not have, so one more, one less or another meaning is a new
version."""


def messages() -> str:
    """Page of all topics and messages."""
    planned = topic_plan.parse(PLAN.read_text(encoding="utf-8")).topics
    kafka = [
        [code(one.topic), one.summary, _message(one.message), one.key, _kept(planned[one.topic])]
        for one in asyncapi.KAFKA
    ]
    mqtt = [
        [_address(one), one.summary, _message(one.message), "yes" if one.retain else ""]
        for one in asyncapi.MQTT
    ]
    return page(
        "Messages",
        _INTRODUCTION,
        "## Topics",
        f"Kafka, {topics.PARTITIONS} partitions each; a device keeps its partition:",
        table(["topic", "holds", "message", "key", "kept"], kafka),
        "MQTT 5, QoS 1:",
        table(["topic", "holds", "message", "retained"], mqtt),
        *(part for name, schema in _schemas().items() for part in _described(name, schema)),
    )


def _address(topic: MqttTopic) -> str:
    return code(f"{topics.NAMESPACE}/{{site}}/{{device}}/{topic.name}{topic.rest}")


def _message(kind: type[Frozen]) -> str:
    return _link(kind.__name__)


def _kept(topic: PlannedTopic) -> str:
    return "newest of each device" if topic.compact else f"{topic.retention_days} days"


def _link(name: str) -> str:
    return f"[{name}](#{name.lower()})"


def _schemas() -> dict[str, Mapping[str, Any]]:
    """Every message, and then what they are made of."""
    whole = {kind.__name__: kind.model_json_schema(mode="serialization") for kind in PUBLISHED}
    parts = {name: part for one in whole.values() for name, part in one.get("$defs", {}).items()}
    return {**whole, **{name: part for name, part in parts.items() if name not in whole}}


def _described(name: str, schema: Mapping[str, Any]) -> Iterator[str]:
    yield f"## {name}"
    yield cleandoc(schema.get("description", ""))
    rows = [
        [code(field), _type(about), about.get("description", "")]
        for field, about in schema.get("properties", {}).items()
    ]
    yield table(["field", "type", "meaning"], rows)


def _type(field: Mapping[str, Any]) -> str:
    """A JSON Schema's type in a few words: `number, -200 to 200, or null`."""
    if "$ref" in field:
        return _link(str(field["$ref"]).rsplit("/", 1)[-1])
    if choices := field.get("anyOf") or field.get("oneOf"):
        return " or ".join(dict.fromkeys(map(_type, choices)))
    if "const" in field:
        return code(field["const"])
    if "enum" in field:
        return ", ".join(map(code, field["enum"]))
    if field.get("type") == "array":
        items = field.get("items") or {}
        return f"list of {_type(items)}" if items else "list"
    named = str(field.get("format", field.get("type", "any")))
    bounds = [str(field[name]) for name in ("minimum", "maximum") if name in field]
    return f"{named}, {' to '.join(bounds)}" if len(bounds) > 1 else named
