"""The AsyncAPI 3 document: every topic that somebody may read or write, and what is on it."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from pydantic.json_schema import models_json_schema

from schemas import topics
from schemas.base import Frozen
from schemas.codec import CONTENT_TYPE
from schemas.envelopes import FeatureEnvelope, ReadingEnvelope, ResultEnvelope
from schemas.messages import Ack, FeatureBatch, Indices, ResultBatch, Status
from schemas.results import Alert, DeadLetter, Window

Node = dict[str, Any]
"""A part of the document."""


class MqttTopic(NamedTuple):
    """A topic of each device."""

    name: str
    message: type[Frozen]
    summary: str
    retain: bool = False
    rest: str = ""


class KafkaTopic(NamedTuple):
    """A topic, one message a record."""

    topic: str
    message: type[Frozen]
    summary: str
    key: str = "none"


MQTT: Final = (
    MqttTopic("features", FeatureBatch, "A device's readings with mel frames."),
    MqttTopic("results", ResultBatch, "Readings that were labelled on the device."),
    MqttTopic("indices", Indices, "Acoustic indices of one minute."),
    MqttTopic("status", Status, "Birth, health every minute, death by last will.", retain=True),
    MqttTopic("ack", Ack, "What is safe in Kafka and may leave the device's spool."),
    MqttTopic("alerts", Alert, "The newest alert of a rule.", retain=True, rest="/{rule}"),
    MqttTopic("levels", Window, "The newest minute, if Home Assistant is served.", retain=True),
)
KAFKA: Final = (
    KafkaTopic(topics.FEATURES, FeatureEnvelope, "Readings with mel frames, as they came."),
    KafkaTopic(topics.RESULTS, ResultEnvelope, "Readings labelled on the device."),
    KafkaTopic(topics.READINGS, ReadingEnvelope, "Labelled readings; what a replay reads."),
    KafkaTopic(topics.INDICES, Indices, "Acoustic indices of one minute.", "device"),
    KafkaTopic(topics.STATUS, Status, "Status of a device; compacted.", "device"),
    KafkaTopic(topics.WINDOWS, Window, "Final windows of a minute and more.", "device"),
    KafkaTopic(topics.ALERTS, Alert, "Every event of every alert.", "alert id"),
    KafkaTopic(topics.DEAD_LETTERS, DeadLetter, "What could not be read.", "device or none"),
)
_CLOUD_EVENT: Final[Mapping[str, str]] = {
    "specversion": "1.0",
    "id": "alert id and revision: by it, drop what comes again",
    "source": "site and device",
    "type": "cityhum.alert.raised.v1, .updated.v1 or .cleared.v1",
    "subject": "rule",
    "time": "when it was raised or has ended",
}
_SIGNED: Final[Mapping[str, str]] = {
    "webhook-id": "the same at every try",
    "webhook-timestamp": "seconds since 1970 of this try",
    "webhook-signature": "v1, and base64 of HMAC-SHA256 over id.timestamp.body",
}


def document() -> Node:
    """Build it of the message classes.

    Examples
    --------
    >>> document()["channels"]["kafka.alerts.v1"]["address"]
    'alerts.v1'
    """
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "cityhum",
            "version": "1.0.0",
            "description": "A city's sounds, never its words. Every message names its version, "
            "whose fields stay as they are: any other field is a new version.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": CONTENT_TYPE,
        "servers": _SERVERS,
        "channels": {
            **{f"mqtt.{one.name}": _mqtt_channel(one) for one in MQTT},
            **{f"kafka.{one.topic}": _kafka_channel(one) for one in KAFKA},
            "webhook": _channel(None, "Alert events posted to whoever asked for them.", "Webhook"),
        },
        "operations": {
            **{f"mqtt.{one.name}": _operation(f"mqtt.{one.name}", _qos(one)) for one in MQTT},
            **{f"kafka.{one.topic}": _operation(f"kafka.{one.topic}") for one in KAFKA},
            "webhook": _operation("webhook", {"http": {"method": "POST", **_V3}}),
        },
        "components": {"messages": _messages(), "schemas": _schemas()},
    }


_V3: Final = {"bindingVersion": "0.3.0"}
_SERVERS: Final[Node] = {
    "mqtt": {
        "host": "127.0.0.1:1883",
        "protocol": "mqtt",
        "protocolVersion": "5",
        "description": "Mosquitto; user `viewer` reads alerts, levels and status.",
    },
    "kafka": {"host": "127.0.0.1:9092", "protocol": "kafka", "description": "Apache Kafka."},
}
_PARAMETERS: Final[Mapping[str, str]] = {
    "site": "id of the site",
    "device": "id of the device, unique in the installation",
    "rule": "name of the alert rule",
}


def _mqtt_channel(one: MqttTopic) -> Node:
    address = f"{topics.NAMESPACE}/{{site}}/{{device}}/{one.name}{one.rest}"
    message = "MqttAlert" if one.message is Alert else one.message.__name__
    named = {
        name: {"description": text}
        for name, text in _PARAMETERS.items()
        if f"{{{name}}}" in address
    }
    return {**_channel(address, one.summary, message, "mqtt"), "parameters": named}


def _kafka_channel(one: KafkaTopic) -> Node:
    message = "KafkaAlert" if one.message is Alert else one.message.__name__
    bindings = {"kafka": {"partitions": topics.PARTITIONS, "bindingVersion": "0.5.0"}}
    summary = f"{one.summary} Key: {one.key}. A device keeps its partition: crc32 of its id."
    return {**_channel(one.topic, summary, message, "kafka"), "bindings": bindings}


def _channel(address: str | None, summary: str, message: str, server: str | None = None) -> Node:
    servers = {"servers": [{"$ref": f"#/servers/{server}"}]} if server else {}
    reference = {"$ref": f"#/components/messages/{message}"}
    return {"address": address, "summary": summary, **servers, "messages": {message: reference}}


def _operation(channel: str, bindings: Node | None = None) -> Node:
    told = {"action": "send", "channel": {"$ref": f"#/channels/{channel}"}}
    return {**told, "bindings": bindings} if bindings else told


def _qos(one: MqttTopic) -> Node:
    return {"mqtt": {"qos": 1, "retain": one.retain, "bindingVersion": "0.2.0"}}


def _messages() -> Node:
    plain = {one.message for one in (*MQTT, *KAFKA)} - {Alert, DeadLetter}
    messages = {kind.__name__: _message(kind) for kind in sorted(plain, key=lambda k: k.__name__)}
    on_http = {**{f"ce-{name}": text for name, text in _CLOUD_EVENT.items()}, **_SIGNED}
    return {
        **messages,
        "MqttAlert": _message(Alert, _CLOUD_EVENT),
        "KafkaAlert": _message(Alert, {f"ce_{name}": text for name, text in _CLOUD_EVENT.items()}),
        "Webhook": _message(Alert, on_http),
        "DeadLetter": {
            "title": "DeadLetter",
            "contentType": "application/octet-stream",
            "headers": {"$ref": "#/components/schemas/DeadLetter"},
            "payload": {"description": "the original, unchanged"},
        },
    }


def _message(kind: type[Frozen], headers: Mapping[str, str] | None = None) -> Node:
    payload = {"$ref": f"#/components/schemas/{kind.__name__}"}
    told = {"title": kind.__name__, "contentType": CONTENT_TYPE, "payload": payload}
    if headers is None:
        return told
    texts = {name: {"type": "string", "description": text} for name, text in headers.items()}
    needed = [name for name in texts if not name.endswith("time")]
    return {**told, "headers": {"type": "object", "properties": texts, "required": needed}}


def _schemas() -> Node:
    kinds = sorted({one.message for one in (*MQTT, *KAFKA)}, key=lambda kind: kind.__name__)
    _, found = models_json_schema(
        [(kind, "serialization") for kind in kinds], ref_template="#/components/schemas/{model}"
    )
    schemas: Node = found["$defs"]
    return schemas
