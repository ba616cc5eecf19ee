"""How fast is a past day replayed, and is it the same each time? Three replays of one log.

Run: `python -m benchmarks replay [--json] [--hours 24] [--devices 20] [--jobs 1]`. A private Kafka
holds a day of rendered streets (`replay_record`), a private PostgreSQL takes the shadows. The day
is replayed twice by `cityhum replay`, all hashes are compared, and once more under another rule,
whose alerts are compared with those of the first.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from benchmarks import replay_record
from benchmarks.stage import SITES, staged, surroundings
from deploy.local.programs import least
from deploy.local.stack import LocalStack
from processors import registry
from processors.adapters import replay_catalog, replay_compare, replay_tables
from processors.settings import ProcessorSettings

_STRICTER: Final = """
rules:
  - {rule: siren, label: siren, on_score: 800, off_score: 650, on_seconds: 5, of_seconds: 6,
     off_seconds: 2, cooldown_s: 0, max_duration_s: 600}
"""
_PACKAGES: Final = ("aiokafka", "msgspec", "numpy", "psycopg", "pydantic")


def measure(hours: float, devices: int, jobs: int) -> dict[str, Any]:
    """Write a log, replay it three times.

    Parameters
    ----------
    hours : float
        Length of the log.
    devices : int
        How many speak.
    jobs : int
        Processes of a replay.

    Returns
    -------
    dict
        Machine, what was replayed, speed of each run, hashes and differences.
    """
    seconds = round(hours * 3600)
    figures = surroundings(*_PACKAGES) | {"hours": hours, "devices": devices}
    speaking = replay_record.voices(registry.parse(SITES.read_text(encoding="utf-8")), devices)
    with staged() as stack:
        settings = _settings(stack)
        began = time.monotonic()
        records = asyncio.run(replay_record.write(settings, speaking, seconds))
        figures |= {"readings": seconds * devices, "records": records, "jobs": jobs}
        figures["written_in_s"] = round(time.monotonic() - began, 1)
        rules = Path(stack.addresses.secrets).parent / "stricter.yaml"
        rules.write_text(_STRICTER, encoding="utf-8")
        runs = {
            name: _replayed(stack, name, seconds, jobs, more)
            for name, more in (("one", ()), ("two", ()), ("stricter", ("--rules", str(rules))))
        }
        return figures | {"runs": runs} | asyncio.run(_compared(settings))


def _settings(stack: LocalStack) -> ProcessorSettings:
    environment = least(stack.addresses, "replay")
    return ProcessorSettings.model_validate(
        {name.removeprefix("CITYHUM_").lower(): value for name, value in environment.items()}
    )


def _replayed(
    stack: LocalStack, name: str, seconds: int, jobs: int, more: tuple[str, ...]
) -> dict[str, Any]:
    end = replay_record.BEGAN_AT + timedelta(seconds=seconds)
    span = ["--from", replay_record.BEGAN_AT.isoformat(), "--to", end.isoformat()]
    command = [*(sys.executable, "-m", "cityhum", "replay", *span, "--into", name, "--json")]
    began = time.monotonic()
    done = subprocess.run(
        [*command, "--jobs", str(jobs), *more],
        env={**os.environ, **least(stack.addresses, "replay")},
        stdout=subprocess.PIPE,
        check=True,
    )
    whole_s = time.monotonic() - began
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures | {"with_start_and_end_s": round(whole_s, 2)}


async def _compared(settings: ProcessorSettings) -> dict[str, Any]:
    async with replay_catalog.opened(settings, "one") as connection:
        one = (await replay_catalog.entry_of(connection, "one")).asked
        hashes = [
            await replay_tables.hashes(connection, replay_catalog.schema_of(name), one)
            for name in ("one", "two")
        ]
        found = await replay_compare.compared(
            connection, one.model_copy(update={"name": "stricter"}), live="replay_one"
        )
    return {
        "identical": hashes[0] == hashes[1],
        "hashes": hashes[0],
        "stricter_rule": found.alerts.counts(),
        "windows_changed": {name: diff.changed for name, diff in found.windows.items()},
    }


def main() -> None:
    """Print the figures, one a line or as one JSON object; status 1 if two replays differ."""
    parser = argparse.ArgumentParser(description="replay of a day")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--hours", type=float, default=24)
    parser.add_argument("--devices", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=1)
    arguments = parser.parse_args()
    figures = measure(arguments.hours, arguments.devices, arguments.jobs)
    lines = [f"{name:18} {value}" for name, value in figures.items()]
    sys.stdout.write((json.dumps(figures) if arguments.json else "\n".join(lines)) + "\n")
    sys.exit(not figures["identical"])


if __name__ == "__main__":
    main()
