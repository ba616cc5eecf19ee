"""How fast is the bridge, and what does a kill cost? `python -m benchmarks bridge [--json]`.

The same readings, one a message, from the same devices: through ours, and through a plain loop
that acknowledges early. Time runs until the last acknowledgement is back at its device. In a
second pass the bridge is killed halfway and started again. Ours runs without its limit of messages
a second and device: what is measured is the bridge. Status 1 if ours loses anything.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import orjson

from agents import light
from agents.adapters.link import Link, Login, Message
from agents.batches import Origin
from agents.light import Repeating
from benchmarks import proc, stage
from deploy.local.stack import LocalStack
from schemas import topics
from schemas.messages import Status

DEVICES: Final = [f"pole-{n:02d}" for n in range(1, 9)]
SITE: Final = "harbour"
UNANSWERED: Final = 200
"""So many messages of a device may wait for their acknowledgement."""
QUIET_S: Final = 5.0
KILLED_QUIET_S: Final = 30.0
"""So long nothing may come: a bridge that was killed must first be back."""
UNHURRIED: Final = {"CITYHUM_DEVICE_MESSAGES_PER_S": "1e6"}
KINDS: Final = {
    "cityhum": stage.python("cityhum", "bridge"),
    "plain loop, acknowledges early": stage.python("benchmarks.peers.plain_bridge"),
}

Identity = tuple[str, str, int]


@dataclass
class Sender:
    """One device with its messages; `sent_s` and `acked_s` are by seq.

    `waiting`: sent, and an answer is waited for; one that comes later counts as well.
    """

    device: Repeating
    payloads: Sequence[bytes]
    quiet_s: float = QUIET_S
    sent_s: dict[int, float] = field(default_factory=dict)
    acked_s: dict[int, float] = field(default_factory=dict)
    waiting: set[int] = field(default_factory=set)
    moved: asyncio.Event = field(default_factory=asyncio.Event)

    def receive(self, _topic: str, payload: bytes) -> None:
        """Note what was acknowledged."""
        now_s = time.monotonic()
        for done in orjson.loads(payload).get("accepted", ()):
            if done["session"] == self.device.session:
                for seq in range(done["first_seq"], done["first_seq"] + done["count"]):
                    self.acked_s.setdefault(seq, now_s)
                    self.waiting.discard(seq)
        self.moved.set()

    async def send(self, link: Link) -> None:
        """Send everything, never with too much unanswered, and wait for the answers."""
        topic = topics.device_topic(SITE, self.device.origin.device, "features")
        for seq, payload in enumerate(self.payloads):
            while len(self.waiting) >= UNANSWERED:
                await self._moved()
            self.sent_s[seq] = time.monotonic()
            self.waiting.add(seq)
            link.publish(Message(topic, payload))
            await asyncio.sleep(0)
        while self.waiting:
            await self._moved()

    async def _moved(self) -> None:
        """Wait for an answer; after a while of silence nobody waits any longer."""
        self.moved.clear()
        try:
            async with asyncio.timeout(self.quiet_s):
                await self.moved.wait()
        except TimeoutError:
            self.waiting.clear()


def senders(messages: int, known: tuple[light.Loop, ...], quiet_s: float) -> list[Sender]:
    """Devices with everything that they will say, encoded."""
    began_at = datetime.now(UTC) - timedelta(days=1)
    made = []
    for index, name in enumerate(DEVICES):
        loop, shift_s = light.loop_of(index, known)
        session = f"01BENCH{index:019d}"
        device = Repeating(Origin(SITE, name), session, began_at, loop, shift_s)
        count = messages // len(DEVICES)
        made.append(Sender(device, [device.payload(seq) for seq in range(count)], quiet_s))
    return made


async def measured(
    stack: LocalStack, command: Sequence[str], all_of_them: list[Sender], kill_after: float | None
) -> dict[str, Any]:
    """Send everything through a bridge; `kill_after` is the share at which it is killed."""
    environment = {**stack.addresses.environment("bridge"), **UNHURRIED}
    log = stack.addresses.secrets.parent / "bridge.log"
    async with AsyncExitStack() as running:
        bridge = await running.enter_async_context(stage.program(command, environment, log))
        links = [await running.enter_async_context(_linked(stack, s)) for s in all_of_them]
        await _until_listening(all_of_them, links)
        began_s, cpu_s = time.monotonic(), proc.cpu_s(bridge.pid)
        sending = [
            asyncio.create_task(s.send(link)) for s, link in zip(all_of_them, links, strict=True)
        ]
        if kill_after is not None:
            await _until_acknowledged(all_of_them, kill_after)
            bridge.kill()
            await running.enter_async_context(stage.program(command, environment, log))
        await asyncio.gather(*sending)
        used_s = None if kill_after is not None else proc.cpu_s(bridge.pid) - cpu_s
    arrived = await _arrived(stack)
    return _result(all_of_them, arrived, began_s, used_s)


def _result(
    all_of_them: list[Sender], arrived: list[Identity], began_s: float, cpu_s: float | None
) -> dict[str, Any]:
    told = {
        (s.device.origin.device, s.device.session, seq): at - s.sent_s[seq]
        for s in all_of_them
        for seq, at in s.acked_s.items()
    }
    last_s = max(at for s in all_of_them for at in s.acked_s.values())
    count = _count(all_of_them)
    delays = list(told.values())
    return {
        "messages": count,
        "per_s": round(len(told) / (last_s - began_s)),
        "p50_ms": round(1000 * stage.percentile(delays, 0.5), 1),
        "p99_ms": round(1000 * stage.percentile(delays, 0.99), 1),
        "cpu_us_per_message": None if cpu_s is None else round(1e6 * cpu_s / count, 1),
        "acknowledged_but_lost": len({each for each in told if each[2]} - set(arrived)),
        "never_acknowledged": count - len(told),
        "duplicates_in_kafka": len(arrived) - len(set(arrived)),
    }


def is_clean(result: Mapping[str, Any]) -> bool:
    """Whether ours lost nothing, and undisturbed acknowledged everything and wrote it once.

    Whoever is killed may take acknowledgements with it: a device would send again, these do not.
    """
    runs = result["runs"]["cityhum"]
    undisturbed = ("acknowledged_but_lost", "never_acknowledged", "duplicates_in_kafka")
    return runs["killed_halfway"]["acknowledged_but_lost"] == 0 and all(
        run[name] == 0 for run in runs["undisturbed"] for name in undisturbed
    )


def _count(all_of_them: list[Sender]) -> int:
    return sum(len(s.payloads) for s in all_of_them)


@asynccontextmanager
async def _linked(stack: LocalStack, sender: Sender) -> AsyncIterator[Link]:
    name = sender.device.origin.device
    password = (stack.addresses.secrets / "devices" / name).read_text(encoding="utf-8").strip()
    status = Status(site=SITE, device=name, session=sender.device.session, online=False)
    link = Link(
        Login(stack.addresses.mqtt_host, stack.addresses.mqtt_port, name, password),
        will=Message(topics.device_topic(SITE, name, "status"), orjson.dumps(status.model_dump())),
        topics=[topics.ack_topic(SITE, name)],
        received=sender.receive,
        changed=lambda: None,
    )
    async with link:
        yield link


async def _until_acknowledged(all_of_them: list[Sender], share: float) -> None:
    while sum(len(s.acked_s) for s in all_of_them) < share * _count(all_of_them):  # noqa: ASYNC110
        await asyncio.sleep(0.01)


async def _until_listening(all_of_them: list[Sender], links: list[Link]) -> None:
    """Send each first reading until it is acknowledged: then the way is open."""
    for sender, link in zip(all_of_them, links, strict=True):
        topic = topics.device_topic(SITE, sender.device.origin.device, "features")
        while not sender.acked_s:
            link.publish(Message(topic, sender.payloads[0]))
            await asyncio.sleep(0.2)
        await asyncio.sleep(0.2)  # what was sent twice comes before the clock starts
        sender.acked_s.clear()


async def _arrived(stack: LocalStack) -> list[Identity]:
    """What is in Kafka, without the first readings, which opened the way."""
    identities: list[Identity] = []
    async with stage.log_of(stack.kafka.bootstrap, topics.FEATURES) as log:
        ends = await log.end_offsets(list(log.assignment()))
        while [place for place in ends if await log.position(place) < ends[place]]:
            for records in (await log.getmany(timeout_ms=1000)).values():
                for record in records:
                    identities += _identities(record.value)
    return [each for each in identities if each[2] > 0]


def _identities(value: bytes) -> list[Identity]:
    record = orjson.loads(value)
    entries = record.get("batches", [{"batch": record}])
    return [
        (entry["batch"]["device"], entry["batch"]["session"], entry["batch"]["first_seq"])
        for entry in entries
    ]


def main() -> None:
    """Measure both, in turn, and print a line for each."""
    parser = argparse.ArgumentParser(description="how fast is the bridge?")
    parser.add_argument("--messages", type=int, default=24_000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    known = light.loops(1, 4)
    result: dict[str, Any] = stage.surroundings("paho-mqtt", "aiokafka", "orjson", "pydantic")
    result["mosquitto_and_kafka"] = "on the same machine, devices in the measuring process"
    runs: dict[str, list[dict[str, Any]]] = {kind: [] for kind in KINDS}
    for run in range(asked.rounds + 1):
        kill = 0.5 if run == asked.rounds else None
        for kind, command in KINDS.items():
            with stage.staged() as stack:  # else the broker would keep one's messages for the other
                made = senders(asked.messages, known, KILLED_QUIET_S if kill else QUIET_S)
                runs[kind].append(asyncio.run(measured(stack, command, made, kill)))
    result["runs"] = {k: {"undisturbed": r[:-1], "killed_halfway": r[-1]} for k, r in runs.items()}
    sys.stdout.write(json.dumps(result, indent=None if asked.json else 2) + "\n")
    sys.exit(not is_clean(result))


if __name__ == "__main__":
    main()
