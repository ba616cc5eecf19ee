"""docs/scaling.md: what larger cities need, from what one machine measured.

`python -m benchmarks scaling`, after `python -m benchmarks record end_to_end`.
"""

import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.record import RESULTS
from deploy.reference.markdown import table
from processors import topic_plan
from processors.reading_days import KEEP_DAYS
from schemas.topics import FEATURES, PARTITIONS, READINGS

PAGE: Final = Path("docs/scaling.md")
CITIES: Final = (20, 2_000, 20_000, 1_000_000)
DAY_S: Final = 86_400
BUSY: Final = 0.6
"""Of a core, planned; the rest is for bursts, rebalancing and backlogs."""
CORES: Final = 16
COPIES: Final = 3
YEAR_DAYS: Final = 365
SERVERS: Final = ("mosquitto", "kafka", "postgres")
TOPICS: Final = (FEATURES, READINGS)
PLAN: Final = Path("deploy/kafka/topics.yaml")
WINDOW_TABLES: Final = ("level_window", "label_window")
UNITS: Final = ("B", "kB", "MB", "GB", "TB", "PB")
Run = Mapping[str, Any]

TEXT: Final = """\
# Scaling: how many hosts a city needs

Made by `python -m benchmarks scaling` from `docs/results/end_to_end.json`: what cities of
{measured} devices cost on one machine, all processes of the stack on it:
{source}.
What is multiplied from that is a plan, not a measurement: it assumes that cost grows with
readings, one a second and device, and nothing else. A reading gets cheaper as load grows, for a
message of Kafka then carries more of them ([benchmarks](benchmarks.md)). So each city is planned
with the prices of the largest that was measured and is not larger than it: that is on the safe
side.

## What a reading costs

With {devices} devices:

{costs}

Devices send features; with [results mode](results-mode.md) their share of `classify` is next to
nothing.

## What it takes

Cores are planned to be {busy:.0%} busy, hosts have {cores} cores. Kafka and PostgreSQL are kept
{copies} times, and each of their copies costs what one does here. Kafka keeps
{topics} (`deploy/kafka/topics.yaml`), PostgreSQL
rows of seconds for {reading_days} days and windows for a year: retention is yours to set.

{cities}

A partition is worked by one process at a time, so no processor can use more cores than there are
partitions. Every topic has {partitions} now; the number is fixed when topics are made (`cityhum
topics check` compares, every program checks at start), so a city that grows past the line above
makes its topics anew, with more.

## What gives way first

{limits}

What each step takes:

1. **More workers.** Start `cityhum work windows` (or any other) once more, on any host: partitions
   move to it while running, and nothing is counted twice ([exactly once](exactly-once.md)).
2. **More bridges**, each for some sites: `CITYHUM_BRIDGE_SITES`. Beyond one Mosquitto, one for
   each group of sites. Ticks name no site yet: while one bridge is away those of the others go on,
   and what is open at its sites ends as `signal_lost`
   ([ADR 5](adr/0005-no-ticks-while-nobody-listens.md)).
3. **PostgreSQL**: a larger host, then replicas for dashboard and API, which only read; then rows
   of seconds apart from windows, or a distributed PostgreSQL. `archive` may also be left out:
   windows and alerts do not need rows of seconds.
4. **Results mode** for devices that are strong enough: `classify` and most of Kafka's bytes go
   away.
"""


@dataclass(frozen=True)
class Costs:
    """What one reading costs.

    Attributes
    ----------
    devices : int
        That were measured.
    cpu_us : mapping
        CPU time of each process for a reading, µs.
    bytes : mapping
        On disk, of each topic and table for a reading.
    window_bytes : float
        Of windows on disk, for a reading.
    """

    devices: int
    cpu_us: Mapping[str, float]
    bytes: Mapping[str, float]
    window_bytes: float


def costs(run: Run) -> Costs:
    """Read a run of `benchmarks end_to_end`."""
    stored = run["disk_bytes"]
    return Costs(
        run["devices"],
        run["cpu_us_per_reading"],
        {name: stored.get(name, 0) / run["sent"] for name in (*TOPICS, "reading")},
        sum(stored.get(name, 0) for name in WINDOW_TABLES) / run["sent"],
    )


def costs_for(runs: Sequence[Run], devices: int) -> Costs:
    """Prices for a city: those of the largest run that is not larger, else of the smallest."""
    sizes = [run["devices"] for run in runs]
    chosen = max((n for n in sizes if n <= devices), default=min(sizes))
    return costs(runs[sizes.index(chosen)])


def cores(cost: Costs, devices: int) -> float:
    """Of all processes, planned and with every copy."""
    us = sum(us * (COPIES if n in ("kafka", "postgres") else 1) for n, us in cost.cpu_us.items())
    return devices * us * 1e-6 / BUSY


def kafka_bytes(cost: Costs, devices: int) -> float:
    """On all disks of the brokers."""
    kept = sum(days * cost.bytes[name] for name, days in kept_days().items())
    return devices * DAY_S * COPIES * kept


