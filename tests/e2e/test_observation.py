"""Every process tells how it is, and Prometheus hears it: with real servers, which are killed."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import orjson
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from deploy.local import programs
from deploy.local.ports import HOST, free_port
from deploy.local.process import Server
from deploy.local.programs import Faces
from deploy.local.stack import LocalStack
from deploy.local.supervise import Program, Supervisor
from tests.bridging import Device
from tests.e2e.eventually import eventually

PROMETHEUS = Path(__file__).parents[2] / "deploy" / "prometheus"
PROCESSES = ("bridge", "classify", "windows", "alerts", "archive", "relay", "api")
NEEDS_POSTGRES = {"windows", "alerts", "archive", "relay", "api"}
NEEDS_KAFKA = set(PROCESSES) - {"api"}
MOVES = {
    "bridge": ("received_messages_total", "dead_letters_total", "settle_seconds_count"),
    "classify": ("heard_seconds_total", "model_seconds_count", "scores_total"),
    "windows": ("applied_readings_total", "commits_total", "stored_delay_seconds_count"),
    "archive": ("applied_readings_total", "commit_seconds_count", "stored_delay_seconds_count"),
    "api": ("devices", "account_readings", "database_bytes"),
}
WITHIN_S = 90.0


class Answered(NamedTuple):
    """Status and body; 0 if nobody answers."""

    status: int
    body: bytes

    @property
    def missing(self) -> Sequence[str]:
        """Parts that are not ready."""
        return list(orjson.loads(self.body)["missing"]) if self.status else ["process"]


class City:
    """Processes that run, by the ports of their endpoints."""

    def __init__(self, ports: Mapping[str, int]) -> None:
        self.ports = ports

    async def asked(self, process: str, path: str) -> Answered:
        return await asyncio.to_thread(_get, f"http://{HOST}:{self.ports[process]}{path}")

    async def not_ready(self) -> Mapping[str, Sequence[str]]:
        """What is missing, by process."""
        answers = {one: await self.asked(one, "/health/ready") for one in self.ports}
        return {one: each.missing for one, each in answers.items() if each.status != 200}

    async def live(self) -> set[str]:
        """Processes whose loops turn."""
        return {one for one in self.ports if (await self.asked(one, "/health/live")).status == 200}

    async def ready(self) -> bool:
        return not await self.not_ready()

    async def sum_of(self, process: str, sample: str) -> float:
        """Sum of a metric's samples."""
        text = (await self.asked(process, "/metrics")).body.decode()
        families = text_string_to_metric_families(text)
        return sum(one.value for each in families for one in each.samples if one.name == sample)


def _get(url: str) -> Answered:
    try:
        with urlopen(url, timeout=5) as answered:  # noqa: S310  # of our own
            return Answered(answered.status, answered.read())
    except HTTPError as error:
        with error:
            return Answered(error.code, error.read())
    except (URLError, OSError):
        return Answered(0, b"")


@asynccontextmanager
async def running(stack: LocalStack, folder: Path) -> AsyncIterator[City]:
    """All processes, with endpoints; started again when they end."""
    ports = {name: free_port() for name in PROCESSES}
    server_side = programs.server_side(stack.addresses, Faces(free_port(), free_port()))
    shown = [_shown(one, ports[one.name]) for one in server_side if one.name in ports]
    async with Supervisor(shown, folder):
        city = City(ports)
        await eventually(city.ready, WITHIN_S)
        yield city


def _shown(program: Program, port: int) -> Program:
    prefix = "CITYHUM_API_" if program.name == "api" else "CITYHUM_"
    added = {f"{prefix}METRICS_PORT": str(port)}
    return replace(program, environment={**program.environment, **added})


async def test_each_process_tells_how_it_is(stack: LocalStack, tmp_path: Path) -> None:
    """In one test, since starting them all is what takes its time."""
    async with running(stack, tmp_path) as city:
        await _metrics_move(stack, city)
        await _an_outage_is_told(city, stack.postgres, "postgres", NEEDS_POSTGRES)
        await _an_outage_is_told(city, stack.kafka, "kafka", NEEDS_KAFKA)
        await _prometheus_hears_all(city, tmp_path)


async def _metrics_move(stack: LocalStack, city: City) -> None:
    device = await Device(stack.mosquitto, "pole-07").ready()
    device.began_at = datetime.now(UTC) - timedelta(seconds=5)
    device.publish(device.batch(1, 3))
    device.publish(b"no message")
    await device.hears_all({1, 2, 3})
    device.leave()
    still: set[str] = set()

    async def moved() -> bool:
        shown = [(one, f"cityhum_{name}") for one, names in MOVES.items() for name in names]
        now = {f"{one}: {name}" for one, name in shown if not await city.sum_of(one, name)}
        still.clear()
        still.update(now)
        return not still

    try:
        await eventually(moved, WITHIN_S)
    except TimeoutError:
        pytest.fail(f"stood still: {still}")


async def _an_outage_is_told(city: City, server: Server, part: str, who: set[str]) -> None:
    server.kill()

    async def told() -> bool:
        missing = await city.not_ready()
        return {one for one, parts in missing.items() if part in parts} == who

    await eventually(told, WITHIN_S)
    assert await city.live() == set(PROCESSES)
    server.start()
    await eventually(city.ready, WITHIN_S)


async def _prometheus_hears_all(city: City, folder: Path) -> None:
    """With the configuration of the repository, but for who is asked, and how often."""
    found = shutil.which("prometheus")
    if found is None:
        pytest.skip("all but this has passed; needs prometheus (Debian's package of that name)")
    port = free_port()
    targets = [
        {"targets": [f"{HOST}:{at}"], "labels": {"process": one}} for one, at in city.ports.items()
    ]
    (folder / "targets.yaml").write_text(yaml.safe_dump(targets), encoding="utf-8")
    shutil.copy(PROMETHEUS / "rules.yaml", folder)
    asked = (PROMETHEUS / "prometheus.yml").read_text(encoding="utf-8")
    asked = asked.replace("15s", "1s").replace("localhost:9090", f"{HOST}:{port}")
    (folder / "prometheus.yml").write_text(asked, encoding="utf-8")
    command = [
        found,
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/tsdb",
    ]
    command += [f"--web.listen-address={HOST}:{port}"]
    async with Supervisor([Program("prometheus", command)], folder):
        prometheus = City({"prometheus": port})

        async def asked_for(what: str) -> Any:  # noqa: ANN401
            answer = await prometheus.asked("prometheus", f"/api/v1/{what}")
            return orjson.loads(answer.body)["data"] if answer.status == 200 else {}

        async def all_up() -> bool:
            active = (await asked_for("targets")).get("activeTargets", [])
            ours = [one for one in active if one["labels"]["job"] != "disks"]
            return len(ours) > len(PROCESSES) and all(one["health"] == "up" for one in ours)

        async def evaluated() -> bool:
            groups = (await asked_for("rules")).get("groups", [])
            rules = [rule for group in groups for rule in group["rules"]]
            assert [rule["lastError"] for rule in rules if rule.get("lastError")] == []
            return bool(rules) and all(rule["health"] == "ok" for rule in rules if "alerts" in rule)

        await eventually(all_up, WITHIN_S)
        await eventually(evaluated, WITHIN_S)
