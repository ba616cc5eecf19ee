"""Who may what, tried against the servers as a city runs them.

Run: `python -m benchmarks.security [--json]`; `make security`. Starts Mosquitto, Kafka and
PostgreSQL with TLS, logins and access lists on loopback, lets two simulated devices, the bridge and
all processors run on them with a login each, then tries every row of deploy/access.yaml and what is
not in it, the doors, TLS, and seeks secrets. Exits 1 if anything goes otherwise than written.
"""

import argparse
import asyncio
import json
import logging
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from benchmarks import (
    security_api,
    security_canary,
    security_kafka,
    security_mqtt,
    security_postgres,
    security_secrets,
    security_tls,
)
from benchmarks.security_stack import DEVICES, ROOT, SITE, SecureStack
from benchmarks.security_trial import Trial, may
from deploy.local.settings import local_settings
from deploy.local.supervise import Supervisor
from processors.adapters import kafka_login
from processors.adapters.postgres import connected
from schemas import topics

_ENOUGH: Final = 20
"""Readings of each device that must be stored before the pipeline counts as working."""
_PATIENCE_S: Final = 120.0
_ASK_EVERY_S: Final = 0.5
_SHOWN: Final = (topics.FEATURES, topics.READINGS, topics.STATUS, topics.DEAD_LETTERS)


async def tried(stack: SecureStack) -> list[Trial]:
    """Everything, in an order in which nothing disturbs the next."""
    await stack.prepare()
    ear = security_mqtt.opened(stack, "bridge")
    ear.subscribe("cityhum/v1/#")
    logs = stack.folder / "log"
    running = Supervisor(stack.programs(), logs)
    with security_canary.planted(ROOT, logs, lambda word: _published(stack, word)) as canary:
        async with running:
            stored = await _stored(stack)
            payloads = [*ear.payloads, *await _records(stack)]
            pids = list(running.pids.values())
            found = list(security_secrets.trials(stack, payloads, pids, canary))
    ear.leave()
    return [
        may("pipeline", "each program with its own login", "store readings", stored),
        *found,
        *security_tls.trials(stack),
        *security_postgres.trials(stack),
        *await asyncio.to_thread(lambda: list(security_api.trials(stack))),
        *await security_kafka.trials(stack),
        *await asyncio.to_thread(lambda: list(security_mqtt.trials(stack))),
    ]


def _published(stack: SecureStack, word: bytes) -> None:
    """Say something as a device that is not at work yet."""
    device = security_mqtt.opened(stack, DEVICES[0])
    device.publishes(f"cityhum/v1/{SITE}/{DEVICES[0]}/features", word)
    device.leave()


async def _stored(stack: SecureStack) -> bool:
    """Whether devices' readings reach the database, through every program."""
    connection = await connected(stack.settings(postgres="cityhum_reader"))
    count = "SELECT count(*) FROM (SELECT device FROM reading GROUP BY 1 HAVING count(*) >= %s) x"
    window = "SELECT count(*) FROM level_window"
    try:
        async with asyncio.timeout(_PATIENCE_S):
            while True:
                found = await (await connection.execute(count, [_ENOUGH])).fetchone()
                windows = await (await connection.execute(window)).fetchone()
                if found and found[0] >= len(DEVICES) and windows and windows[0]:
                    return True
                await asyncio.sleep(_ASK_EVERY_S)
    except TimeoutError:
        return False
    finally:
        await connection.close()


async def _records(stack: SecureStack) -> list[bytes]:
    """What lies in Kafka."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=stack.kafka.bootstrap,
        group_id=None,
        auto_offset_reset="earliest",
        **kafka_login.of_client(stack.settings(kafka="admin")),
    )
    await consumer.start()
    try:
        consumer.assign([TopicPartition(t, p) for t in _SHOWN for p in range(topics.PARTITIONS)])
        got = await consumer.getmany(timeout_ms=2000)
        return [record.value or b"" for records in got.values() for record in records]
    finally:
        await consumer.stop()


def lines(trials: Sequence[Trial]) -> Iterator[str]:
    """The table: how often each server was tried, then what went otherwise than written."""
    counts = Counter((trial.server, trial.wanted, trial.right) for trial in trials)
    yield f"{'server':12}{'allowed':>9}{'refused':>9}{'otherwise':>11}"
    for server in dict.fromkeys(trial.server for trial in trials):
        allowed, refused = counts[server, True, True], counts[server, False, True]
        wrong = counts[server, True, False] + counts[server, False, False]
        yield f"{server:12}{allowed:9}{refused:9}{wrong:11}"
    for trial in trials:
        if not trial.right:
            word = "may not, but should" if trial.wanted else "may, but should not"
            yield f"{trial.server}: {trial.who}: {trial.what}: {word}"


def main() -> int:
    """Print the table; 1 if anything went otherwise than written."""
    parser = argparse.ArgumentParser(description="who may what, tried")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # refusals are what we want
    jars = local_settings().folder.resolve() / "kafka"
    with tempfile.TemporaryDirectory() as folder, SecureStack(Path(folder), jars) as stack:
        trials = asyncio.run(tried(stack))
    wrong = [trial for trial in trials if not trial.right]
    figures = {"tried": len(trials), "wrong": [trial._asdict() for trial in wrong]}
    figures["trials"] = [trial._asdict() for trial in trials]
    sys.stdout.write(json.dumps(figures) if arguments.json else "\n".join(lines(trials)))
    sys.stdout.write("\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
