"""How many readings a second do windows take? `python -m benchmarks windows [--json]`.

The job: 400,000 readings of 2,000 devices, 10 s windows, with all that our fold does of them
(ledger, percentiles, labels, minutes), the state kept durably. First the fold alone (decoding,
folding, storing its state as bytes, no broker), then `cityhum work windows` between a real Kafka
and a real PostgreSQL on this machine. CPU time is that of the worker, without its start; what
PostgreSQL used is told beside it. Status 1 if a window is missing or wrong.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import psycopg

from benchmarks import proc, stage
from benchmarks.windows_load import BASE_S, Load, prepare, records
from deploy.local import programs
from deploy.local.process import children
from deploy.local.stack import LocalStack
from processors import windows
from processors.partitions import MAX_READINGS, FoldRun
from schemas import topics
from schemas.errors import Unavailable

LOADS: Final = (Load(size=1), Load(size=1, packed=64), Load(size=32), Load(size=32, packed=16))
WITHIN_S: Final = 900
_LOOK_S: Final = 0.05
_DONE: Final = "SELECT coalesce(sum(next_offset), 0) FROM checkpoint WHERE program = 'windows'"
_STORED: Final = """
SELECT count(*) FILTER (WHERE final), coalesce(sum(coverage_s) FILTER (WHERE final), 0),
    coalesce(max(revision), 0)
FROM level_window WHERE length_s = %s"""


def fold_alone(load: Load) -> dict[str, Any]:
    """Decode, fold, and store states as often as a worker would; nothing is written."""
    values = list(records(load))
    runs = [FoldRun(windows.fold(), {}) for _ in range(topics.PARTITIONS)]
    since = 0
    began_s = time.process_time()
    for partition, value in values:
        _, heard = runs[partition].apply(value)
        since += heard.readings
        if since >= MAX_READINGS:
            for run in runs:
                run.settle()
                run.changed()
            since = 0
    for run in runs:
        run.settle()
        run.changed()
    spent_s = time.process_time() - began_s
    return {"name": "fold alone", **_told(load), "per_cpu_s": round(load.readings / spent_s)}


async def ours(stack: LocalStack, load: Load) -> dict[str, Any]:
    """Let one worker take a topic that is filled already; `benchmarks.windows_load.prepare`.

    Parameters
    ----------
    stack : LocalStack
        Running, with our topics and tables, and `load` in `readings.v1`.
    load : Load
        What is in the topic.

    Returns
    -------
    dict
        Readings a second and per CPU second, and whether all final windows are there and right.
    """
    log = stack.addresses.secrets.parent / "windows.log"
    environment = programs.least(stack.addresses, "windows")
    command = [*programs.CITYHUM, "work", "windows"]
    total = sum(1 for _ in records(load))
    postgres = proc.servers(stack)["postgres"]
    async with (
        await psycopg.AsyncConnection.connect(
            stack.postgres.conninfo("cityhum_owner"), autocommit=True
        ) as connection,
        stage.program(command, environment, log) as process,
    ):
        first, begun_s = await _reached(connection, 1, process)
        cpu_s, database_s = proc.cpu_s(process.pid), _cpu_s(children(postgres))
        last, ended_s = await _reached(connection, total, process)
        cpu_s = proc.cpu_s(process.pid) - cpu_s
        database_s = _cpu_s(children(postgres)) - database_s
        cursor = await connection.execute(_STORED, (BASE_S,))
        row = await cursor.fetchone()
        assert row is not None  # noqa: S101  # an aggregate always is
    readings = load.readings * (last - first) / total
    return {
        "name": "cityhum",
        **_told(load),
        "per_s": round(readings / (ended_s - begun_s)),
        "per_cpu_s": round(readings / max(cpu_s, 1e-9)),
        "postgres_cpu_us_per_reading": round(1e6 * database_s / readings, 1),
        "windows": row[0],
        "missing": load.windows - row[0],
        "wrong": load.windows * BASE_S - int(row[1]),
        "revised": row[2],
    }


async def _reached(
    connection: psycopg.AsyncConnection[Any], offset: int, process: asyncio.subprocess.Process
) -> tuple[int, float]:
    """Sum of offsets once it is at least `offset`, and when."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            if process.returncode is not None:
                raise Unavailable(f"the worker has ended with status {process.returncode}")
            row = await (await connection.execute(_DONE)).fetchone()
            if row is not None and row[0] >= offset:
                return int(row[0]), time.monotonic()
            await asyncio.sleep(_LOOK_S)


def _cpu_s(pids: Sequence[int]) -> float:
    return sum(proc.cpu_s(pid) for pid in pids)


def _told(load: Load) -> dict[str, int]:
    return {"batch": load.size, "batches_a_record": load.packed, "readings": load.readings}


def measured(load: Load) -> dict[str, Any]:
    """One load, with servers of its own."""
    with stage.staged() as stack:
        asyncio.run(prepare(stack.kafka.bootstrap, load))
        return asyncio.run(ours(stack, load))


def is_clean(result: Mapping[str, Any]) -> bool:
    """Whether every final window is there, with all its seconds."""
    ours = [run for run in result["results"] if run["name"] == "cityhum"]
    return all(run["missing"] == run["wrong"] == 0 for run in ours)


def main() -> None:
    """Every load, first the fold alone."""
    parser = argparse.ArgumentParser(description="how many readings a second do windows take?")
    parser.add_argument("--devices", type=int, default=2000)
    parser.add_argument("--seconds", type=int, default=200)
    parser.add_argument("--fold-only", action="store_true")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    result = stage.surroundings("aiokafka", "faust-streaming", "msgspec", "numpy", "psycopg")
    result |= {"devices": asked.devices, "seconds": asked.seconds}
    result["results"] = []
    for kind in LOADS:
        load = Load(asked.devices, asked.seconds, kind.size, kind.packed)
        for measure in (fold_alone,) if asked.fold_only else (fold_alone, measured):
            result["results"].append(measure(load))
            sys.stderr.write(f"{result['results'][-1]}\n")
    sys.stdout.write(json.dumps(result, indent=None if asked.json else 2) + "\n")
    sys.exit(not is_clean(result))


if __name__ == "__main__":
    main()
