"""The whole error tree. Each class says what the caller does next.

CityhumError
├── BadMessage    permanent, caused by data: keep it as a dead letter, count it, go on
│   └── NewerMessage  of a version to come: from one of our programs, stop until we are upgraded
├── Unavailable   transient, caused by the world: back off and try again, the offset stays
├── BadConfig     permanent, caused by a person: one line, exit 2
├── BadQuestion   permanent, caused by who asks: one line that says how to ask instead
└── LogGap        records we still needed are gone from Kafka: stop, a person decides

Anything else is a bug: crash and be restarted.
"""

from typing import Literal

Reason = Literal[
    "malformed",
    "oversized",
    "version",
    "device",
    "clock",
    "privacy",
    "conflict",
]
"""Why a message became a dead letter; the value of its `reason` header.

malformed: not JSON, or a field is missing, foreign or out of range. oversized: above 128 KiB.
version: a schema version that we do not know. device: topic, payload and registry disagree.
clock: event time too far ahead or behind. privacy: finer than 8 frames a second.
conflict: an already counted seq came again with different content.
"""


class CityhumError(Exception):
    """Root of all errors that we raise on purpose."""


class BadMessage(CityhumError):
    """Permanent: the message becomes a dead letter and the stream goes on."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason: Reason = reason
        self.detail = detail


class NewerMessage(BadMessage):
    """Of a version to come: a device's is a dead letter, one of our own waits for an upgrade."""

    def __init__(self, detail: str) -> None:
        super().__init__("version", detail)


class Unavailable(CityhumError):
    """Transient: a broker, database or device is away; back off and retry."""


class BadConfig(CityhumError):
    """A person's mistake: print this one line and exit with status 2."""


class BadQuestion(CityhumError):
    """A question without an answer, or with none of bounded cost: say how to ask instead."""


class LogGap(CityhumError):
    """Kafka no longer holds records that were not applied yet."""
