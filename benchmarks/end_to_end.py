"""How long from a sound to its row and its alert? `python -m benchmarks end_to_end [--json]`.

Simulated devices, each with its own connection, through Mosquitto, bridge, Kafka, all processors
and PostgreSQL on this one machine, the devices too. Delays count from the end of a second to its
stored row, and from a siren's onset to the alert on MQTT; CPU time and memory are those of each
process and its children. Status 1 if a reading is lost or stored twice.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import psycopg

from benchmarks import proc, stage
from cityhum.simulate_sites import sites_file
from deploy.local import programs, report
from deploy.local.results import Results
from deploy.local.stack import LocalStack
from deploy.local.supervise import Program, Supervisor
from processors import registry

FOLDS: Final = ("windows", "alerts", "archive")
READY_S: Final = 120
DRAIN_S: Final = 120
SETTLED_S: Final = 10
TABLE_BYTES: Final = """
SELECT coalesce(p.inhparent, c.oid)::regclass::text AS name,
       sum(pg_total_relation_size(c.oid))::bigint
FROM pg_class AS c LEFT JOIN pg_inherits AS p ON p.inhrelid = c.oid
WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
GROUP BY name HAVING sum(pg_relation_size(c.oid)) > 0
"""


async def measured(stack: LocalStack, devices: int, seconds: int, folder: Path) -> dict[str, Any]:
    """Run a city of some size for some time.

    Parameters
    ----------
    stack : LocalStack
        Running, with topics and tables.
    devices, seconds : int
        How many, and for how long.
    folder : Path
        For logs and the simulator's truth.

    Returns
    -------
    dict
        Delays, losses, and CPU time of each process for each reading.
    """
    addresses, events = stack.addresses, folder / "events.json"
    city = ["simulate", "--light", "--devices", str(devices), "--seconds", str(seconds)]
    city += ["--events", str(events), "--state", str(folder / "spools")]
    simulator = Program("simulate", [*programs.CITYHUM, *city], addresses.device_environment())
    started = datetime.now(UTC)
    with closing(Results(addresses)) as results:
        async with Supervisor(workers(stack), folder / "log") as supervisor:
            await until(lambda: results.ready(FOLDS, started), READY_S)
            pids = {**supervisor.pids, **proc.servers(stack)}
            before = {name: proc.family_cpu_s(pid) for name, pid in pids.items()}
            async with simulator.started(folder / "log", SETTLED_S) as process:
                await process.wait()
            run = report.Run.model_validate_json(events.read_text(encoding="utf-8"))
            sent = run.readings
            with suppress(TimeoutError):
                await until(
                    lambda: results.stored_readings(run) >= sent and not results.undelivered(),
                    DRAIN_S,
                )
            pids = {name: pid for name, pid in pids.items() if Path(f"/proc/{pid}").exists()}
            used = {name: proc.family_cpu_s(pid) - before[name] for name, pid in pids.items()}
            memory = {name: proc.family_mb(pid) for name, pid in pids.items()}
            written = report.build(run, results.stored(run))
            restarts = dict(supervisor.restarts)
    return {**_result(written, used, memory, restarts), "disk_bytes": _disk_bytes(stack)}


def workers(stack: LocalStack) -> list[Program]:
    """Bridge and processors."""
    return [
        Program("bridge", [*programs.CITYHUM, "bridge"], stack.addresses.environment("bridge")),
        *(programs.processor(stack.addresses, name) for name in programs.PROCESSORS),
    ]


async def until(condition: Callable[[], object], within_s: float) -> None:
    """Wait for something that other processes bring about; TimeoutError if it takes too long."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110  # other processes do the work
            await asyncio.sleep(0.5)


def _disk_bytes(stack: LocalStack) -> dict[str, int]:
    """What lies on disk of each topic, and of each table with its indexes."""
    logs: Counter[str] = Counter()
    for segment in (stack.addresses.secrets.parent / "kafka" / "data").glob("*.v1-*/*.log"):
        logs[segment.parent.name.rpartition("-")[0]] += segment.stat().st_size
    with psycopg.connect(stack.postgres.conninfo("cityhum_reader")) as connection:
        return {**logs, **dict(connection.execute(TABLE_BYTES).fetchall())}


def _result(
    written: report.Report,
    used: Mapping[str, float],
    memory: Mapping[str, float],
    restarts: Mapping[str, int],
) -> dict[str, Any]:
    alerts = [line.delay_s for line in written.alerts if line.true_event and line.delay_s]
    return {
        "devices": written.devices,
        "sent": written.sent,
        "lost": written.lost,
        "duplicated": written.duplicated,
        "stored_delay_s": written.stored_delay_s,
        "stored_within_3_s": written.stored_within_3_s,
        "alerts": len(alerts),
        "alert_delay_s": {
            f"p{share}": round(stage.percentile(alerts, share / 100), 2) for share in (50, 99)
        }
        if alerts
        else None,
        "cpu_us_per_reading": {n: round(1e6 * s / written.sent, 1) for n, s in used.items()},
        "memory_mb": {n: round(m) for n, m in memory.items()},
        "restarts": restarts,
    }


def is_clean(result: Mapping[str, Any]) -> bool:
    """Whether everything is stored once, in every size."""
    return all(run["lost"] == run["duplicated"] == 0 for run in result["runs"])


def one(devices: int, seconds: int) -> dict[str, Any]:
    """One size; `CITYHUM_SITES_FILE` must already name its devices."""
    named = registry.parse(Path(os.environ["CITYHUM_SITES_FILE"]).read_text(encoding="utf-8"), "")
    with stage.staged(list(named.site_of)) as stack:
        folder = stack.addresses.secrets.parent
        return asyncio.run(measured(stack, devices, seconds, folder))


def main() -> None:
    """Each size in a process of its own."""
    parser = argparse.ArgumentParser(description="how long from a sound to its row and its alert?")
    parser.add_argument("--devices", type=int, nargs="+", default=[20, 200, 2000])
    parser.add_argument("--seconds", type=int, default=90)
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    if asked.alone:
        sys.stdout.write(json.dumps(one(asked.devices[0], asked.seconds)) + "\n")
        return
    result = stage.surroundings("faust-streaming", "aiokafka", "psycopg", "onnxruntime")
    result["runs"] = [_apart(devices, asked.seconds) for devices in asked.devices]
    sys.stdout.write(json.dumps(result, indent=None if asked.json else 2) + "\n")
    sys.exit(not is_clean(result))


def _apart(devices: int, seconds: int) -> dict[str, Any]:
    sites = Path(".local") / f"sites-{devices}.yaml"
    sites.parent.mkdir(exist_ok=True)
    sites.write_text(sites_file(devices), encoding="utf-8")
    done = subprocess.run(
        stage.python(
            "benchmarks", "end_to_end", "--alone", "--devices", str(devices),
            "--seconds", str(seconds),
        ),
        env={**os.environ, "CITYHUM_SITES_FILE": str(sites.resolve())},
        stdout=subprocess.PIPE,
        check=True,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    main()
