"""Ten-second windows beside others: `python -m benchmarks window_peers [--json]`.

Everybody reads the same batches of readings (1 or 32 in a batch), decodes their JSON, and folds
them by device and ten seconds of event time into count, energy, maximum and sums of scores by
label, durable state on, each library's own way. CPU time is all that the worker takes but for its
imports. Ours does that and more (percentiles, sources, events, minutes, the ledger that drops
duplicates) and stores rows in PostgreSQL; the others tell windows in a topic, of which only what
was committed counts. In a second pass, of the larger batches, the worker is killed twice with
SIGKILL; the groups of ours, of quixstreams and of Faust notice after 6 s. Status 1 if a window of
ours is wrong, missing, or told twice.
"""

import argparse
import asyncio
import json
import math
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import chain
from typing import Any, Final, LiteralString, NamedTuple

import orjson
import psycopg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from benchmarks import proc, stage, window_account
from benchmarks.window_account import Work
from benchmarks.window_job import (
    PACKED,
    START_MS,
    WINDOW_MS,
    Event,
    Told,
    envelopes,
    events,
    keyed,
    truth,
)
from benchmarks.window_workers import PEERS, SOURCE, TARGET, Peer, Worker, folder_of, peers
from deploy.local import programs
from deploy.local.stack import LocalStack
from deploy.local.supervise import Program
from schemas import topics

IMPORTS: Final = proc.importing("processors.service")
START_WITHIN_MS: Final = 120_000
QUIET_MS: Final = 20_000
OURS_QUIET_S: Final = 40.0
KILL_AT: Final = (0.42, 0.72)
FOLDED: Final = "SELECT coalesce(sum(coverage_s), 0) FROM level_window WHERE length_s = 10"
TOLD_AGAIN: Final = """
SELECT count(*) - count(DISTINCT payload::text) FROM outbox WHERE kind = 'window'"""
"""Messages in the outbox that say what another says: a correction says something new."""

Key = tuple[str, int]


class Outputs(NamedTuple):
    """What a peer has told: how often of each window, what last, and when first."""

    told: Counter[Key]
    last: dict[Key, Told]
    times_s: list[float]


async def of_peer(
    stack: LocalStack, peer: Peer, made: Sequence[Event], batch: int, kills: Sequence[float]
) -> dict[str, Any]:
    """Let a peer work off the batches; compare what it tells last, and how often."""
    await _create_topics(stack)
    await _send(stack, SOURCE, keyed(made, batch))
    if "bytewax" in peer.name:
        await _run([str(PEERS), "-m", "bytewax.recovery", str(folder_of(stack, "bytewax")), "1"])
    expected = truth(made)
    program = Program(peer.name, peer.command(stack), peer.environment(stack))
    log = stack.addresses.secrets.parent / "peer.log"
    async with (
        stage.log_of(stack.kafka.bootstrap, TARGET, isolation="read_committed") as outputs,
        Worker(program, log, [n * len(expected) for n in kills], peer.imports) as worker,
    ):
        killing = asyncio.create_task(_killed(stack, worker, expected)) if kills else None
        told, last, times_s = await _listened(outputs, worker, expected, killed=bool(kills))
        if killing is not None:
            killing.cancel()
            with suppress(asyncio.CancelledError):
                await killing
    work = Work(len(made), window_account.span_of_outputs(times_s), worker.work_s())
    faults = {
        "wrong": sum(not last[key].agrees(expected[key]) for key in last),
        "missing": len(expected) - len(told),
        "duplicate_outputs": sum(told.values()) - len(told),
    }
    return {
        "name": peer.name,
        "batch": batch,
        "readings": len(made),
        "windows": len(told),
        **window_account.told(work, faults, worker.kills),
    }


async def _killed(stack: LocalStack, worker: Worker, expected: Mapping[Key, Told]) -> None:
    """Let a worker be killed by what it has told, committed or not: then it is at work."""
    begun: set[Key] = set()
    async with stage.log_of(stack.kafka.bootstrap, TARGET) as outputs:
        while True:
            found = await outputs.getmany(timeout_ms=1000)
            for record in chain.from_iterable(found.values()):
                key, _ = _window(record.key, record.value)
                begun |= {key} & expected.keys()
            await worker.seen(len(begun))


async def _listened(
    outputs: AIOKafkaConsumer, worker: Worker, expected: Mapping[Key, Told], *, killed: bool
) -> Outputs:
    """What is told until all windows are, or none for too long; after kills also what follows."""
    found = Outputs(Counter(), {}, [])
    patient = len(expected) if killed else 1  # a killed worker's transaction ends after a minute
    while records := await outputs.getmany(
        timeout_ms=START_WITHIN_MS if len(found.told) < patient else QUIET_MS
    ):
        for record in chain.from_iterable(records.values()):
            key, window = _window(record.key, record.value)
            if key in expected:
                found.told[key] += 1
                found.last[key] = window
                if found.told[key] == 1:
                    found.times_s.append(record.timestamp / 1000)
        if not killed:
            await worker.seen(len(found.told))
            if len(found.told) == len(expected):
                break
    return found


