"""docs/benchmarks.md and its pictures, from docs/results: `python -m benchmarks page`."""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.bars import Bar, bars_svg
from benchmarks.record import RESULTS
from deploy.reference.markdown import table

PAGE: Final = Path("docs/benchmarks.md")
PICTURES: Final = Path("docs/pictures")
OURS: Final = "cityhum"
_EVERY: Final = 6
"""Of a load's samples, ten seconds apart, one in so many is shown."""

Kept = Mapping[str, Any]

OPENING: Final = """\
# Benchmarks

Made by `python -m benchmarks page` from `docs/results/`, where `python -m benchmarks record` puts
what each benchmark prints, with its command, commit, machine and versions. All of a chapter run in
one command on the same machine, two cores for clients, brokers, database and contenders together:
ratios mean more than figures. Ours in blue. What hearing is worth: [hearing](hearing.md),
[sirens](sirens.md); what the costs mean for larger cities: [scaling](scaling.md).
"""


def page(kept: Mapping[str, Kept]) -> tuple[str, dict[str, str]]:
    """Write the page; what has not been recorded is left out.

    Parameters
    ----------
    kept : mapping
        What `record` keeps, by benchmark.

    Returns
    -------
    tuple of str and dict
        Markdown, and SVG by the name of its file.
    """
    chapters = {
        "model": _model,
        "bridge": _bridge,
        "classify": _classify,
        "window_peers": _windows,
        "sink": _sink,
        "replay": _replay,
        "end_to_end": _end_to_end,
        "load": _load,
        "faults": _faults,
    }
    parts = [OPENING]
    pictures: dict[str, str] = {}
    for name, chapter in chapters.items():
        if name in kept:
            heading, *lines = chapter(kept[name]["result"], pictures)
            parts.append("\n".join([heading, "", _source(kept[name]), "", *lines, ""]))
    return "\n".join(parts), pictures


def _source(kept: Kept) -> str:
    return f"`{kept['command']}`, commit {kept['commit']}, {kept['at']}"


def _model(result: Kept, pictures: dict[str, str]) -> Iterator[str]:
    models = result["models"]
    pictures["benchmark-model.svg"] = bars_svg(
        "A second of sound, front end included, one core",
        "ms",
        [Bar(n, m["second_ms"], n.startswith("street")) for n, m in models.items()],
    )
    yield "## Models"
    yield from _picture("benchmark-model.svg")
    yield _table(
        ("model", "patches/s, one by one", "patches/s, 64 at once", "ms for a second of sound"),
        (
            (n, m["patches_per_s_alone"], m["patches_per_s_of_64"], m["second_ms"])
            for n, m in models.items()
        ),
    )


def _bridge(result: Kept, pictures: dict[str, str]) -> Iterator[str]:
    rows = [
        (name, run, when)
        for name, runs in result["runs"].items()
        for run, when in [
            *((run, "undisturbed") for run in runs["undisturbed"]),
            (runs["killed_halfway"], "killed halfway"),
        ]
    ]
    pictures["benchmark-bridge.svg"] = bars_svg(
        "Bridge, to the last acknowledgement, undisturbed",
        "messages/s",
        [Bar(n, run["per_s"], n == OURS) for n, run, when in rows if when == "undisturbed"],
    )
    yield "## Bridge"
    yield from _picture("benchmark-bridge.svg")
    yield _table(
        (
            *("bridge", "run", "messages/s", "p99 ms", "CPU µs a message"),
            *("acknowledged, yet lost", "never acknowledged", "twice in Kafka"),
        ),
        (
            (
                *(name, when, run["per_s"], run["p99_ms"], run["cpu_us_per_message"]),
                *(run["acknowledged_but_lost"], run["never_acknowledged"]),
                run["duplicates_in_kafka"],
            )
            for name, run, when in rows
        ),
    )


def _classify(result: Kept, pictures: dict[str, str]) -> Iterator[str]:
    yield "## Classify"
    for number, (model, runs) in enumerate(_lists(result)):
        bare = next(run["per_s"] for run in runs if run["name"] == "bare onnxruntime")
        picture = f"benchmark-classify-{number}.svg"
        pictures[picture] = bars_svg(
            f"Classify with {model}", "readings/s", [_bar(run) for run in runs]
        )
        yield from _picture(picture)
        yield _table(
            ("who", "readings/s", "of bare", "CPU µs a reading", "p50 ms", "p99 ms"),
            (
                (
                    *(run["name"], run["per_s"], f"{run['per_s'] / bare:.2f}"),
                    *map(run.get, ("cpu_us_per_reading", "trickle_p50_ms", "trickle_p99_ms")),
                )
                for run in runs
            ),
        )


