"""What a newcomer runs: `make demo SECONDS=90`, with subscribers on every side."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer

from deploy.local.kafka_jars import jars_folder, kafka_jars
from deploy.local.stack import Addresses, read_addresses
from schemas import topics
from schemas.codec import decode
from schemas.results import Alert
from tests.e2e.eventually import eventually
from tests.servers import JARS

SECONDS = 90
DECIDED_WITHIN_S = 8


@pytest.mark.timeout(400)
async def test_the_demo_stores_every_reading_and_alerts_on_every_siren(tmp_path: Path) -> None:
    folder = tmp_path / "local"
    async with _demo(folder) as demo, asyncio.TaskGroup() as tasks:
        await eventually(partial(_written, folder / "events.json"))
        addresses = read_addresses(folder)
        assert addresses is not None
        on_mqtt = tasks.create_task(_first_on_mqtt(addresses, tmp_path))
        on_kafka = tasks.create_task(_first_on_kafka(addresses))
        assert (await on_mqtt).rule == (await on_kafka).rule == "siren"
        assert await _psql(addresses, "SELECT count(*) > 0 FROM alert") == "t"
        assert await _psql(addresses, "SELECT count(*) > 0 FROM detection") == "t"
        assert await demo.wait() == 0
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    _check(report)


def _check(report: dict[str, Any]) -> None:
    assert report["devices"] == 20
    assert report["sent"] == report["stored"] == 20 * SECONDS
    assert report["lost"] == report["duplicated"] == 0
    assert report["windows"] > 0
    assert report["siren_events"] >= 2
    true_alerts = [alert for alert in report["alerts"] if alert["true_event"]]
    assert len(true_alerts) == report["siren_events"], "each siren once"
    assert {alert["state"] for alert in true_alerts} == {"cleared"}
    assert all(alert["decided_s"] <= DECIDED_WITHIN_S for alert in true_alerts)


@asynccontextmanager
async def _demo(folder: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """The demo as `make demo` starts it, in a folder of its own, with the jars we have."""
    cache = folder / "kafka"
    cache.mkdir(parents=True)
    jars_folder(cache).symlink_to(kafka_jars(JARS))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "deploy.local.demo"),
        *("--seconds", str(SECONDS), "--dashboard-port", "0", "--api-port", "0"),
        env={**os.environ, "CITYHUM_LOCAL_FOLDER": str(folder)},
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


async def _written(path: Path) -> bool:
    return path.exists()


async def _first_on_mqtt(addresses: Addresses, folder: Path) -> Alert:
    """The first alert that `mosquitto_sub` sees, as any subscriber would."""
    password = (addresses.secrets / "mqtt" / "viewer").read_text(encoding="utf-8").strip()
    config = folder / "mosquitto_sub"
    config.write_text(f"-u viewer\n-P {password}\n", encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        *("mosquitto_sub", "-V", "5", "-C", "1", "-t", "cityhum/v1/+/+/alerts/#"),
        *("-h", addresses.mqtt_host, "-p", str(addresses.mqtt_port)),
        env={**os.environ, "XDG_CONFIG_HOME": str(folder)},
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    return decode(Alert, said.strip())


async def _first_on_kafka(addresses: Addresses) -> Alert:
    consumer = AIOKafkaConsumer(
        topics.ALERTS, bootstrap_servers=addresses.kafka_bootstrap, auto_offset_reset="earliest"
    )
    async with consumer:
        return decode(Alert, (await consumer.getone()).value)


async def _psql(addresses: Addresses, query: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *("psql", "--no-align", "--tuples-only", "--command", query),
        *("--host", addresses.postgres_host, "--port", str(addresses.postgres_port)),
        *("--username", "cityhum_reader", "--dbname", addresses.postgres_db),
        env={**os.environ, "PGPASSFILE": str(addresses.secrets / "pgpass")},
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    return said.decode().strip()
