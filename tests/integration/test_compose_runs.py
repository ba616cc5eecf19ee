"""What the containers would run: each service's command with its own variables, on real servers.

Only addresses and places of files are others. Each must say of itself, by its own health check,
that it is ready: so it may do what it needs with the logins that the compose files give it.
"""

import asyncio
import os
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from benchmarks.security_stack import DEVICES, SecureStack
from deploy.local.ports import HOST, free_port
from deploy.local.stack import LocalStack
from tests.compose import CITY, DEMO, ROOT, Project, Service, project, variables
from tests.servers import JARS

JOBS = ("migrate", "access", "topics", "operate")
"""In the order that depends_on gives them."""
WORKERS = ("bridge", "classify", "windows", "alerts", "archive", "relay")
READY_WITHIN_S = 120
JOB_WITHIN_S = 60


class Place(NamedTuple):
    """A running installation, and what Compose makes of its secrets."""

    project: Project
    addresses: Mapping[str, str]
    folder: Path

    def environment(self, name: str) -> dict[str, str]:
        """Variables of a service, with our addresses and files in place of the container's."""
        service = self.project["services"][name]
        files = secret_files(self.project, service)
        ours = {}
        for variable, value in variables(service).items():
            ours[variable] = self.addresses.get(variable, files.get(value, value))
        if "CITYHUM_METRICS_PORT" in ours:
            ours |= {"CITYHUM_METRICS_HOST": HOST, "CITYHUM_METRICS_PORT": str(free_port())}
        for server in ("MQTT", "POSTGRES"):  # the ports that a container takes for granted
            port = f"CITYHUM_{server}_PORT"
            if f"CITYHUM_{server}_HOST" in ours:
                ours[port] = self.addresses[port]
        foreign = {k: v for k, v in os.environ.items() if not k.startswith("CITYHUM_")}
        return {**foreign, **ours}

    async def run(self, *command: str, environment: Mapping[str, str]) -> Process:
        """Start a command as a container does: in a folder with deploy/ and models/."""
        if command[0] == "cityhum":
            command = (sys.executable, "-m", *command)
        return await asyncio.create_subprocess_exec(
            *command,
            cwd=self.folder,
            env={**environment, "PYTHONPATH": str(ROOT)},
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )


def secret_files(whole: Project, service: Service) -> dict[str, str]:
    """File of this machine by where the container has it."""
    given = service.get("secrets", [])
    return {one["target"]: whole["secrets"][one["source"]]["file"] for one in given}


def as_in_an_image(folder: Path) -> Path:
    folder.mkdir()
    for name in ("deploy", "models"):
        (folder / name).symlink_to(ROOT / name)
    return folder


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("compose")
    with LocalStack(folder, devices=DEVICES, jars=JARS) as stack:
        where = stack.addresses
        addresses = {
            "CITYHUM_MQTT_HOST": HOST,
            "CITYHUM_MQTT_PORT": str(where.mqtt_port),
            "CITYHUM_KAFKA_BOOTSTRAP": where.kafka_bootstrap,
            "CITYHUM_POSTGRES_HOST": HOST,
            "CITYHUM_POSTGRES_PORT": str(where.postgres_port),
        }
        whole = project(DEMO, CITYHUM_SECRETS=str(where.secrets))
        yield Place(whole, addresses, as_in_an_image(folder / "app"))
    stack.postgres.remove()


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("compose-city")
    with SecureStack(folder, JARS) as stack:
        addresses = {
            "CITYHUM_MQTT_HOST": HOST,
            "CITYHUM_MQTT_PORT": str(stack.mosquitto.services_port),
            "CITYHUM_KAFKA_BOOTSTRAP": stack.kafka.bootstrap,
            "CITYHUM_POSTGRES_HOST": HOST,
            "CITYHUM_POSTGRES_PORT": str(stack.postgres.port),
        }
        whole = project(CITY, CITYHUM_SECRETS=str(stack.secrets))
        yield Place(whole, addresses, as_in_an_image(folder / "app"))


async def test_the_demo_s_services_become_ready(demo: Place) -> None:
    await becomes_ready(demo)


async def test_a_city_s_services_become_ready_with_tls_and_logins(city: Place) -> None:
    await becomes_ready(city)


async def becomes_ready(place: Place) -> None:
    services = place.project["services"]
    for name in [one for one in JOBS if one in services]:
        command = ("cityhum", *services[name]["command"])
        job = await place.run(*command, environment=place.environment(name))
        assert await asyncio.wait_for(job.wait(), JOB_WITHIN_S) == 0, name
    async with AsyncExitStack() as running:
        environments = {name: place.environment(name) for name in WORKERS}
        for name in WORKERS:
            await running.enter_async_context(working(place, name, environments[name]))
        async with asyncio.timeout(READY_WITHIN_S):
            for name in WORKERS:
                await healthy(place, name, environments[name])


@asynccontextmanager
async def working(
    place: Place, name: str, environment: Mapping[str, str]
) -> AsyncIterator[Process]:
    command = place.project["services"][name]["command"]
    process = await place.run("cityhum", *command, environment=environment)
    try:
        yield process
        assert process.returncode is None, f"{name} has ended"
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def healthy(place: Place, name: str, environment: Mapping[str, str]) -> None:
    """Return once the service's own health check is content."""
    kind, *command = place.project["services"][name]["healthcheck"]["test"]
    assert kind == "CMD"
    while await (await place.run(*command, environment=environment)).wait() != 0:
        pass  # the question itself takes a second
