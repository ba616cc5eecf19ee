"""Does a disaster change the record? `python -m benchmarks disaster [NAME …] [--json]`.

One recording is sent through the whole stack undisturbed, and once for each disaster: a destroyed
PostgreSQL restored from its backup, a Kafka or Mosquitto that comes back empty, full disks, a
database that stands still. Rows must be the same, reading by reading; where the log itself is lost,
what was nowhere else must be named, and nothing else may be gone.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from benchmarks import disaster_disks
from benchmarks.disaster_judging import judged
from benchmarks.disaster_scenes import DISASTERS, Disaster, Facts, cityhum
from benchmarks.faults import FOLDS, Scene, left_alone, rehearse
from benchmarks.faults_record import Record, ended, read_record
from benchmarks.rehearsal import RECORDED_AT, Recording, recorded
from deploy.local.results import Results
from deploy.local.stack import LocalStack
from schemas.errors import Unavailable

RATE: Final = 20.0
SEED: Final = 1
_QUIET_LOOKS: Final = 15
"""More than a consumer group takes to find itself again in an empty Kafka."""
_UNTOLD_LOOKS: Final = round(900 / RATE) + 5
"""Larger windows are told early once the clock has passed the quarter of an hour."""
_LOOKS: Final = 180


async def until_quiet(stack: LocalStack, _: Recording) -> Record:
    """Wait until nothing changes: where readings never come, nobody knows how many.

    Nor does anything change while nothing gets through, so ticks must have come to every fold.
    """
    record, seen, since = await read_record(stack), 0, datetime.now(UTC)
    with closing(Results(stack.addresses)) as results:
        for _look in range(_LOOKS):
            await asyncio.sleep(1)
            with suppress(Unavailable):
                now = await read_record(stack)
                if now != record:
                    record, seen, since = now, 0, datetime.now(UTC)
                seen += 1
                owed = record.open_alerts or record.undelivered
                told = now.folded_readings == now.distinct_readings
                quiet = seen > (_QUIET_LOOKS if told else _UNTOLD_LOOKS)
                if quiet and not owed and results.ready(FOLDS, since):
                    break
    return record


async def survived(
    disaster: Disaster, recording: Recording, folder: Path, rate: float
) -> tuple[Record, Facts, Mapping[str, int]]:
    """What is recorded after a disaster, what happened, and the readings named as missing."""
    named: dict[str, int] = {}

    async def settled(stack: LocalStack, heard: Recording) -> Record:
        record = await until_quiet(stack, heard)
        reader = stack.addresses.environment(postgres_role="cityhum_reader")
        span = ("--from", RECORDED_AT.isoformat())
        _, said = await cityhum(reader, "gaps", *span, "--json")
        for kind, missing in json.loads(said).items():
            named[kind] = sum(one["count"] for one in missing)
        return record

    async def happens(scene: Scene) -> Facts:
        return await disaster.happens(scene, recording.seconds / rate)

    with disaster.mounted(folder):
        record, facts = await rehearse(recording, folder, rate, happens, settled)
    return ended(record, recording.until), facts, named


async def disasters(
    chosen: Sequence[Disaster], folder: Path, devices: int, seconds: int, rate: float
) -> dict[str, Any]:
    """Every disaster, compared with a run in which nothing happens."""
    recording = recorded(SEED, [f"pole-{n:02d}" for n in range(1, devices + 1)], seconds)
    no_disk = disaster_disks.why_not()
    calm, _ = await rehearse(recording, folder / "calm", rate, left_alone)
    calm = ended(calm, recording.until)
    results: dict[str, Any] = {}
    for one in chosen:
        if one.disk and no_disk:
            results[one.name] = {"ok": None, "skipped": no_disk}
            continue
        told = await survived(one, recording, folder / one.name, rate)
        results[one.name] = judged(one, calm, *told)
        sys.stderr.write(f"{one.name}: {json.dumps(results[one.name])}\n")
    return {
        "sent": recording.readings,
        "rate": rate,
        "undisturbed_lost": recording.readings - calm.distinct_readings,
        "alerts": len(calm.tables["alert"]),
        "windows": len(calm.tables["level_window"]),
        "disasters": results,
    }


def is_clean(result: dict[str, Any]) -> bool:
    """Whether everything that could be kept was kept, and the rest named, wherever it was tried."""
    all_ok = all(one["ok"] for one in result["disasters"].values() if "skipped" not in one)
    return all_ok and not result["undisturbed_lost"]


def not_tried(result: dict[str, Any]) -> dict[str, str]:
    """Disasters that could not happen here, and why."""
    told = result["disasters"].items()
    return {name: one["skipped"] for name, one in told if "skipped" in one}


def status_of(result: dict[str, Any], asked: Sequence[str]) -> int:
    """Status to exit with: not 0 either if a disaster that was asked for by name was not tried."""
    return int(not is_clean(result) or not not_tried(result).keys().isdisjoint(asked))


def main() -> None:
    """Let everything happen, and print what came of it."""
    names = {one.name: one for one in DISASTERS}
    parser = argparse.ArgumentParser(description="does a disaster change the record?")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(names))
    parser.add_argument("--devices", type=int, default=20)
    parser.add_argument("--seconds", type=int, default=1200, help="length of the recording")
    parser.add_argument("--rate", type=float, default=RATE, help="times real time")
    parser.add_argument("--keep", type=Path, help="folder for logs and data, kept")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    if unknown := set(asked.names) - names.keys():
        parser.error(f"no {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    chosen = [names[name] for name in asked.names] or list(DISASTERS)
    with TemporaryDirectory() as scratch:
        folder = asked.keep or Path(scratch)
        result = asyncio.run(disasters(chosen, folder, asked.devices, asked.seconds, asked.rate))
    sys.stdout.write(json.dumps(result, indent=None if asked.json else 1) + "\n")
    if skipped := [f"{name} ({why})" for name, why in not_tried(result).items()]:
        sys.stderr.write(f"not tried: {', '.join(skipped)}\n")
    sys.exit(status_of(result, asked.names))


if __name__ == "__main__":
    main()
