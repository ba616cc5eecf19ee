"""Ten-second windows as quixstreams has them: state in RocksDB with a changelog, at least once.

Runs in an environment of its own, since quixstreams holds pydantic back.
"""

import sys
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from quixstreams import Application

bootstrap, source_name, target_name, folder, guarantee = sys.argv[1:]
app = Application(
    broker_address=bootstrap,
    consumer_group="quix",
    auto_offset_reset="earliest",
    state_dir=folder,
    processing_guarantee=guarantee,
    consumer_extra_config={"session.timeout.ms": 6000},
)


def readings(batch: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The readings of a batch."""
    started_ms = datetime.fromisoformat(batch["started_at"]).timestamp() * 1000
    labels = batch["labels"] or [{}] * len(batch["levels"])
    for n, (levels, scores) in enumerate(zip(batch["levels"], labels, strict=True)):
        yield {
            "at_ms": int(started_ms) + 1000 * n + 500,
            "laeq_db": levels["laeq_1s_db"],
            "lafmax_db": levels["lafmax_db"],
            "scores": scores,
        }


def event_time_ms(reading: dict[str, Any], *_: object) -> int:
    """When it happened, not when it came."""
    return int(reading["at_ms"])


def first(reading: dict[str, Any]) -> dict[str, Any]:
    """A window's first reading."""
    return {
        "count": 1,
        "energy": 10 ** (reading["laeq_db"] / 10),
        "max_db": reading["lafmax_db"],
        "labels": reading["scores"],
    }


def next_one(window: dict[str, Any], reading: dict[str, Any]) -> dict[str, Any]:
    """One reading more."""
    labels = dict(window["labels"])
    for label, score in reading["scores"].items():
        labels[label] = labels.get(label, 0) + score
    return {
        "count": window["count"] + 1,
        "energy": window["energy"] + 10 ** (reading["laeq_db"] / 10),
        "max_db": max(window["max_db"], reading["lafmax_db"]),
        "labels": labels,
    }


source = app.topic(source_name, value_deserializer="json")
target = app.topic(target_name, value_serializer="json")
stream = app.dataframe(source).apply(readings, expand=True).set_timestamp(event_time_ms)
stream = stream.tumbling_window(10_000, grace_ms=2_000).reduce(next_one, first).final()
stream.to_topic(target)

if __name__ == "__main__":
    app.run()
