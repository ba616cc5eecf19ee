"""The benchmark of the bridge measures the bridge, not its limit."""

import asyncio

from agents import light
from benchmarks import bridge, stage


def test_undisturbed_every_message_is_acknowledged_and_in_kafka_once() -> None:
    senders = bridge.senders(8 * 800, light.loops(1, 1, 10), bridge.QUIET_S)
    with stage.staged() as stack:
        run = asyncio.run(bridge.measured(stack, bridge.KINDS["cityhum"], senders, None))
    assert (run["messages"], run["never_acknowledged"]) == (6400, 0)
    assert (run["acknowledged_but_lost"], run["duplicates_in_kafka"]) == (0, 0)