def kept_days() -> dict[str, int]:
    """How long Kafka keeps the topics that count."""
    planned = topic_plan.parse(PLAN.read_text(encoding="utf-8")).topics
    return {name: planned[name].retention_days or 0 for name in TOPICS}


def postgres_bytes(cost: Costs, devices: int) -> float:
    """On the disk of each copy of the database."""
    seconds = KEEP_DAYS * cost.bytes["reading"] + YEAR_DAYS * cost.window_bytes
    return devices * DAY_S * seconds


def partitions(cost: Costs, devices: int) -> int:
    """What the busiest processor needs; a partition has one process, and a process one core."""
    dearest = max(us for name, us in cost.cpu_us.items() if name not in SERVERS)
    return math.ceil(devices * dearest * 1e-6 / BUSY)


def devices_of_a_core(us: float) -> int:
    """How many devices one core serves."""
    return int(BUSY * 1e6 / us)


def page(kept: Mapping[str, Any]) -> str:
    """Markdown, from what `record` kept."""
    runs = kept["result"]["runs"]
    cost = costs_for(runs, max(CITIES))
    return TEXT.format(
        measured=" / ".join(f"{run['devices']:,}" for run in runs),
        devices=f"{cost.devices:,}",
        source=f"`{kept['command']}`, commit {kept['commit']}, {kept['at']}",
        costs="\n".join(_costs(cost)),
        busy=BUSY, cores=CORES, copies=COPIES, reading_days=KEEP_DAYS,
        topics=" and ".join(f"`{name}` for {days} days" for name, days in kept_days().items()),
        cities="\n".join(_cities(runs)),
        partitions=PARTITIONS,
        limits="\n".join(_limits(cost)),
    )  # fmt: skip


def _costs(cost: Costs) -> Iterator[str]:
    yield table(
        ("process", "CPU µs a reading", f"devices a core at {BUSY:.0%}"),
        [
            (name, f"{us:,.0f}", f"{devices_of_a_core(us):,}")
            for name, us in sorted(cost.cpu_us.items(), key=lambda pair: -pair[1])
            if us > 0
        ],
    )
    yield ""
    yield table(
        ("on disk", "bytes a reading", "a device and day"),
        [
            (name, f"{size:,.0f}", _size(size * DAY_S))
            for name, size in [*cost.bytes.items(), ("windows", cost.window_bytes)]
        ],
    )


def _cities(runs: Sequence[Run]) -> Iterator[str]:
    planned = [(costs_for(runs, n), n) for n in CITIES]
    yield table(
        ("", *(f"{devices:,} devices" for devices in CITIES)),
        [
            ("readings a second", *(f"{n:,}" for n in CITIES)),
            ("prices of a city of", *(f"{cost.devices:,}" for cost, _ in planned)),
            ("cores", *(f"{math.ceil(cores(*each)):,}" for each in planned)),
            ("hosts", *(f"{math.ceil(cores(*each) / CORES):,}" for each in planned)),
            ("partitions", *(f"{partitions(*each):,}" for each in planned)),
            ("Kafka, all disks", *(_size(kafka_bytes(*each)) for each in planned)),
            ("PostgreSQL, each copy", *(_size(postgres_bytes(*each)) for each in planned)),
        ],
    )


def _limits(cost: Costs) -> Iterator[str]:
    dearest = max((us, name) for name, us in cost.cpu_us.items() if name not in SERVERS)
    workers = {n: us for n, us in cost.cpu_us.items() if n not in (*SERVERS, "bridge") and us > 0}
    reached = [
        (PARTITIONS * devices_of_a_core(dearest[0]), f"{PARTITIONS} partitions of `{dearest[1]}`"),
        (devices_of_a_core(cost.cpu_us["bridge"]), "one bridge"),
        (devices_of_a_core(cost.cpu_us["mosquitto"]), "one Mosquitto, which uses one core"),
        (devices_of_a_core(sum(workers.values())), "one core for one worker of each processor"),
        (CORES * devices_of_a_core(cost.cpu_us["postgres"]), f"a PostgreSQL of {CORES} cores"),
    ]
    yield table(
        ("devices", "what is full then"),
        [(f"{devices:,}", what) for devices, what in sorted(reached)],
    )


def _size(octets: float) -> str:
    power = min(int(math.log10(max(octets, 1))) // 3, len(UNITS) - 1)
    return f"{octets / 1000**power:,.3g} {UNITS[power]}"


def main() -> None:
    """Write the page."""
    kept = RESULTS / "end_to_end.json"
    if not kept.exists():
        sys.exit(f"{kept} is not there: `python -m benchmarks record end_to_end` makes it")
    PAGE.write_text(page(json.loads(kept.read_text(encoding="utf-8"))), encoding="utf-8")
    sys.stdout.write(f"{PAGE}\n")


if __name__ == "__main__":
    main()
