"""Mutated messages through the bridge: none lost, none forwarded that the ceiling forbids.

Run: `python -m benchmarks.fuzz [--json] [--count N] [--mqtt N] [--seed N]`; `make fuzz`.
First in process, through the bridge's own loop with brokers of ours; then through a real Mosquitto
and Kafka. The law: forwarded + dead letters + refused by the broker = sent. Exits 1 if it is
broken, if the bridge crashes, or if any second of a device was told with more than 8 frames.
"""

import argparse
import asyncio
import json
import logging
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from math import inf
from typing import Any, Final

from benchmarks import fuzz_mqtt
from benchmarks.fuzz_ledger import Ledger, Tally
from benchmarks.fuzz_mutations import Sent, story
from benchmarks.privacy_mutations import SITE, STARTED_AT
from processors.adapters.mqtt import Delivery, Handle
from processors.bridge_service import Bridge
from processors.registry import parse
from processors.verdicts import Arrived
from schemas import topics

STORY: Final = 2000
"""Messages of one device."""
_AT_ONCE: Final = 64
_HUNDRED_MB: Final = 100_000_000


class _Told(Exception):
    """Everything was said."""


class _Mouth:
    """The bridge's inbox: says everything, then ends."""

    heard_for_s = inf

    def __init__(self, messages: Iterator[Sent], tally: Tally) -> None:
        self._messages = messages
        self._tally = tally

    async def take(self, timeout_s: float) -> list[Delivery]:  # noqa: ARG002
        """Everything that waits."""
        taken = list(islice(self._messages, _AT_ONCE))
        if not taken:
            raise _Told
        self._tally.sent.update(message.kind for message in taken)
        await asyncio.sleep(0)
        return [Delivery(arrived(message), Handle(1, 1, 1)) for message in taken]

    def acknowledge(self, handle: Handle) -> None:  # noqa: ARG002
        """Never deliver this message again."""
        self._tally.acknowledged += 1

    def publish(self, topic: str, payload: bytes) -> None:
        """Tell a device."""


def arrived(message: Sent) -> Arrived:
    """The message as the bridge gets it, a minute after it was heard."""
    received_at = STARTED_AT + timedelta(seconds=message.at_s + message.seconds + 60)
    return Arrived(message.topic, message.payload, received_at)


def in_process(count: int, seed: int) -> Tally:
    """Let devices speak, one after the other, each to a bridge that has heard none before."""
    tally = Tally()
    ledger = Ledger(tally)
    for number, first in enumerate(range(0, count, STORY)):
        device = f"p-{number % 100_000:05d}"
        told = story(seed + number, device, min(STORY, count - first))
        try:
            asyncio.run(_listen(device, told, ledger, tally))
        except Exception as error:  # noqa: BLE001  # that is what we look for
            tally.crash = repr(error)
            break
        ledger.close()
    return tally


async def _listen(device: str, told: Iterator[Sent], ledger: Ledger, tally: Tally) -> None:
    devices = parse(f"sites: [{{site: {SITE}, devices: [{{device: {device}}}]}}]")
    bridge = Bridge(_Mouth(told, tally), ledger, devices, _still, lambda: 0.0)
    try:
        await bridge.run()
    except* _Told:
        pass


def _still() -> datetime:
    """Return the clock of a world without ticks."""
    return STARTED_AT


def huge() -> Tally:
    """One message of 100 MB, which no broker of ours would let through."""
    tally = Tally()
    topic = topics.device_topic(SITE, "p-00000", "features")
    message = Sent("huge", topic, b"A" * _HUNDRED_MB, 0.0, 1)
    asyncio.run(_listen("p-00000", iter([message]), Ledger(tally), tally))
    return tally


def figures(tally: Tally) -> dict[str, Any]:
    """For machines."""
    return {
        "sent": dict(tally.sent),
        "forwarded": dict(tally.forwarded),
        "dead_letters": dict(tally.dead),
        "refused_by_the_broker": tally.refused,
        "missing": tally.missing,
        "privacy_kept": tally.kept,
        "most_frames_in_a_second": tally.fullest,
        "crash": tally.crash,
        "passed": tally.passed,
    }


def lines(name: str, tally: Tally) -> Iterator[str]:
    """For people."""
    yield f"{name}: {tally.sent.total()} sent, {tally.missing} not accounted for"
    yield f"  made by      {_counts(tally.sent)}"
    yield f"  forwarded    {tally.forwarded.total():8}  {_counts(tally.forwarded)}"
    yield f"  dead letters {tally.dead.total():8}  {_counts(tally.dead)}"
    yield f"  refused by the broker {tally.refused}; frames in a second: at most {tally.fullest}"
    if tally.crash:
        yield f"  crashed: {tally.crash}"


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counter.items()))


def main() -> int:
    """Print both tallies; 1 if anything went wrong."""
    parser = argparse.ArgumentParser(description="mutated messages through the bridge")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--count", type=int, default=1_000_000, help="in process")
    parser.add_argument("--mqtt", type=int, default=10_000, help="through real brokers")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    for talkative in ("processors", "aiokafka"):  # a line for each dead letter, each young topic
        logging.getLogger(talkative).setLevel(logging.CRITICAL)
    tallies = {"in process": in_process(asked.count, asked.seed), "100 MB in process": huge()}
    if asked.mqtt:
        tally = Tally()
        fuzz_mqtt.run(asked.mqtt, asked.seed, tally, Ledger(tally))
        tallies["through MQTT"] = tally
    if asked.json:
        said = json.dumps({name: figures(tally) for name, tally in tallies.items()})
    else:
        said = "\n".join(line for name, t in tallies.items() for line in lines(name, t))
    sys.stdout.write(said + "\n")
    return 0 if all(tally.passed for tally in tallies.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
