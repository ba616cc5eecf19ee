"""Ten-second windows beside others: `python -m benchmarks window_peers [--json]`.

The job of everybody: readings of many devices, folded into ten-second windows of energy mean,
maximum and sums by label, durable state on, each library's own way. In a second pass the worker is
killed twice. Ours folds whole readings (levels, third octaves, percentiles) from `readings.v1`
into PostgreSQL; the others fold small events into windows that they tell in a topic.
"""

import argparse
import asyncio
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import orjson
import psycopg
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from benchmarks import stage
from benchmarks.window_job import START_MS, WINDOW_MS, Event, envelopes, events, truth
from deploy.local import programs
from deploy.local.stack import LocalStack
from schemas import topics

SOURCE: Final = "peer-events"
TARGET: Final = "peer-windows"
PEERS: Final = Path(".local/peers/bin/python")
HERE: Final = Path(__file__).parent / "peers"
QUIET_MS: Final = 20_000
KILL_AT: Final = (0.42, 0.72)
FLUSH_MS: Final = 600_000

Key = tuple[str, int]


@dataclass(frozen=True)
class Peer:
    """A worker that tells its windows in a topic."""

    name: str
    command: Callable[[LocalStack], Sequence[str]]
    environment: Callable[[LocalStack], Mapping[str, str]] = lambda _: {}


def peers() -> Iterator[Peer]:
    """All that are installed."""

    def faust(stack: LocalStack) -> Sequence[str]:
        where = [stack.addresses.kafka_bootstrap, SOURCE, TARGET, str(_folder(stack, "faust"))]
        return stage.python("benchmarks.peers.faust_windows", *where)

    def quix(guarantee: str) -> Callable[[LocalStack], Sequence[str]]:
        def command(stack: LocalStack) -> Sequence[str]:
            where = [stack.addresses.kafka_bootstrap, SOURCE, TARGET, str(_folder(stack, "quix"))]
            return [str(PEERS), str(HERE / "quix_windows.py"), *where, guarantee]

        return command

    def bytewax(stack: LocalStack) -> Sequence[str]:
        kept = str(_folder(stack, "bytewax"))
        return [str(PEERS), "-m", "bytewax.run", "-r", kept, "-s", "5", "-b", "0",
                str(HERE / "bytewax_windows.py") + ":flow"]  # fmt: skip

    def bytewax_names(stack: LocalStack) -> Mapping[str, str]:
        return {
            "PEER_BOOTSTRAP": stack.addresses.kafka_bootstrap,
            "PEER_SOURCE": SOURCE,
            "PEER_TARGET": TARGET,
        }

    yield Peer("faust, windowed table", faust)
    if PEERS.exists():
        yield Peer("quixstreams 3.28.1, at least once", quix("at-least-once"))
        yield Peer("quixstreams 3.28.1, exactly once", quix("exactly-once"))
        yield Peer("bytewax 0.21.1, SQLite recovery", bytewax, bytewax_names)


def _folder(stack: LocalStack, name: str) -> Path:
    folder = stack.addresses.secrets.parent / name
    folder.mkdir(exist_ok=True)
    return folder


async def of_peer(
    stack: LocalStack, peer: Peer, made: Sequence[Event], kills: Sequence[float]
) -> dict[str, Any]:
    """Let a peer work off the events; compare what it tells last, and how often."""
    await _create_topics(stack)
    await _send(stack, SOURCE, ((topics.partition(e.device), e.device, e.json()) for e in made))
    if "bytewax" in peer.name:
        await _run([str(PEERS), "-m", "bytewax.recovery", str(_folder(stack, "bytewax")), "1"])
    log = stack.addresses.secrets.parent / "peer.log"
    expected = truth(made)
    told: Counter[Key] = Counter()
    last: dict[Key, int] = {}
    times: list[int] = []
    due = [share * len(expected) for share in kills]
    async with (
        stage.log_of(stack.kafka.bootstrap, TARGET) as outputs,
        AsyncExitStack() as running,
    ):
        command, environment = peer.command(stack), peer.environment(stack)
        process = await running.enter_async_context(stage.program(command, environment, log))
        spent_s = begun_s = 0.0
        while found := await outputs.getmany(timeout_ms=QUIET_MS):
            for record in (record for some in found.values() for record in some):
                key, count = _window(record.key, record.value)
                if key in expected:
                    told[key] += 1
                    last[key] = count
                    times.append(record.timestamp)
            if process.returncode is None:
                begun_s = begun_s or stage.cpu_s(process.pid)
                spent_s = stage.cpu_s(process.pid) - begun_s
            if due and len(told) >= due[0]:
                due.pop(0)
                process.kill()
                await process.wait()
                process = await running.enter_async_context(
                    stage.program(command, environment, log)
                )
            if len(told) == len(expected) and not kills:
                break
    wrong = sum(last[key] != expected[key] for key in last)
    seconds = (max(times) - min(times)) / 1000 if times else float("inf")
    return {
        "name": peer.name,
        "readings": len(made),
        "per_s": round(len(made) / seconds) if seconds else None,
        "per_cpu_s": round(len(made) / spent_s) if spent_s and not kills else None,
        "windows": len(told),
        "wrong": wrong,
        "missing": len(expected) - len(told),
        "duplicate_outputs": sum(told.values()) - len(told),
    }


def _window(key: bytes | None, value: bytes) -> tuple[Key, int]:
    """Whose window it is, and how many readings it says it has."""
    told = orjson.loads(value)
    window = told["value"]
    device = told.get("device") or (key or b"").decode()
    return (device, int(told["start"])), window["count"]


