"""Does killing anything change the record? `python -m benchmarks faults [--kills 30] [--json]`.

One recording is sent twice through the whole stack at twenty times real time: undisturbed, and
with the bridge, the processors and the servers killed at random. Nothing may be lost or stored
twice, and what was concluded must be the same.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random, SystemRandom
from tempfile import TemporaryDirectory
from typing import Any, Final, TypeVar

from benchmarks.faults_record import Record, differences, ended, read_record
from benchmarks.rehearsal import RECORDED_AT, Recording, play, recorded
from deploy.local import programs
from deploy.local.results import Results
from deploy.local.stack import LocalStack
from deploy.local.supervise import Program, Supervisor
from processors import registry
from schemas.errors import Unavailable

JARS: Final = Path(".local/kafka")
SITES: Final = Path("deploy/sites.yaml")
WORKERS: Final = ("bridge", *programs.PROCESSORS)
RATE: Final = 20.0
BEGINS_IN_S: Final = 20.0
FOLDS: Final = ("windows", "alerts", "archive")
SETTLED_WITHIN_S: Final = 180.0
READY_WITHIN_S: Final = 120.0
DOWN_S: Final = (0.2, 2.0)
_LOOK_S: Final = 0.1

Result = TypeVar("Result")


async def torment(
    stack: LocalStack, supervisor: Supervisor, kills: int, every_s: float, chance: Random
) -> Counter[str]:
    """Kill workers and servers at random, servers starting again after a moment.

    Parameters
    ----------
    stack : LocalStack
        The servers.
    supervisor : Supervisor
        Of the workers; starts them again by itself.
    kills : int
        How many.
    every_s : float
        Mean time between two, s.
    chance : Random
        Says what and when.

    Returns
    -------
    Counter
        How often each was killed.
    """
    done: Counter[str] = Counter()
    for _ in range(kills):
        await asyncio.sleep(every_s * chance.uniform(0.5, 1.5))
        name = chance.choice([*WORKERS, *stack.servers])
        if name in WORKERS:
            await _kill(supervisor, name)
        else:
            server = stack.servers[name]
            await asyncio.to_thread(server.kill)
            await asyncio.sleep(chance.uniform(*DOWN_S))
            await asyncio.to_thread(server.start)
        done[name] += 1
    return done


async def _kill(supervisor: Supervisor, name: str) -> None:
    """Kill a worker; one that is about to be started again, as soon as it runs."""
    async with asyncio.timeout(READY_WITHIN_S):
        while True:
            with suppress(KeyError, ProcessLookupError):
                os.kill(supervisor.pids[name], signal.SIGKILL)
                return
            await asyncio.sleep(_LOOK_S)


@dataclass(frozen=True)
class Scene:
    """A stack at work on a recording, whose devices keep their spools in a folder."""

    stack: LocalStack
    supervisor: Supervisor
    spools: Path


Disturb = Callable[[Scene], Awaitable[Result]]
Settled = Callable[[LocalStack, Recording], Awaitable[Record]]


async def rehearse(
    recording: Recording,
    folder: Path,
    rate: float,
    disturb: Disturb[Result],
    settled: Settled | None = None,
) -> tuple[Record, Result]:
    """Send a recording through a stack of its own, and disturb it meanwhile.

    Parameters
    ----------
    recording : Recording
        What is sent.
    folder : Path
        For data, logs and spools.
    rate : float
        Times real time.
    disturb : callable
        What is done to the stack; begins with the recording.
    settled : callable, optional
        Waits until there is nothing more to come; by default until all is stored and delivered.

    Returns
    -------
    tuple of Record and Result
        What was concluded, and what `disturb` says.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = registry.parse(SITES.read_text(encoding="utf-8"), SITES.name).site_of
    stack = LocalStack(folder, devices=names, jars=JARS)
    stack.start()
    try:
        await programs.prepare(stack.addresses)
        began_at = datetime.now(UTC) + timedelta(seconds=BEGINS_IN_S)
        workers = [_rehearsing(each, began_at, rate) for each in _workers(stack)]
        async with Supervisor(workers, folder / "log") as supervisor:
            await _until_ready(stack, began_at)
            scene = Scene(stack, supervisor, folder / "spools")
            playing = asyncio.create_task(
                play(recording, stack.addresses, scene.spools, rate, began_at)
            )
            done = await disturb(scene)
            await playing
            return await (settled or all_settled)(stack, recording), done
    finally:
        await asyncio.to_thread(stack.stop)
        place = folder / "postgres"
        if place.is_symlink() and not place.resolve().is_mount():  # else it goes with the folder
            stack.postgres.remove()