def _windows(result: Kept, pictures: dict[str, str]) -> Iterator[str]:
    yield "## Windows"
    for size in dict.fromkeys(run["batch"] for run in result["undisturbed"]):
        picture = f"benchmark-windows-{size}.svg"
        pictures[picture] = bars_svg(
            f"Ten-second windows, {size} readings a message",
            "readings per CPU second",
            [
                Bar(run["name"], run["per_cpu_s"] or 0, run["name"].startswith(OURS))
                for run in result["undisturbed"]
                if run["batch"] == size
            ],
        )
        yield from _picture(picture)
    names = ("batch", "per_s", "per_cpu_s", "windows", "wrong", "missing", "duplicate_outputs")
    yield _table(
        ("who", "run", *(name.replace("_", " ") for name in names)),
        (
            (run["name"], when, *map(run.get, names))
            for when in ("undisturbed", "killed twice")
            for run in result[when]
        ),
    )


def _sink(result: Kept, pictures: dict[str, str]) -> Iterator[str]:
    ways = result["ways"]
    pictures["benchmark-sink.svg"] = bars_svg(
        "Rows into PostgreSQL",
        "rows/s",
        [Bar(n, w["rows_per_s"], OURS in n) for n, w in ways.items()],
    )
    yield "## Rows into PostgreSQL"
    yield from _picture("benchmark-sink.svg")


def _replay(result: Kept, _pictures: dict[str, str]) -> Iterator[str]:
    yield "## Replay of a past day"
    yield _table(("figure", "value"), _flat(result))


def _end_to_end(result: Kept, pictures: dict[str, str]) -> Iterator[str]:
    yield "## From a sound to its row and its alert"
    runs = result["runs"]
    yield _table(
        ("devices", "lost", "twice", "stored p50 s", "p99 s", "alert p50 s", "p99 s", "restarts"),
        (
            (
                *(run["devices"], run["lost"], run["duplicated"]),
                *(run["stored_delay_s"][name] for name in ("p50", "p99")),
                *((run["alert_delay_s"] or {}).get(name) for name in ("p50", "p99")),
                sum(run["restarts"].values()),
            )
            for run in runs
        ),
    )
    yield ""
    yield _table(
        ("CPU µs a reading", *(f"{run['devices']} devices" for run in runs)),
        (
            (name, *(run["cpu_us_per_reading"].get(name) for run in runs))
            for name in runs[0]["cpu_us_per_reading"]
        ),
    )
    largest = runs[-1]["cpu_us_per_reading"]
    pictures["benchmark-cpu.svg"] = bars_svg(
        f"CPU time of a reading, {runs[-1]['devices']} devices", "µs",
        [Bar(name, value, ours=True) for name, value in largest.items()],
    )  # fmt: skip
    yield from _picture("benchmark-cpu.svg")


def _load(result: Kept, _pictures: dict[str, str]) -> Iterator[str]:
    yield "## A city at work, ten minutes without its broker, the burst"
    told = ("sent", "stored", "lost", "twice", "steady", "burst", "restarts")
    yield _table(("figure", "value"), _flat({name: result[name] for name in told}))
    phases = result["use"]
    yield ""
    yield _table(
        ("part of a core; MB", *phases, "CPU µs a reading"),
        (
            (name, *(_used(by.get(name)) for by in phases.values()), cpu_us)
            for name, cpu_us in result["cpu_us_per_reading"].items()
        ),
    )
    yield ""
    yield _table(
        ("s", "readings at devices", "in Kafka"),
        ((at["s"], at["at_devices"], at["in_kafka"]) for at in result["backlog"][::_EVERY]),
    )


def _used(use: Kept | None) -> str:
    if use is None:
        return ""
    memory = "" if use["memory_mb"] is None else f"; {use['memory_mb']:.0f}"
    return f"{use['core_share']:.0%}{memory}"


def _faults(result: Kept, _pictures: dict[str, str]) -> Iterator[str]:
    yield "## Everything killed at random"
    yield _table(("figure", "value"), _flat(result))


def _flat(result: Kept) -> Iterator[tuple[str, Any]]:
    for name, value in result.items():
        if isinstance(value, Mapping) and value:
            yield from ((f"{name}: {inner}", worth) for inner, worth in _flat(value))
        elif not isinstance(value, list):
            yield name.replace("_", " "), value or (value if value == 0 else "none")


def _lists(result: Kept) -> Iterator[tuple[str, Sequence[Kept]]]:
    return ((name, value) for name, value in result.items() if isinstance(value, list))


def _bar(run: Kept) -> Bar:
    return Bar(run["name"], run["per_s"], run["name"].startswith(OURS))


def _picture(name: str) -> tuple[str, str, str]:
    return "", f"![{name.removesuffix('.svg')}](pictures/{name})", ""


def _table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    return table(headers, (list(map(_cell, row)) for row in rows))


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int | float) else str(value)


def main() -> None:
    """Write the page and its pictures."""
    kept = {
        path.stem: json.loads(path.read_text(encoding="utf-8")) for path in RESULTS.glob("*.json")
    }
    text, pictures = page(kept)
    PAGE.write_text(text, encoding="utf-8")
    for name, picture in pictures.items():
        (PICTURES / name).write_text(picture, encoding="utf-8")
    sys.stdout.write(f"{PAGE}: {len(pictures)} pictures of {len(kept)} results\n")


if __name__ == "__main__":
    main()