async def of_ours(
    stack: LocalStack, made: Sequence[Event], batch: int, kills: Sequence[float]
) -> dict[str, Any]:
    """Let `cityhum work windows` work off the same readings; compare its rows."""
    records = list(envelopes(made, batch))
    await _send(stack, topics.READINGS, ((place, None, value) for place, value in records))
    worker = programs.processor(stack.addresses, "windows")
    log = stack.addresses.secrets.parent / "ours.log"
    due = [share * len(made) for share in kills]
    conninfo = stack.postgres.conninfo("cityhum_owner")
    points: list[tuple[float, int]] = []
    async with AsyncExitStack() as running:
        db = await running.enter_async_context(await psycopg.AsyncConnection.connect(conninfo))
        await db.set_autocommit(True)
        process = await running.enter_async_context(
            stage.program(worker.command, worker.environment, log)
        )
        spent_s = begun_s = 0.0
        quiet_since_s = time.monotonic()
        while not points or points[-1][1] < len(made):
            await asyncio.sleep(0.1)
            folded = await _folded(db)
            if folded and (not points or folded > points[-1][1]):
                points.append((time.monotonic(), folded))
                quiet_since_s = time.monotonic()
            if process.returncode is None and folded:
                begun_s = begun_s or stage.cpu_s(process.pid)
                spent_s = stage.cpu_s(process.pid) - begun_s
            if due and folded >= due[0]:
                due.pop(0)
                process.kill()
                await process.wait()
                process = await running.enter_async_context(
                    stage.program(worker.command, worker.environment, log)
                )
            if time.monotonic() - quiet_since_s > QUIET_MS / 1000 + 20:
                break
        rows = await _counts(db)
    expected = truth(made)
    counted = points[-1][1] - points[0][1]
    return {
        "name": f"cityhum, {batch} a batch",
        "readings": len(made),
        "per_s": round(counted / (points[-1][0] - points[0][0])) if len(points) > 1 else None,
        "per_cpu_s": round(counted / spent_s) if spent_s and not kills else None,
        "windows": len(rows),
        "wrong": sum(rows[key] != count for key, count in expected.items() if key in rows),
        "missing": len(expected.keys() - rows.keys()),
        "duplicate_outputs": 0,
    }


async def _folded(db: psycopg.AsyncConnection[Any]) -> int:
    """Readings in windows."""
    query = "SELECT coalesce(sum(coverage_s), 0) FROM level_window WHERE length_s = 10"
    row = await (await db.execute(query)).fetchone()
    return int(row[0]) if row else 0


async def _counts(db: psycopg.AsyncConnection[Any]) -> dict[Key, int]:
    query = """
        SELECT device, (extract(epoch FROM started_at) * 1000)::bigint, coverage_s
        FROM level_window WHERE length_s = 10"""
    return {(device, at): count async for device, at, count in await db.execute(query)}


async def _send(
    stack: LocalStack, topic: str, records: Iterator[tuple[int, str | None, bytes]]
) -> None:
    producing = AIOKafkaProducer(
        bootstrap_servers=stack.kafka.bootstrap, acks="all", linger_ms=50, max_batch_size=2**18
    )
    async with producing as producer:
        waiting: list[asyncio.Future[Any]] = []
        for partition, key, value in records:
            named = None if key is None else key.encode()
            waiting.append(await producer.send(topic, value, key=named, partition=partition))
        await asyncio.gather(*waiting)


async def _create_topics(stack: LocalStack) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.kafka.bootstrap)
    await admin.start()
    changelog = "faust-windows-windows-changelog"
    wanted = [NewTopic(name, topics.PARTITIONS, 1) for name in (SOURCE, TARGET, changelog)]
    await admin.create_topics(wanted)
    await admin.close()


async def _run(command: Sequence[str]) -> None:
    process = await asyncio.create_subprocess_exec(*command, env={**os.environ})
    await process.wait()


def _runs(made: Sequence[Event], kills: Sequence[float], only: str) -> list[dict[str, Any]]:
    """Everybody whose name has a part, each with servers of its own."""
    jobs = {
        f"cityhum, {batch} a batch": partial(of_ours, made=made, batch=batch, kills=kills)
        for batch in (1, 32)
    } | {peer.name: partial(of_peer, peer=peer, made=made, kills=kills) for peer in peers()}
    runs = []
    for job in (job for name, job in jobs.items() if only in name):
        with stage.staged() as stack:
            runs.append(asyncio.run(job(stack)))
        sys.stderr.write(f"{runs[-1]}\n")
    return runs


def main() -> None:
    """Everybody undisturbed, then everybody killed twice."""
    parser = argparse.ArgumentParser(description="ten-second windows beside others")
    parser.add_argument("--devices", type=int, default=2000)
    parser.add_argument("--seconds", type=int, default=200, help="of each device")
    parser.add_argument("--only", help="part of a name")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    made = list(events(asked.devices, asked.seconds))
    result = stage.surroundings("faust-streaming", "aiokafka", "psycopg", "orjson")
    result["window_ms"], result["started_at_ms"] = WINDOW_MS, START_MS
    result["undisturbed"] = _runs(made, (), asked.only or "")
    result["killed twice"] = _runs(made, KILL_AT, asked.only or "")
    sys.stdout.write(json.dumps(result, indent=None if asked.json else 2) + "\n")


if __name__ == "__main__":
    main()
