"""Whatever happens to workers, every record counts once, in order."""

import asyncio
import contextlib

from hypothesis import given
from hypothesis import strategies as st

from processors.adapters.durable import Durable
from processors.adapters.durable_ports import TakenOver
from processors.partitions import Key
from schemas import topics
from tests.builders import labelled
from tests.streams import Bench, FakeLog, envelope

KEYS = (Key(topics.READINGS, 3), Key(topics.READINGS, 8))
COUNT = 6

events = st.lists(
    st.one_of(
        st.tuples(st.just("read"), st.sampled_from(KEYS), st.integers(0, COUNT), st.integers(1, 4)),
        st.sampled_from(["kill", "revoke", "close", "rebalance", "zombie"]),
    ),
    max_size=20,
)


async def _live(schedule: list[object]) -> Bench:
    bench = Bench(
        FakeLog({key: [envelope(labelled(n)) for n in range(COUNT)] for key in KEYS}),
    )
    everything = dict.fromkeys(KEYS, 0)
    worker = bench.worker()
    await worker.assign(everything)
    for event in schedule:
        if isinstance(event, tuple):
            _, key, first, count = event
            offsets = range(first, min(first + count, COUNT))
            await bench.feed(worker, bench.log.records(key, offsets))
        else:
            worker = await _befallen(str(event), worker, bench)
    await worker.assign(everything)
    for key in KEYS:
        await bench.feed(worker, bench.log.records(key, range(COUNT)))
    await worker.close()
    return bench


async def _befallen(event: str, worker: Durable, bench: Bench) -> Durable:
    everything = dict.fromkeys(KEYS, 0)
    if event == "rebalance":
        await worker.assign(everything)
        return worker
    if event == "revoke":
        await worker.revoke()
    elif event == "close":
        await worker.close()
    after = bench.worker()
    await after.assign(everything)
    if event == "zombie":  # the old one wakes up, and finds that it has nothing to say
        with contextlib.suppress(TakenOver):
            await worker.close()
    return after


@given(events)
def test_every_record_counts_once_and_in_order(schedule: list[object]) -> None:
    bench = asyncio.run(_live(schedule))
    for key in KEYS:
        assert list(bench.seen(key=key)) == list(range(COUNT))
    assert len(bench.store.messages) == COUNT * len(KEYS)
