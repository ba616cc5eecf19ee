"""Is any reading ever lost? Brokers cut, agents killed, disks filled; and how a backlog drains.

Run: `python -m benchmarks.outage faults [--kills 50] [--seed N] [--json]` and
`python -m benchmarks.outage backlog [--readings 259200] [--json]`, both against a Mosquitto, a
Kafka and a bridge of their own. Figures are in docs/store-and-forward.md.
"""

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from random import Random, SystemRandom
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.outage_backlog import backlog
from benchmarks.outage_stage import Arrivals, Device, Identity, servers
from schemas.base import SeqRange

CUTS: Final = 0.3
"""So often the broker is cut before the device is killed."""
_FILLED_S: Final = 9.0


async def torment(device: Device, kills: int, chance: Random) -> dict[str, int]:
    """Kill a device at random points, cut its broker, fill its disk; then let it drain.

    Parameters
    ----------
    device : Device
        Its folder empty, its broker running.
    kills : int
        How often it is killed.
    chance : Random
        Says when, and how often the broker is cut.

    Returns
    -------
    dict of str to int
        What was done: kills, cuts, fills.
    """
    done = {"kills": 0, "cuts": 0, "fills": 0}
    for number in range(kills):
        process = await device.start(number)
        await asyncio.sleep(chance.uniform(0, 1))
        if chance.random() < CUTS:
            await asyncio.to_thread(chance.choice([device.broker.kill, device.broker.stop]))
            await asyncio.sleep(chance.uniform(0, 1))
            done["cuts"] += 1
        process.kill()
        await process.wait()
        done["kills"] += 1
        if not device.broker.running:
            await asyncio.to_thread(device.broker.start)
    process = await device.start(kills, "--at-once", "20", "--drain")
    await asyncio.to_thread(device.broker.stop)
    process.send_signal(signal.SIGUSR1)
    await asyncio.sleep(_FILLED_S)
    process.send_signal(signal.SIGUSR2)
    done["fills"] += 1
    await asyncio.to_thread(device.broker.start)
    await asyncio.sleep(1)
    process.terminate()
    await process.wait()
    return done


def judged(
    heard: set[Identity], arrived: Mapping[Identity, object], dropped: Iterable[SeqRange]
) -> dict[str, int]:
    """Every reading heard must have arrived or be listed as dropped."""
    told = {
        (each.session, seq)
        for each in dropped
        for seq in range(each.first_seq, each.first_seq + each.count)
    }
    return {
        "heard": len(heard),
        "arrived": len(arrived),
        "dropped": len(told - arrived.keys()),
        "missing": len(heard - arrived.keys() - told),
    }


async def faults(folder: Path, kills: int, seed: int) -> dict[str, int]:
    """Torment a device before a real bridge and Kafka; nothing heard may be missing."""
    state = folder / "device"
    state.mkdir()
    async with servers(folder) as (broker, kafka):
        device = Device(state, broker)
        done = await torment(device, kills, Random(seed))  # noqa: S311
        async with Arrivals(kafka) as arrivals:
            await arrivals.read(3)
            result = judged(device.heard, arrivals.readings, arrivals.dropped)
            return {"seed": seed, **done, **result, "repeated": arrivals.repeated}


def is_clean(result: Mapping[str, float]) -> bool:
    """Whether nothing is missing, everything came in its order, and what was new did not wait."""
    return not any(result.get(name) for name in ("missing", "out_of_order", "live_late"))


def main() -> None:
    """Run one of both and print what came of it."""
    parser = argparse.ArgumentParser(description="what outages cost")
    commands = parser.add_subparsers(dest="command", required=True)
    tormenting = commands.add_parser("faults")
    tormenting.add_argument("--kills", type=int, default=50)
    tormenting.add_argument("--seed", type=int, default=SystemRandom().randrange(10**6))
    draining = commands.add_parser("backlog")
    draining.add_argument("--readings", type=int, default=72 * 3600)
    for command in (tormenting, draining):
        command.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with TemporaryDirectory() as folder:
        if arguments.command == "faults":
            sys.stderr.write(f"seed {arguments.seed}\n")
            result: Mapping[str, float] = asyncio.run(
                faults(Path(folder), arguments.kills, arguments.seed)
            )
        else:
            result = asyncio.run(backlog(Path(folder), arguments.readings))
    lines = [f"{name:16} {value}" for name, value in result.items()]
    sys.stdout.write((json.dumps(result) if arguments.json else "\n".join(lines)) + "\n")
    sys.exit(not is_clean(result))


if __name__ == "__main__":
    main()