def _window(key: bytes | None, value: bytes) -> tuple[Key, Told]:
    """Whose window it is, and what it says."""
    told = orjson.loads(value)
    window = told["value"]
    device = told.get("device") or (key or b"").decode()
    level_db = 10 * math.log10(window["energy"] / window["count"])
    return (device, int(told["start"])), Told(window["count"], level_db, window["max_db"])


async def of_ours(
    stack: LocalStack, made: Sequence[Event], batch: int, kills: Sequence[float]
) -> dict[str, Any]:
    """Let `cityhum work windows` work off the same readings; compare its rows."""
    await _send(stack, topics.READINGS, envelopes(made, batch))
    program = programs.processor(stack.addresses, "windows")
    log = stack.addresses.secrets.parent / "ours.log"
    conninfo = stack.postgres.conninfo("cityhum_owner")
    async with (
        await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as db,
        Worker(program, log, [share * len(made) for share in kills], IMPORTS) as worker,
    ):
        points = await _followed(db, worker, len(made))
        rows = await _stored(db)
        told_again = await _number(db, TOLD_AGAIN)
    expected = truth(made)
    work = Work(len(made), window_account.span_of_points(points), worker.work_s())
    faults = {
        "wrong": sum(not rows[key].agrees(told) for key, told in expected.items() if key in rows),
        "missing": len(expected.keys() - rows.keys()),
        "duplicate_outputs": told_again,
    }
    return {
        "name": "cityhum",
        "batch": batch,
        "batches_a_record": PACKED[batch],
        "readings": len(made),
        "windows": len(rows),
        **window_account.told(work, faults, worker.kills),
    }


async def _followed(
    db: psycopg.AsyncConnection[Any], worker: Worker, count: int
) -> list[tuple[float, int]]:
    """When there were how many readings in windows, until there are so many or no more come."""
    points = [(time.monotonic(), 0)]
    while points[-1][1] < count and time.monotonic() - points[-1][0] < OURS_QUIET_S:
        await asyncio.sleep(0.1)
        folded = await _number(db, FOLDED)
        if folded > points[-1][1]:
            points.append((time.monotonic(), folded))
            await worker.seen(folded)
    return points[1:]


async def _number(db: psycopg.AsyncConnection[Any], query: LiteralString) -> int:
    row = await (await db.execute(query)).fetchone()
    return int(row[0]) if row else 0


async def _stored(db: psycopg.AsyncConnection[Any]) -> dict[Key, Told]:
    query = """
        SELECT device, (extract(epoch FROM started_at) * 1000)::bigint, coverage_s, laeq_db,
            lafmax_db
        FROM level_window WHERE length_s = 10"""
    return {(device, at): Told(*told) async for device, at, *told in await db.execute(query)}


async def _send(
    stack: LocalStack, topic: str, records: Iterable[tuple[int, str | None, bytes]]
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


def _runs(
    made: Sequence[Event], sizes: Sequence[int], kills: Sequence[float], only: str
) -> list[dict[str, Any]]:
    """Everybody whose name has a part, each with servers of its own."""
    runs = []
    for size in sizes:
        jobs = {"cityhum": partial(of_ours, made=made, batch=size, kills=kills)} | {
            peer.name: partial(of_peer, peer=peer, made=made, batch=size, kills=kills)
            for peer in peers()
        }
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
    parser.add_argument("--batch", type=int, choices=PACKED, help="only of this size")
    parser.add_argument("--only", default="", help="part of a name")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    made = list(events(asked.devices, asked.seconds))
    sizes = [asked.batch] if asked.batch else list(PACKED)
    result = stage.surroundings("faust-streaming", "aiokafka", "psycopg", "msgspec", "numpy")
    result["versions"] |= stage.versions_of(PEERS, "quixstreams", "bytewax", "orjson")
    result |= {"devices": asked.devices, "seconds": asked.seconds, "window_ms": WINDOW_MS}
    result |= {"started_at_ms": START_MS, "killed_at": KILL_AT}
    result["undisturbed"] = _runs(made, sizes, (), asked.only)
    result["killed twice"] = _runs(made, sizes[-1:], KILL_AT, asked.only)
    sys.stdout.write(json.dumps(result, indent=None if asked.json else 2) + "\n")
    sys.exit(not window_account.is_clean(result))


if __name__ == "__main__":
    main()