async def _until_ready(stack: LocalStack, began_at: datetime) -> None:
    """Wait for the beginning; by then ticks must have come through to every fold."""
    await asyncio.sleep((began_at - datetime.now(UTC)).total_seconds())
    with closing(Results(stack.addresses)) as results:
        since = began_at - timedelta(seconds=BEGINS_IN_S)
        async with asyncio.timeout(READY_WITHIN_S):
            while not results.ready(FOLDS, since):  # noqa: ASYNC110  # other processes do the work
                await asyncio.sleep(0.5)


def _workers(stack: LocalStack) -> Sequence[Program]:
    bridge = [*programs.CITYHUM, "bridge"]
    return [
        Program("bridge", bridge, stack.addresses.environment("bridge")),
        *(programs.processor(stack.addresses, name) for name in programs.PROCESSORS),
    ]


def _rehearsing(program: Program, began_at: datetime, rate: float) -> Program:
    played = {
        "CITYHUM_REHEARSAL_RATE": str(rate),
        "CITYHUM_REHEARSAL_BEGAN_AT": began_at.isoformat(),
        "CITYHUM_REHEARSAL_SHOWS": RECORDED_AT.isoformat(),
    }
    return Program(program.name, program.command, {**program.environment, **played})


async def all_settled(stack: LocalStack, recording: Recording) -> Record:
    """Wait until everything is stored, folded, ended and delivered, or for long enough."""
    record = await read_record(stack)
    with suppress(TimeoutError):
        async with asyncio.timeout(SETTLED_WITHIN_S):
            while not record.is_settled(recording.readings):
                await asyncio.sleep(1)
                with suppress(Unavailable):
                    record = await read_record(stack)
    return record


async def left_alone(_: Scene) -> None:
    """Disturb nothing."""


async def faults(
    folder: Path, devices: int, seconds: int, kills: int, seed: int, rate: float
) -> dict[str, Any]:
    """Both runs, compared."""
    names = [f"pole-{n:02d}" for n in range(1, devices + 1)]
    recording = recorded(seed, names, seconds)
    every_s = seconds / rate / (kills + 1)

    async def tormented(scene: Scene) -> Counter[str]:
        chance = Random(seed)  # noqa: S311
        return await torment(scene.stack, scene.supervisor, kills, every_s, chance)

    calm, _ = await rehearse(recording, folder / "calm", rate, left_alone)
    told, done = await rehearse(recording, folder / "killed", rate, tormented)
    return {
        "seed": seed,
        "rate": rate,
        "kills": dict(done),
        "sent": recording.readings,
        "lost": recording.readings - told.distinct_readings,
        "duplicated": told.stored_readings - told.distinct_readings,
        "windows": len(told.tables["level_window"]),
        "alerts": len(told.tables["alert"]),
        "undelivered": told.undelivered,
        "delivered_twice": told.delivered_twice,
        "unknown_ids": told.unknown_ids,
        "missing_ids": told.missing_ids,
        "dead_letters": told.dead_letters,
        "different": differences(*(ended(run, recording.until) for run in (calm, told))),
        "undisturbed_lost": recording.readings - calm.distinct_readings,
    }


def unclean(result: dict[str, Any]) -> dict[str, Any]:
    """What was lost, doubled or changed."""
    counts = ("lost", "duplicated", "undelivered", "unknown_ids", "missing_ids", "dead_letters")
    told = (*counts, "different", "undisturbed_lost")
    return {name: result[name] for name in told if result[name]}


def main() -> None:
    """Run both and print what came of it."""
    parser = argparse.ArgumentParser(description="does killing anything change the record?")
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--devices", type=int, default=20)
    parser.add_argument("--seconds", type=int, default=3000, help="length of the recording")
    parser.add_argument("--rate", type=float, default=RATE, help="times real time")
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(10**6))
    parser.add_argument("--keep", type=Path, help="folder for logs and data, kept")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    sys.stderr.write(f"seed {asked.seed}\n")
    with TemporaryDirectory() as scratch:
        folder = asked.keep or Path(scratch)
        result = asyncio.run(
            faults(folder, asked.devices, asked.seconds, asked.kills, asked.seed, asked.rate)
        )
    lines = [f"{name:18} {value}" for name, value in result.items()]
    sys.stdout.write((json.dumps(result) if asked.json else "\n".join(lines)) + "\n")
    sys.exit(bool(unclean(result)))


if __name__ == "__main__":
    main()
