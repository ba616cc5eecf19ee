"""MQTT and Kafka topic names, and the partition of a device: build and parse."""

import re
from typing import Literal, NamedTuple, get_args
from zlib import crc32

from schemas.errors import BadMessage

NAMESPACE = "cityhum/v1"
DeviceStream = Literal["features", "results", "indices", "status"]
"""What a device writes: the last level of its topics."""

FEATURES = "features.v1"
RESULTS = "results.v1"
READINGS = "readings.v1"
INDICES = "indices.v1"
STATUS = "status.v1"
WINDOWS = "windows.v1"
ALERTS = "alerts.v1"
DEAD_LETTERS = "dead-letters.v1"

PARTITIONS = 12
"""The same on every Kafka topic, so that a device keeps its partition along the chain."""

_ID = r"[a-z0-9][a-z0-9-]{0,62}"
_PUBLISHED = re.compile(
    rf"{NAMESPACE}/({_ID})/({_ID})/({'|'.join(get_args(DeviceStream))})", flags=re.ASCII
)


class Published(NamedTuple):
    """A parsed device topic."""

    site: str
    device: str
    stream: DeviceStream


def device_topic(site: str, device: str, stream: DeviceStream) -> str:
    """Topic that a device publishes a stream on.

    >>> device_topic("harbour", "pole-07", "features")
    'cityhum/v1/harbour/pole-07/features'
    """
    return f"{NAMESPACE}/{site}/{device}/{stream}"


def ack_topic(site: str, device: str) -> str:
    """Topic on which the bridge answers a device."""
    return f"{NAMESPACE}/{site}/{device}/ack"


def alert_topic(site: str, device: str, rule: str) -> str:
    """Topic of the current state of a device's alert."""
    return f"{NAMESPACE}/{site}/{device}/alerts/{rule}"


def levels_topic(site: str, device: str) -> str:
    """Topic of the newest minute of a device, for those who are told no readings."""
    return f"{NAMESPACE}/{site}/{device}/levels"


def subscription(stream: DeviceStream, site: str = "+") -> str:
    """Filter for one stream of all devices of a site, or of all sites.

    >>> subscription("status")
    'cityhum/v1/+/+/status'
    """
    return f"{NAMESPACE}/{site}/+/{stream}"


def parse(topic: str) -> Published:
    """Site, device and stream of a device topic.

    Raises
    ------
    BadMessage
        With reason `device` if it is not a topic that a device may write.

    Examples
    --------
    >>> parse("cityhum/v1/harbour/pole-07/features").device
    'pole-07'
    """
    match = _PUBLISHED.fullmatch(topic)
    if match is None:
        raise BadMessage("device", f"not a device topic: {topic[:100]!r}")
    site, device, stream = match.groups()
    return Published(site, device, stream)  # type: ignore[arg-type]  # the pattern's own words


def partition(device: str) -> int:
    """Kafka partition of a device, the same on every topic.

    Always explicit: client libraries disagree about their default partitioners.

    >>> partition("pole-07")
    8
    """
    return crc32(device.encode()) % PARTITIONS
