"""Ten-second windows as Faust has them: a windowed table with a changelog, told when they close.

Faust's windows are over by the wall clock, whatever time their events have: of a backlog all are
at once. These are over by event time instead, as everybody's; every partition must have a device.
"""

import sys
from collections.abc import Callable
from datetime import datetime
from typing import Any

import faust
import orjson

PARTITIONS = 12
LATE_S = 34.0
"""So long a partition waits for its devices: one may come a batch of 32 readings after another."""

bootstrap, source_name, target_name, folder = sys.argv[1:]
app = faust.App(
    "faust-windows",
    broker=f"kafka://{bootstrap}",
    datadir=folder,
    consumer_auto_offset_reset="earliest",
    consumer_max_fetch_size=16 * 2**20,
    topic_partitions=PARTITIONS,
    topic_disable_leader=True,
    web_enabled=False,
    producer_acks=-1,
    broker_session_timeout=6.0,
    broker_heartbeat_interval=2.0,
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
table = app.Table("windows", default=make, on_window_close=closed, partitions=PARTITIONS)
at_s = [0.0]
"""When the reading was that is added now: a batch has many, and an event of Faust one time."""
newest_s: dict[int, float] = {}
"""Of each partition."""


class ByEventTime(faust.TumblingWindow):
    """A window that is over when all partitions have come past it."""

    def stale(self, timestamp: float, _now_s: float) -> bool:
        """Whether the window that ends at a time is over."""
        heard = len(newest_s) == PARTITIONS
        return heard and timestamp <= min(newest_s.values()) - LATE_S


windows = table.using_window(ByEventTime(10.0, expires=LATE_S)).relative_to(  # type: ignore[attr-defined]  # it has
    lambda _: at_s[0]
)


@app.agent(source)
async def fold(batches: faust.StreamT[bytes]) -> None:
    """Add each reading to its window."""
    async for event in batches.events():
        batch = orjson.loads(event.value)
        started_s = datetime.fromisoformat(batch["started_at"]).timestamp() + 0.5
        labels = batch["labels"] or [{}] * len(batch["levels"])
        for n, (levels, scores) in enumerate(zip(batch["levels"], labels, strict=True)):
            at_s[0] = started_s + n
            add(batch["device"], levels, scores)
        place = event.message.partition
        newest_s[place] = max(at_s[0], newest_s.get(place, 0.0))


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
