"""The AsyncAPI document: up to date, valid by the official schema, true of recorded messages."""

import copy
import json
from pathlib import Path

import jsonschema
import orjson
import pytest

from cityhum.schemas import asyncapi_text
from processors import dead_letters, notify_signature
from schemas import asyncapi, cloud_events, topics
from schemas.base import Frozen
from schemas.codec import decode
from schemas.results import Alert, DeadLetter
from tests import channels

DATA = Path(__file__).parents[2] / "data"
OFFICIAL = jsonschema.Draft7Validator(
    json.loads((DATA / "third_party/asyncapi/3.0.0.schema.json").read_text(encoding="utf-8"))
)
KINDS: dict[str, type[Frozen]] = {
    **{f"mqtt.{one.name}": one.message for one in asyncapi.MQTT},
    **{f"kafka.{one.topic}": one.message for one in asyncapi.KAFKA},
    "webhook": Alert,
}


def recorded(kind: str) -> bytes:
    return (DATA / "messages" / "v1" / f"{kind}.json").read_bytes()


def test_the_file_is_that_of_the_classes() -> None:
    there = channels.FILE.read_text(encoding="utf-8")
    assert there == asyncapi_text(), "run `cityhum schemas` and review what changed"


def test_it_is_valid_by_the_official_schema() -> None:
    OFFICIAL.validate(channels.DOCUMENT)
    broken = copy.deepcopy(channels.DOCUMENT)
    broken["channels"]["webhook"]["adress"] = "x"
    assert not OFFICIAL.is_valid(broken)


def test_every_reference_leads_somewhere() -> None:
    text = json.dumps(channels.DOCUMENT)
    for part in text.split('"$ref": "#/')[1:]:
        node: object = channels.DOCUMENT
        for name in part.split('"', 1)[0].split("/"):
            assert isinstance(node, dict)
            node = node[name]


def test_every_topic_has_a_channel() -> None:
    kafka = {value for name, value in vars(topics).items() if str(value).endswith(".v1")}
    assert {channels.address_of(f"kafka.{topic}") for topic in kafka} == kafka
    assert channels.address_of("mqtt.alerts") == topics.alert_topic("{site}", "{device}", "{rule}")
    assert channels.address_of("mqtt.ack") == topics.ack_topic("{site}", "{device}")


def headers_of(channel: str, payload: bytes) -> dict[str, object]:
    """Headers as a subscriber sees them, of a message that has any."""
    match channel:
        case "kafka.dead-letters.v1":
            found = dead_letters.headers(decode(DeadLetter, payload))
            return dead_letters.letter(found).model_dump(mode="json")
        case "mqtt.alerts":
            return dict(cloud_events.attributes(decode(Alert, payload)))
        case "kafka.alerts.v1":
            sent = cloud_events.kafka_headers(decode(Alert, payload))
            return {name: value.decode() for name, value in sent}
        case "webhook":
            alert = decode(Alert, payload)
            signed = notify_signature.headers(b"k" * 24, "id", payload, alert.raised_at)
            return {**cloud_events.http_headers(alert), **signed}
    return {}


@pytest.mark.parametrize("channel", KINDS)
def test_recorded_messages_are_as_published(channel: str) -> None:
    payload = recorded(KINDS[channel].__name__)
    channels.check(channel, payload, headers_of(channel, payload))


@pytest.mark.parametrize("channel", ["mqtt.alerts", "kafka.alerts.v1", "webhook"])
def test_what_is_not_as_published_is_found(channel: str) -> None:
    with pytest.raises(jsonschema.ValidationError):
        channels.check(channel, recorded("Alert"))
    wrong = {**orjson.loads(recorded("Alert")), "state": "rang"}
    with pytest.raises(jsonschema.ValidationError):
        channels.check(channel, orjson.dumps(wrong))
