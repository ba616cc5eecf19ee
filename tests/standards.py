"""What others have standardised: payloads checked by their schemas and libraries, and counted."""

import ast
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import jsonschema
from cloudevents.core.base import BaseCloudEvent
from cloudevents.core.bindings import http, kafka
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from geojson_pydantic import FeatureCollection

from schemas import topics
from tests import channels

_THIRD_PARTY: Final = Path(__file__).parent / "data" / "third_party"
_CLOUD_EVENT: Final[dict[str, Any]] = json.loads(
    (_THIRD_PARTY / "cloudevents/1.0.schema.json").read_text(encoding="utf-8")
)
_FORMATS: Final = jsonschema.Draft7Validator.FORMAT_CHECKER

counted: Final[Counter[str]] = Counter()
"""How many payloads were valid, by standard; the first that is not raises."""


def record(topic: str, value: bytes, headers: Sequence[tuple[str, bytes]]) -> None:
    """Check a record of Kafka; alerts are CloudEvents too."""
    channels.check_record(topic, value, headers)
    counted["AsyncAPI"] += 1
    if topic == topics.ALERTS:
        message = kafka.KafkaMessage(headers=dict(headers), key=None, value=value)
        cloud_event(_written(kafka.from_binary(message, JSONFormat(), CloudEvent)))


def post(headers: Mapping[str, str], body: bytes) -> None:
    """Check what was posted to a webhook."""
    channels.check("webhook", body, headers)
    counted["AsyncAPI"] += 1
    message = http.HTTPMessage(headers=dict(headers), body=body)
    cloud_event(_written(http.from_binary(message, JSONFormat(), CloudEvent)))


def message(topic: str, payload: bytes, properties: Mapping[str, str] | None) -> str | None:
    """Check an MQTT message; its AsyncAPI channel, None where it is Home Assistant's."""
    levels = topic.split("/")
    if levels[0] == "homeassistant":
        discovery(json.loads(payload))
        return None
    channel = f"mqtt.{levels[4]}"
    channels.check(channel, payload, properties)
    counted["AsyncAPI"] += 1
    if channel == "mqtt.alerts":  # no library reads MQTT: the properties are the attributes
        cloud_event({**(properties or {}), "data": json.loads(payload)})
    return channel


def cloud_event(event: Mapping[str, object]) -> None:
    """Check an event by the published schema of CloudEvents 1.0."""
    jsonschema.validate(dict(event), _CLOUD_EVENT, format_checker=_FORMATS)
    counted["CloudEvents"] += 1


def _written(event: BaseCloudEvent) -> Mapping[str, object]:
    """An event that the library has read, in JSON as the library writes it."""
    return dict(json.loads(JSONFormat().write(event)))


def discovery(config: Mapping[str, Any]) -> None:
    """Check a device's discovery: Home Assistant knows every key."""
    assert {"device", "origin", "components"} <= set(config)
    assert set(config) <= known("ABBREVIATIONS") | {"qos"}
    assert set(config["device"]) <= known("DEVICE_ABBREVIATIONS")
    assert set(config["origin"]) <= known("ORIGIN_ABBREVIATIONS")
    for part in config["components"].values():
        assert set(part) <= known("ABBREVIATIONS")
        assert {"platform", "unique_id", "state_topic"} <= set(part)
        assert part["platform"] in {"sensor", "binary_sensor"}
    counted["Home Assistant"] += 1


def known(table: str) -> set[str]:
    """Keys of one of Home Assistant's own tables."""
    path = _THIRD_PARTY / "home_assistant/abbreviations.py.txt"
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == table:
            return set(ast.literal_eval(node.value).values())
    raise AssertionError(table)


def geojson(body: bytes) -> int:
    """Check a collection; how many features it has."""
    features = len(FeatureCollection.model_validate_json(body).features)
    counted["GeoJSON"] += features
    return features
