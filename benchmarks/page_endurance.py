"""Chapters of docs/benchmarks.md on what is kept, whatever happens."""

from collections.abc import Iterator
from typing import Final

from benchmarks import page_parts as parts
from benchmarks.page_parts import Kept

_EVERY: Final = 6
"""Of a load's samples, ten seconds apart, one in so many is shown."""


def replay(result: Kept, _pictures: dict[str, str]) -> Iterator[str]:
    """A past day again."""
    yield "## Replay of a past day"
    yield parts.table(("figure", "value"), parts.flat(result))


def load(result: Kept, _pictures: dict[str, str]) -> Iterator[str]:
    """A load by phase and in time."""
    yield "## A city at work, ten minutes without its broker, the burst"
    counts = ("sent", "stored", "lost", "twice", "undelivered")
    sirens = ("sirens", "sirens_not_alerted", "sirens_alerted_twice")
    told = (*counts, *sirens, "steady", "burst", "restarts")
    kept = {name: result[name] for name in told if name in result}
    yield parts.table(("figure", "value"), parts.flat(kept))
    phases = result["use"]
    yield ""
    yield parts.table(
        ("part of a core; MB", *phases, "CPU µs a reading"),
        (
            (name, *(_used(by.get(name)) for by in phases.values()), cpu_us)
            for name, cpu_us in result["cpu_us_per_reading"].items()
        ),
    )
    yield ""
    yield parts.table(
        ("s", "readings at devices", "in Kafka"),
        ((at["s"], at["at_devices"], at["in_kafka"]) for at in result["backlog"][::_EVERY]),
    )


def _used(use: Kept | None) -> str:
    if use is None:
        return ""
    memory = "" if use["memory_mb"] is None else f"; {use['memory_mb']:.0f}"
    return f"{use['core_share']:.0%}{memory}"


def faults(result: Kept, _pictures: dict[str, str]) -> Iterator[str]:
    """What kills have changed."""
    yield "## Everything killed at random"
    yield parts.table(("figure", "value"), parts.flat(result))


def disasters(result: Kept, _pictures: dict[str, str]) -> Iterator[str]:
    """What each disaster has changed."""
    yield "## Servers destroyed, disks full, a database that stands still"
    told = ("ok", "lost", "named", "duplicated", "undelivered", "told_again", "dead_letters")
    yield parts.table(
        ("what happened", *(name.replace("_", " ") for name in told), "rows that differ"),
        (
            (name.replace("_", " "), *map(one.get, told), one.get("skipped") or _where(one))
            for name, one in result["disasters"].items()
        ),
    )


def _where(one: Kept) -> str:
    return ", ".join(one["different"]) or "none"


def fuzz(result: Kept, _pictures: dict[str, str]) -> Iterator[str]:
    """Where mutated messages went."""
    yield "## Mutated messages"
    counts = ("sent", "forwarded", "dead_letters", "refused_by_the_broker", "missing")
    yield parts.table(
        ("through", *(name.replace("_", " ") for name in counts), "most frames in a second"),
        (
            (name, *(_total(one[count]) for count in counts), one["most_frames_in_a_second"])
            for name, one in result.items()
        ),
    )


def _total(counted: Kept | int) -> int:
    return counted if isinstance(counted, int) else sum(counted.values())


def pages(result: Kept, _pictures: dict[str, str]) -> Iterator[str]:
    """How long pages take."""
    yield f"## Pages of a month, {result['readings']:,} readings"
    columns = ("page", "span", "visits", "median_s", "p95_s")
    yield parts.table(
        [name.replace("_", " ") for name in columns],
        (list(map(one.get, columns)) for one in result["pages"]),
    )
