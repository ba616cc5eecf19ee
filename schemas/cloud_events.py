"""Alert events as CloudEvents 1.0, in binary mode: the payload is the alert, the rest is beside it.

The same attributes travel as Kafka headers (`ce_id`), MQTT user properties (`id`) and HTTP headers
(`ce-id`).
"""

from collections.abc import Mapping
from typing import Final

from schemas import topics
from schemas.codec import CONTENT_TYPE
from schemas.results import Alert

_CONTENT: Final = {"content-type": CONTENT_TYPE}


def event_id(alert: Alert) -> str:
    """Name of an event: the same wherever and however often it is told."""
    return f"{alert.alert_id}.{alert.revision}"


def attributes(alert: Alert) -> Mapping[str, str]:
    """Context attributes but `datacontenttype`; `time` is when the event was decided or over."""
    told = {
        "specversion": "1.0",
        "id": event_id(alert),
        "source": f"/{topics.NAMESPACE}/{alert.site}/{alert.device}",
        "type": f"cityhum.alert.{alert.state}.v{alert.version}",
        "subject": alert.rule,
    }
    at = {"raised": alert.raised_at, "updated": None, "cleared": alert.ended_at}[alert.state]
    return told if at is None else {**told, "time": at.isoformat().replace("+00:00", "Z")}


def kafka_headers(alert: Alert) -> tuple[tuple[str, bytes], ...]:
    """Headers of a record that holds an alert, as CloudEvents' binding to Kafka wants them."""
    named = {f"ce_{name}": value for name, value in attributes(alert).items()}
    return tuple((name, text.encode()) for name, text in {**named, **_CONTENT}.items())


def http_headers(alert: Alert) -> Mapping[str, str]:
    """Headers of a post that holds an alert, as CloudEvents' binding to HTTP wants them."""
    return {**{f"ce-{name}": value for name, value in attributes(alert).items()}, **_CONTENT}
