"""Ten-second windows as Faust has them: a windowed table with a changelog, told when they close."""

import sys
from collections.abc import Callable
from datetime import datetime
from typing import Any

import faust
import orjson

bootstrap, source_name, target_name, folder = sys.argv[1:]
app = faust.App(
    "faust-windows",
    broker=f"kafka://{bootstrap}",
    datadir=folder,
    consumer_auto_offset_reset="earliest",
    consumer_max_fetch_size=16 * 2**20,
    topic_partitions=12,
    topic_disable_leader=True,
    web_enabled=False,
    producer_acks=-1,
    table_cleanup_interval=1.0,
)


async def closed(key: tuple[str, tuple[float, float]], value: dict[str, Any]) -> None:
    """Tell a window that is over."""
    device, (start_s, _) = key
    told = {"device": device, "start": int(start_s * 1000), "value": value}
    await target.send(key=device, value=told)


source = app.topic(source_name, key_type=str, value_type=bytes, value_serializer="raw")
target = app.topic(target_name, key_type=str, value_serializer="json")
make: Callable[[], dict[str, Any]] = dict
table = app.Table("windows", default=make, on_window_close=closed, partitions=12)
at_s = [0.0]
"""When the reading was that is added now: a batch has many, and an event of Faust one time."""
windows = table.tumbling(10.0, expires=2.0).relative_to(  # type: ignore[attr-defined]  # it has
    lambda _: at_s[0]
)


@app.agent(source)
async def fold(batches: faust.StreamT[bytes]) -> None:
    """Add each reading to its window."""
    async for value in batches:
        batch = orjson.loads(value)
        started_s = datetime.fromisoformat(batch["started_at"]).timestamp() + 0.5
        labels = batch["labels"] or [{}] * len(batch["levels"])
        for n, (levels, scores) in enumerate(zip(batch["levels"], labels, strict=True)):
            at_s[0] = started_s + n
            add(batch["device"], levels, scores)


def add(device: str, levels: dict[str, float], scores: dict[str, int]) -> None:
    """Add a reading to the window of its time."""
    window = windows[device].value() or {"count": 0, "energy": 0.0, "max_db": -200.0}
    labels = dict(window.get("labels", {}))
    for label, score in scores.items():
        labels[label] = labels.get(label, 0) + score
    windows[device] = {
        "count": window["count"] + 1,
        "energy": window["energy"] + 10 ** (levels["laeq_1s_db"] / 10),
        "max_db": max(window["max_db"], levels["lafmax_db"]),
        "labels": labels,
    }


if __name__ == "__main__":
    sys.argv[1:] = ["worker", "-l", "warn"]
    app.main()
