"""Ten-second windows as Faust has them: a windowed table with a changelog, told when they close."""

import sys
from collections.abc import Callable
from typing import Any

import faust

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


class Event(faust.Record, serializer="json"):
    """One reading."""

    device: str
    at_s: float
    level_db: float
    label: str
    score: int


async def closed(key: tuple[str, tuple[float, float]], value: dict[str, Any]) -> None:
    """Tell a window that is over."""
    device, (start_s, _) = key
    told = {"device": device, "start": int(start_s * 1000), "value": value}
    await target.send(key=device, value=told)


source = app.topic(source_name, key_type=str, value_type=Event)
target = app.topic(target_name, key_type=str, value_serializer="json")
make: Callable[[], dict[str, Any]] = dict
table = app.Table("windows", default=make, on_window_close=closed, partitions=12)
# a field of a record is its descriptor, which type checkers cannot know
windows = table.tumbling(10.0, expires=2.0).relative_to_field(Event.at_s)  # type: ignore[arg-type]


@app.agent(source)
async def fold(events: faust.StreamT[Event]) -> None:
    """Add each reading to its window."""
    async for event in events:
        window = windows[event.device].value() or {"count": 0, "energy": 0.0, "max_db": -200.0}
        labels = dict(window.get("labels", {}))
        labels[event.label] = labels.get(event.label, 0) + event.score
        windows[event.device] = {
            "count": window["count"] + 1,
            "energy": window["energy"] + 10 ** (event.level_db / 10),
            "max_db": max(window["max_db"], event.level_db),
            "labels": labels,
        }


if __name__ == "__main__":
    sys.argv[1:] = ["worker", "-l", "warn"]
    app.main()
