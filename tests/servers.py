"""Fixtures: a private broker or database each, started when a test first asks for it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.kafka import Kafka
from deploy.local.mosquitto import Mosquitto
from deploy.local.postgres import Postgres

JARS = Path(__file__).parents[1] / ".local" / "kafka"
DEVICES = tuple(f"pole-{number:02d}" for number in range(1, 21))


@pytest.fixture(scope="session")
def servers_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("servers")


@pytest.fixture(scope="module")
def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    """Mosquitto with the users bridge, relay, viewer and pole-01 to pole-20.

    One for each module: what another module's devices left retained is not heard here.
    """
    server = Mosquitto(tmp_path_factory.mktemp("mosquitto"), devices=DEVICES)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def kafka(servers_folder: Path) -> Iterator[Kafka]:
    """Apache Kafka without topics."""
    server = Kafka(servers_folder, jars=JARS)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def postgres(servers_folder: Path) -> Iterator[Postgres]:
    """PostgreSQL with the empty database `cityhum` and its three roles."""
    server = Postgres(servers_folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        server.remove()
