"""Classify as Faust's own guide has it: one event at a time, or `take(64, within=0.05)`."""

import sys
from pathlib import Path

import faust

from benchmarks.peers.scoring import Scorer

bootstrap, model, source_name, target_name, how = sys.argv[1:]
scorer = Scorer(Path(model))
app = faust.App(
    f"faust-{how}",
    broker=f"kafka://{bootstrap}",
    value_serializer="raw",
    consumer_auto_offset_reset="earliest",
    consumer_max_fetch_size=16 * 2**20,
    topic_allow_declare=False,
    topic_disable_leader=True,
    web_enabled=False,
    producer_acks=-1,
)
source = app.topic(source_name, value_type=bytes)
target = app.topic(target_name, value_type=bytes)


async def one_by_one(stream: faust.StreamT[bytes]) -> None:
    """Score each event."""
    async for value in stream:
        await (await target.send(value=scorer.encoded([value])[0]))


async def taken(stream: faust.StreamT[bytes]) -> None:
    """Score what `take` gives."""
    async for values in stream.take(64, within=0.05):
        for answer in [await target.send(value=value) for value in scorer.encoded(values)]:
            await answer


app.agent(source)(taken if how == "take" else one_by_one)

if __name__ == "__main__":
    sys.argv[1:] = ["worker", "-l", "warn"]
    app.main()
