"""A city at work, then without its broker, then all at once: `python -m benchmarks.load [--json]`.

Simulated devices, each with its own connection, client id and password, through the whole local
stack; after a steady phase Mosquitto is away while the devices go on hearing; then they all come
back with what they have kept. Everything that was said must be stored, once.
"""

import argparse
import asyncio
import json
import os
import sys
import time
from asyncio.subprocess import Process
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from benchmarks import end_to_end, load_report, proc, stage
from benchmarks.load_report import Phases
from benchmarks.load_watch import Watch, watched
from cityhum.simulate_sites import sites_file
from deploy.local import programs
from deploy.local.ports import free_port
from deploy.local.results import Results
from deploy.local.stack import LocalStack
from deploy.local.supervise import Program, Supervisor
from processors import registry
from schemas.errors import Unavailable

WORKERS: Final = ("bridge", *programs.PROCESSORS)
SETTLED_S: Final = 20
"""So long after the last sample a simulator may still take to end."""
NO_PROGRESS_S: Final = 180
"""If nothing more has been stored for so long, the rest is lost."""
BEGIN_S: Final = 180
_LOOK_S: Final = 0.2


@dataclass(frozen=True)
class Plan:
    """What to do: devices, and how long they are heard, cut off, and heard again, s."""

    devices: int
    seconds: int
    outage_s: int
    after_s: int

    @property
    def readings_each(self) -> int:
        """What each device hears."""
        return self.seconds + self.outage_s + self.after_s


async def loaded(stack: LocalStack, plan: Plan, folder: Path) -> dict[str, Any]:
    """Play a plan.

    Parameters
    ----------
    stack : LocalStack
        Running, with topics and tables for the plan's devices.
    plan : Plan
        What to do.
    folder : Path
        For logs and the simulator's truth.

    Returns
    -------
    dict
        What was seen; see `load_report`.
    """
    ports = {name: free_port() for name in WORKERS}
    simulator = _simulator(stack, plan, folder)
    started = datetime.now(UTC)
    with closing(Results(stack.addresses)) as results:
        async with Supervisor(_workers(stack, ports), folder / "log") as supervisor:
            await end_to_end.until(
                lambda: results.ready(end_to_end.FOLDS, started), end_to_end.READY_S
            )
            async with simulator.started(folder / "log", SETTLED_S) as playing:
                ours = {"simulate": playing.pid}
                pids = partial(_pids, stack, supervisor, ours)
                async with watched(ports, pids) as watch:
                    phases = await _played(stack, plan, playing, watch, folder)
                    run = load_report.told(folder / "events.json")
                    await _stored(results, run.readings)
                    watch.mark("drained")
            endings = list(supervisor.endings)
    return load_report.build(stack, run, phases, watch, endings)


async def _played(
    stack: LocalStack, plan: Plan, playing: Process, watch: Watch, folder: Path
) -> Phases:
    log = folder / "log" / "simulate.log"
    began_at = await _begun(log)
    watch.begin()
    await asyncio.sleep(plan.seconds)
    watch.mark("steady")
    cut_at, back_at = datetime.now(UTC), None
    if plan.outage_s:
        await asyncio.to_thread(stack.mosquitto.stop)
        await asyncio.sleep(plan.outage_s)
        watch.mark("away")
        await asyncio.to_thread(stack.mosquitto.start)
        back_at = datetime.now(UTC)
    await playing.wait()
    watch.mark("back")
    return Phases(began_at, cut_at, back_at, plan.readings_each, folder / "log" / "mosquitto.log")


async def _begun(log: Path) -> datetime:
    """When every device was connected and began to hear."""
    async with asyncio.timeout(BEGIN_S):
        while b"fleet_begins" not in log.read_bytes():  # noqa: ASYNC110  # another process's log
            await asyncio.sleep(_LOOK_S)
    return datetime.now(UTC)


async def _stored(results: Results, sent: int) -> None:
    """Wait until everything is stored, folded and told, or nothing moves any more."""
    moved_s, before = time.monotonic(), None
    while time.monotonic() - moved_s < NO_PROGRESS_S:
        state = None
        with suppress(Unavailable):
            state = results.rows(), results.seconds_in_windows(), results.undelivered()
        if state is not None and min(state[:2]) >= sent and not state[2]:
            return
        if state != before:
            moved_s, before = time.monotonic(), state
        await asyncio.sleep(2)


def _pids(stack: LocalStack, supervisor: Supervisor, ours: Mapping[str, int]) -> dict[str, int]:
    """Everybody, as of now: who has been started again has another id."""
    return {**supervisor.pids, **proc.servers(stack), **ours}


def _workers(stack: LocalStack, ports: dict[str, int]) -> list[Program]:
    workers = end_to_end.workers(stack)
    return [
        Program(
            each.name,
            each.command,
            {**each.environment, "CITYHUM_METRICS_PORT": str(ports[each.name])},
        )
        for each in workers
    ]


def _simulator(stack: LocalStack, plan: Plan, folder: Path) -> Program:
    city = ["simulate", "--light", "--devices", str(plan.devices)]
    city += ["--seconds", str(plan.readings_each), "--events", str(folder / "events.json")]
    return Program("simulate", [*programs.CITYHUM, *city], stack.addresses.device_environment())


def run(plan: Plan, folder: Path) -> dict[str, Any]:
    """Start servers of their own in a folder, and play a plan on them."""
    sites = folder / "sites.yaml"
    sites.write_text(sites_file(plan.devices), encoding="utf-8")
    os.environ["CITYHUM_SITES_FILE"] = str(sites)
    devices = registry.parse(sites.read_text(encoding="utf-8"), sites.name).site_of
    with LocalStack(folder, devices=devices, jars=stage.JARS) as stack:
        asyncio.run(programs.prepare(stack.addresses))
        return asyncio.run(loaded(stack, plan, folder))


def main() -> None:
    """Run and tell; status 1 if anything is lost or twice."""
    parser = argparse.ArgumentParser(description="a city, its broker's outage, and the burst")
    parser.add_argument("--devices", type=int, default=2000)
    parser.add_argument("--seconds", type=int, default=300, help="steady, before the outage")
    parser.add_argument("--outage", type=int, default=600, help="without a broker, s; 0: none")
    parser.add_argument("--after", type=int, default=120, help="heard on after the outage, s")
    parser.add_argument("--keep", type=Path, help="folder for logs and data, kept")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    plan = Plan(asked.devices, asked.seconds, asked.outage, asked.after)
    with stage.scratch() as scratch:
        folder = asked.keep or scratch
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            parser.error(f"{folder} is not empty: an earlier run's logs would be read")
        result = stage.surroundings("faust-streaming", "aiokafka", "psycopg", "onnxruntime")
        result |= run(plan, folder.resolve())
    sys.stdout.write((json.dumps(result) if asked.json else load_report.words(result)) + "\n")
    sys.exit(not load_report.is_clean(result))


if __name__ == "__main__":
    main()
