"""Subscribers of every kind, as somebody outside would write them; each may be cut and go on."""

import asyncio
import json
import os
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol
from uuid import UUID

import httpx
from aiokafka import AIOKafkaConsumer

from benchmarks import stage
from deploy.local import api_keys, programs
from deploy.local.process import tied
from deploy.local.stack import Addresses
from schemas import asyncapi, topics
from schemas.codec import decode
from schemas.results import Alert
from tests import standards

Event = tuple[UUID, int]
"""Alert id and revision."""

_LONG_S: Final = 3600


class Subscriber(Protocol):
    """Hears events from its first `go_on` on, whatever happens between a `cut` and the next one."""

    heard: list[Event]

    async def go_on(self) -> None:
        """Begin, or begin again; done when nothing that comes now can be missed."""

    async def cut(self) -> None:
        """End at once, as a crash would."""


class _Process:
    """A program that prints a JSON object a line; cut by SIGKILL."""

    command: Sequence[str]
    environment: dict[str, str]

    def __init__(self) -> None:
        self.heard: list[Event] = []
        self._process: Process | None = None
        self._reading: asyncio.Task[None] | None = None

    async def go_on(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *tied(signal.SIGKILL),  # none outlives a test that failed
            *self.command,
            env={**os.environ, **self.environment},
            stdout=PIPE,
        )
        self._reading = asyncio.create_task(self._read(self._process))

    async def cut(self) -> None:
        assert self._process is not None
        assert self._reading is not None
        self._process.kill()
        await self._process.wait()
        await self._reading  # what it has printed was heard

    async def _read(self, process: Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            with suppress(json.JSONDecodeError):  # half a line was not heard
                self.take(line)

    def take(self, line: bytes) -> None:
        raise NotImplementedError


class Overheard(_Process):
    """`mosquitto_sub` of a user: each message is checked by what it follows."""

    def __init__(self, addresses: Addresses, folder: Path, user: str, *wanted: str) -> None:
        super().__init__()
        self.channels: set[str | None] = set()
        kind = "devices" if user.startswith("pole-") else "mqtt"
        password = (addresses.secrets / kind / user).read_text(encoding="utf-8").strip()
        home = folder / f"mqtt-{user}"
        home.mkdir()
        (home / "mosquitto_sub").write_text(f"-u {user}\n-P {password}\n", encoding="utf-8")
        self.environment = {"XDG_CONFIG_HOME": str(home)}
        self.command = (
            *("mosquitto_sub", "-V", "5", "-q", "1", "-F", "%j"),
            *(word for topic in wanted for word in ("-t", topic)),
            *("-h", addresses.mqtt_host, "-p", str(addresses.mqtt_port)),
        )

    def take(self, line: bytes) -> None:
        told = json.loads(line)
        properties = told.get("properties", {}).get("user-properties")
        channel = standards.message(told["topic"], told["payload"].encode(), properties)
        self.channels |= {channel} - {None}


class OnMqtt(_Process):
    """`mosquitto_sub` with a session that the broker keeps; each message is checked.

    What it had acknowledged but not printed when it was cut, its successor finds retained.
    """

    def __init__(self, addresses: Addresses, folder: Path) -> None:
        super().__init__()
        password = (addresses.secrets / "mqtt" / "viewer").read_text(encoding="utf-8").strip()
        (folder / "mosquitto_sub").write_text(f"-u viewer\n-P {password}\n", encoding="utf-8")
        self.environment = {"XDG_CONFIG_HOME": str(folder)}
        self.command = (
            *("mosquitto_sub", "-V", "5", "-q", "1", "-c", "-i", "e2e", "-x", str(_LONG_S)),
            *("-t", "cityhum/v1/+/+/alerts/#", "-F", "%j"),
            *("-h", addresses.mqtt_host, "-p", str(addresses.mqtt_port)),
        )

    def take(self, line: bytes) -> None:
        told = json.loads(line)
        payload = told["payload"].encode()
        standards.message(told["topic"], payload, told["properties"]["user-properties"])
        self.heard.append(event_of(decode(Alert, payload)))


class Following(_Process):
    """`cityhum alerts --follow`, with the place in a file."""

    def __init__(self, addresses: Addresses, folder: Path) -> None:
        super().__init__()
        place = ("--resume", str(folder / "place"))
        self._place = folder / "place"
        self.environment = dict(addresses.environment(postgres_role="cityhum_reader"))
        self.command = (*programs.CITYHUM, "alerts", "--follow", "--json", *place)

    async def go_on(self) -> None:
        await super().go_on()
        while not self._place.exists():  # noqa: ASYNC110  # another process has no event of ours
            await asyncio.sleep(0.1)

    def take(self, line: bytes) -> None:
        self.heard.append(event_of(decode(Alert, line)))


class _Task:
    """A subscriber of ours; cut by cancelling it, in the middle of whatever it does."""

    def __init__(self) -> None:
        self.heard: list[Event] = []
        self._ready = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def go_on(self) -> None:
        self._ready.clear()
        self._task = asyncio.create_task(self.listen())
        await self._ready.wait()

    async def cut(self) -> None:
        assert self._task is not None
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def listen(self) -> None:
        raise NotImplementedError


class OnKafka(_Task):
    """A consumer group that commits what it has heard."""

    def __init__(self, addresses: Addresses) -> None:
        super().__init__()
        self._bootstrap = addresses.kafka_bootstrap

    async def listen(self) -> None:
        consumer = AIOKafkaConsumer(
            topics.ALERTS,
            bootstrap_servers=self._bootstrap,
            group_id="e2e",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )
        async with consumer:
            self._ready.set()
            async for record in consumer:
                standards.record(record.topic, record.value, record.headers)
                self.heard.append(event_of(decode(Alert, record.value)))
                await consumer.commit()


class OnSse(_Task):
    """Server-sent events of the API; goes on behind the last event that it has seen."""

    def __init__(self, addresses: Addresses, port: int) -> None:
        super().__init__()
        key = api_keys.secret_file(addresses.secrets).read_text(encoding="utf-8").strip()
        self._url = f"http://127.0.0.1:{port}/v1/alerts/live"
        self._headers = {"Authorization": f"Bearer {key}"}

    async def listen(self) -> None:
        async with (
            httpx.AsyncClient(timeout=httpx.Timeout(10, read=None)) as client,
            client.stream("GET", self._url, headers=self._headers) as answer,
        ):
            answer.raise_for_status()
            event: dict[str, str] = {}
            async for line in answer.aiter_lines():
                name, _, value = line.partition(": ")
                if line:
                    event[name] = value
                    continue
                self._take(event)
                event = {}

    def _take(self, event: dict[str, str]) -> None:
        if event.get("event") == "alert":
            self.heard.append(event_of(decode(Alert, event["data"].encode())))
        if "id" in event:
            self._headers["Last-Event-ID"] = event["id"]
            self._ready.set()


async def checked_topics(addresses: Addresses) -> set[str]:
    """Topics of Kafka that hold something; all of it is as the AsyncAPI document says."""
    seen: set[str] = set()
    names = [one.topic for one in asyncapi.KAFKA]
    async with stage.log_of(addresses.kafka_bootstrap, *names) as consumer:
        partitions = consumer.assignment()
        ends = await consumer.end_offsets(partitions)
        left = {partition for partition in partitions if ends[partition]}
        while left:
            for partition, records in (await consumer.getmany(timeout_ms=1000)).items():
                for record in records:
                    standards.record(record.topic, record.value, record.headers)
                seen.add(partition.topic)
            left = {one for one in left if await consumer.position(one) < ends[one]}
    return seen


def event_of(alert: Alert) -> Event:
    """Name of an event."""
    return alert.alert_id, alert.revision
