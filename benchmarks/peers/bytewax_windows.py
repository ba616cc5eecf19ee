"""Ten-second windows as bytewax has them: a fold with recovery in SQLite.

Run by `python -m bytewax.run` in an environment of its own. Settings come by the environment.
"""

import os
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from bytewax import operators as op
from bytewax.connectors.kafka import KafkaSink, KafkaSinkMessage, KafkaSource, KafkaSourceMessage
from bytewax.dataflow import Dataflow
from bytewax.operators.windowing import EventClock, TumblingWindower, fold_window

Reading = tuple[datetime, float, float, dict[str, int]]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BROKERS = [os.environ["PEER_BOOTSTRAP"]]


def read(message: KafkaSourceMessage[Any, Any]) -> list[tuple[str, Reading]]:
    """The readings of a batch, by device."""
    batch = orjson.loads(message.value)
    started_at = datetime.fromisoformat(batch["started_at"]) + timedelta(seconds=0.5)
    labels = batch["labels"] or [{}] * len(batch["levels"])
    return [
        (
            batch["device"],
            (started_at + timedelta(seconds=n), one["laeq_1s_db"], one["lafmax_db"], scores),
        )
        for n, (one, scores) in enumerate(zip(batch["levels"], labels, strict=True))
    ]


def when(reading: Reading) -> datetime:
    """When it happened."""
    return reading[0]


def empty() -> dict[str, Any]:
    """A window without readings."""
    return {"count": 0, "energy": 0.0, "max_db": -200.0, "labels": {}}


def plus(window: dict[str, Any], reading: Reading) -> dict[str, Any]:
    """One reading more."""
    _, laeq_db, lafmax_db, scores = reading
    window["count"] += 1
    window["energy"] += 10 ** (laeq_db / 10)
    window["max_db"] = max(window["max_db"], lafmax_db)
    labels = window["labels"]
    for label, score in scores.items():
        labels[label] = labels.get(label, 0) + score
    return window


def merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Two windows as one; tumbling windows never need it."""
    labels = {
        label: one["labels"].get(label, 0) + other["labels"].get(label, 0)
        for label in {**one["labels"], **other["labels"]}
    }
    return {
        "count": one["count"] + other["count"],
        "energy": one["energy"] + other["energy"],
        "max_db": max(one["max_db"], other["max_db"]),
        "labels": labels,
    }


def told(item: tuple[str, tuple[int, dict[str, Any]]]) -> KafkaSinkMessage[bytes, bytes]:
    """A closed window, as a record."""
    device, (number, value) = item
    record = {"device": device, "start": number * 10_000, "value": value}
    return KafkaSinkMessage(device.encode(), orjson.dumps(record))


flow = Dataflow("windows")
messages = op.input(
    "source", flow, KafkaSource(BROKERS, [os.environ["PEER_SOURCE"]], batch_size=1000)
)
events = op.flat_map("read", messages, read)
clock = EventClock(when, wait_for_system_duration=timedelta(seconds=2))
windower = TumblingWindower(length=timedelta(seconds=10), align_to=EPOCH)
windows = fold_window("fold", events, clock, windower, empty, plus, merged)
op.output(
    "target", op.map("told", windows.down, told), KafkaSink(BROKERS, os.environ["PEER_TARGET"])
)
