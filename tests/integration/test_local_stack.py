"""The private servers: data survive, mistakes are told in one line, nothing is left behind."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiokafka
import psycopg
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deploy.local.kafka import Kafka
from deploy.local.mosquitto import Mosquitto
from deploy.local.ports import HOST, free_port
from deploy.local.postgres import Postgres
from deploy.local.probes import mqtt_accepts
from deploy.local.process import Identity, wait_gone
from deploy.local.stack import LocalStack, read_addresses
from schemas.errors import BadConfig
from tests.servers import JARS

Server = Mosquitto | Kafka | Postgres


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A stack of its own, which the tests may break."""
    folder = tmp_path_factory.mktemp("stack")
    stack = LocalStack(folder, devices=["pole-01", "pole-02"], jars=JARS)
    try:
        with stack:
            yield stack
    finally:
        stack.postgres.remove()


def query(postgres: Postgres, sql: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(postgres.conninfo("cityhum_owner"), autocommit=True) as connection:
        cursor = connection.execute(sql)
        return cursor.fetchall() if cursor.description else []


async def produce(kafka: Kafka, topic: str, value: bytes) -> None:
    producer = aiokafka.AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, acks="all")
    await producer.start()
    try:
        await producer.send_and_wait(topic, value)
    finally:
        await producer.stop()


async def consume(kafka: Kafka, topic: str, count: int) -> list[bytes]:
    consumer = aiokafka.AIOKafkaConsumer(
        topic, bootstrap_servers=kafka.bootstrap, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        return [(await consumer.getone()).value for _ in range(count)]
    finally:
        await consumer.stop()


async def create_topic(kafka: Kafka, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, 1, 1)])
    finally:
        await admin.close()


def restart_orderly(server: Server) -> None:
    server.stop()
    assert not server.running
    server.start()


def restart_after_a_crash(server: Server) -> None:
    server.kill()
    assert not server.running
    server.start()


Restart = Callable[[Server], None]
RESTARTS = pytest.mark.parametrize("restart", [restart_orderly, restart_after_a_crash])


@RESTARTS
def test_postgres_keeps_its_rows(stack: LocalStack, restart: Restart) -> None:
    query(stack.postgres, "CREATE TABLE IF NOT EXISTS kept (number int)")
    query(stack.postgres, "INSERT INTO kept VALUES (7)")
    before = query(stack.postgres, "SELECT count(*) FROM kept")
    restart(stack.postgres)
    assert query(stack.postgres, "SELECT count(*) FROM kept") == before


@RESTARTS
async def test_kafka_keeps_its_records(stack: LocalStack, restart: Restart) -> None:
    topic = f"kept-{restart.__name__}"
    await create_topic(stack.kafka, topic)
    await produce(stack.kafka, topic, b"before")
    restart(stack.kafka)
    await produce(stack.kafka, topic, b"after")
    assert await consume(stack.kafka, topic, 2) == [b"before", b"after"]


@RESTARTS
def test_mosquitto_lets_its_users_in_again(stack: LocalStack, restart: Restart) -> None:
    restart(stack.mosquitto)
    password = stack.mosquitto.password_file("pole-01").read_text()
    assert mqtt_accepts(stack.mosquitto.host, stack.mosquitto.port, "pole-01", password)
    assert not mqtt_accepts(stack.mosquitto.host, stack.mosquitto.port, "pole-02", password)


def test_a_second_start_on_the_same_data_is_refused_in_one_line(stack: LocalStack) -> None:
    folder = stack.addresses.secrets.parent
    with pytest.raises(BadConfig, match=r"^kafka already runs on these data \(process \d+\)"):
        LocalStack(folder, jars=JARS).start()
    assert all(server.running for server in stack.servers.values())


def test_the_addresses_are_left_for_later_commands(stack: LocalStack) -> None:
    assert read_addresses(stack.addresses.secrets.parent) == stack.addresses


@pytest.mark.parametrize("kind", [Mosquitto, Kafka, Postgres])
def test_a_taken_port_is_told_in_one_line(kind: type[Server], tmp_path: Path) -> None:
    with socket.socket() as squatter:
        squatter.bind((HOST, free_port()))
        squatter.listen()
        port = squatter.getsockname()[1]
        with pytest.raises(BadConfig, match=rf"^port {port}, meant for \w+, is taken[^\n]*$"):
            kind(tmp_path, port).start()


def test_no_password_is_seen_by_others(stack: LocalStack) -> None:
    files = [path for path in stack.addresses.secrets.rglob("*") if path.is_file()]
    assert len(files) > 8
    assert {path.stat().st_mode & 0o077 for path in files} == {0}


@pytest.mark.parametrize("kind", [Mosquitto, Postgres])
def test_a_server_ends_with_the_process_that_started_it(
    kind: type[Mosquitto | Postgres], tmp_path: Path
) -> None:
    script = (
        "import os, sys, pathlib\n"
        f"from {kind.__module__} import {kind.__name__}\n"
        f"{kind.__name__}(pathlib.Path(sys.argv[1])).start()\n"
        "os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    assert done.returncode == -signal.SIGKILL
    (pid_file,) = (tmp_path / "run").iterdir()
    pid = int(re.findall(r"\d+", pid_file.read_text())[0])
    assert wait_gone(pid, timeout_s=10)
    Postgres(tmp_path).remove()


def test_a_recycled_process_id_is_not_taken_for_ours() -> None:
    assert not Identity(os.getpid(), "another birth").alive()
