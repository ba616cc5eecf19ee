"""Ten-second windows as quixstreams has them: state in RocksDB with a changelog, at least once.

Runs in an environment of its own, since quixstreams holds pydantic back.
"""

import sys
from typing import Any

from quixstreams import Application

bootstrap, source_name, target_name, folder, guarantee = sys.argv[1:]
app = Application(
    broker_address=bootstrap,
    consumer_group="quix",
    auto_offset_reset="earliest",
    state_dir=folder,
    processing_guarantee=guarantee,
)


def event_time_ms(value: dict[str, Any], *_: object) -> int:
    """When it happened, not when it came."""
    return int(value["at_ms"])


def first(event: dict[str, Any]) -> dict[str, Any]:
    """A window's first reading."""
    return {
        "count": 1,
        "energy": 10 ** (event["level_db"] / 10),
        "max_db": event["level_db"],
        "labels": {event["label"]: event["score"]},
    }


def next_one(window: dict[str, Any], event: dict[str, Any]) -> dict[str, Any]:
    """One reading more."""
    label, labels = event["label"], window["labels"]
    return {
        "count": window["count"] + 1,
        "energy": window["energy"] + 10 ** (event["level_db"] / 10),
        "max_db": max(window["max_db"], event["level_db"]),
        "labels": {**labels, label: labels.get(label, 0) + event["score"]},
    }


source = app.topic(source_name, value_deserializer="json", timestamp_extractor=event_time_ms)
target = app.topic(target_name, value_serializer="json")
stream = app.dataframe(source)
stream = stream.tumbling_window(10_000, grace_ms=2_000).reduce(next_one, first).final()
stream.to_topic(target)

if __name__ == "__main__":
    app.run()
