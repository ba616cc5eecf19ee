"""The same messages through a real Mosquitto, the bridge as a process, and a real Kafka.

Sent by a client of ours that writes packets byte by byte: a well-kept one would refuse to send most
of them. Each waits for the broker's answer; none, or a closed connection, is a refusal.
"""

import asyncio
import re
import socket
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Final

from agents import mqtt_packets
from benchmarks import stage
from benchmarks.fuzz_ledger import Ledger, Tally
from benchmarks.fuzz_mutations import Sent, story
from benchmarks.privacy_mutations import SITE, STARTED_AT
from deploy.local.stack import LocalStack
from processors.bridge_service import WRITES
from schemas import topics
from schemas.codec import encode
from schemas.messages import Status

DEVICES: Final = ("pole-07", "pole-08", "pole-09", "pole-10")
_PATIENCE_S: Final = 60.0
_QUIET_S: Final = 60.0
_PUBLISH: Final = 0x32  # QoS 1
_HUGE: Final = 100_000_000
_SIGNED_AT: Final = re.compile(rb'"(started_at|at)":"(2026-05-0[0-9T:.+-]*\+00:00)"')


class RawClient:
    """One device's connection; opened again after the broker has closed it."""

    def __init__(self, stack: LocalStack, device: str) -> None:
        self._where = (stack.addresses.mqtt_host, stack.addresses.mqtt_port)
        self._device = device
        self._word = (stack.addresses.secrets / "devices" / device).read_text("utf-8").strip()
        self._connection: socket.socket | None = None

    def publish(self, topic: bytes, payload: bytes, *, retain: bool) -> bool:
        """Whether the broker takes it; QoS 1."""
        connection = self._connection or self._connect()
        body = mqtt_packets.binary(topic) + b"\0\1\0" + payload
        packet = mqtt_packets.framed(_PUBLISH | retain, body)
        try:
            connection.sendall(packet)
            return self._answer(mqtt_packets.PUBACK)[2:3] in {b"", b"\0"}
        except OSError:
            self.close()
            return False

    def close(self) -> None:
        """Leave without a word."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _connect(self) -> socket.socket:
        self._connection = socket.create_connection(self._where, _PATIENCE_S)
        greeting = mqtt_packets.greet(self._device, self._device, self._word, keep_alive_s=60)
        self._connection.sendall(greeting)
        if self._answer(mqtt_packets.CONNACK)[1]:
            raise AssertionError("Mosquitto refuses the device")
        return self._connection

    def _answer(self, wanted: int) -> bytes:
        """Body of the next packet; anything but the wanted one is an end."""
        kind, size = self._exactly(2)
        body = self._exactly(size)
        if kind != wanted:
            raise ConnectionError(f"packet {kind:#x}")
        return body

    def _exactly(self, size: int) -> bytes:
        received = b""
        while len(received) < size:
            chunk = self._connection.recv(size - len(received)) if self._connection else b""
            if not chunk:
                raise ConnectionError("closed")
            received += chunk
        return received


def run(count: int, seed: int, tally: Tally, ledger: Ledger) -> None:
    """Send it all, then count in Kafka until everything is there, or nothing more comes."""
    with stage.staged(DEVICES) as stack:
        asyncio.run(_run(stack, count, seed, tally, ledger))
    ledger.close()


async def _run(stack: LocalStack, count: int, seed: int, tally: Tally, ledger: Ledger) -> None:
    log = stack.addresses.secrets.parent / "bridge.log"
    command = stage.python("cityhum", "bridge")
    # every message is to be judged: none may be dropped for coming too fast
    unhurried = {"CITYHUM_DEVICE_MESSAGES_PER_S": "1e6"}
    async with (
        stage.program(
            command, {**stack.addresses.environment("bridge"), **unhurried}, log
        ) as bridge,
        stage.log_of(stack.kafka.bootstrap, *WRITES) as kafka,
    ):
        await _subscribed(log)
        await asyncio.to_thread(_send, stack, count, seed, tally)
        quiet_since = asyncio.get_running_loop().time()
        while tally.missing and asyncio.get_running_loop().time() - quiet_since < _QUIET_S:
            for records in (await kafka.getmany(timeout_ms=500)).values():
                quiet_since = asyncio.get_running_loop().time()
                for record in records:
                    ledger.note(record.topic, record.value, dict(record.headers))
        if bridge.returncode is not None:
            tally.crash = log.read_text(encoding="utf-8")[-500:]


async def _subscribed(log: Path) -> None:
    async with asyncio.timeout(60):
        while b"mqtt_subscribed" not in log.read_bytes():  # noqa: ASYNC110
            await asyncio.sleep(0.1)


def _send(stack: LocalStack, count: int, seed: int, tally: Tally) -> None:
    chance = Random(seed)  # noqa: S311  # nothing here is secret
    clients = {device: RawClient(stack, device) for device in DEVICES}
    shift = datetime.now(UTC) - timedelta(days=2) - STARTED_AT
    for device, client in clients.items():
        for message in _messages(device, seed, count // len(DEVICES), shift):
            taken = client.publish(
                message.topic.encode(), message.payload, retain=not chance.randrange(10)
            )
            tally.sent[message.kind] += 1
            tally.refused += not taken
    for topic, payload in _impossible():
        tally.sent["impossible"] += 1
        tally.refused += not clients[DEVICES[0]].publish(topic, payload, retain=True)
    for client in clients.values():
        client.close()


def _messages(device: str, seed: int, length: int, shift: timedelta) -> Iterator[Sent]:
    """A story that takes place two days ago, and a good status in the end."""

    def moved(found: re.Match[bytes]) -> bytes:
        with suppress(ValueError):
            at = datetime.fromisoformat(found[2].decode()) + shift
            return b'"%s":"%s"' % (found[1], at.isoformat(timespec="microseconds").encode())
        return found[0]

    for sent in story(seed + DEVICES.index(device), device, length - 1):
        yield sent._replace(payload=_SIGNED_AT.sub(moved, sent.payload))
    status = Status(site=SITE, device=device, session="0" * 26, online=False)
    yield Sent("honest", topics.device_topic(SITE, device, "status"), encode(status), 0.0, 1)


def _impossible() -> Iterator[tuple[bytes, bytes]]:
    """What no story can hold: topics that are no text, and 100 MB."""
    below = f"cityhum/v1/{SITE}/{DEVICES[0]}/".encode()
    for bad in (b"\xff\xfe", b"\xed\xa0\x80", b"\0", b"#", b"+"):
        yield below + bad, b"{}"
    yield b"", b"{}"
    yield below + b"features", b"A" * _HUGE
