"""Chapters of docs/benchmarks.md on speed, with pictures."""

from collections.abc import Iterator, Sequence

from benchmarks import page_parts as parts
from benchmarks.bars import Bar, bars_svg
from benchmarks.page_parts import Kept


def model(result: Kept, pictures: dict[str, str]) -> Iterator[str]:
    """Models beside each other."""
    models = result["models"]
    pictures["benchmark-model.svg"] = bars_svg(
        "A second of sound, front end included, one core",
        "ms",
        [Bar(n, m["second_ms"], n.startswith("street")) for n, m in models.items()],
    )
    yield "## Models"
    yield from parts.picture("benchmark-model.svg")
    yield parts.table(
        ("model", "patches/s, one by one", "patches/s, 64 at once", "ms for a second of sound"),
        (
            (n, m["patches_per_s_alone"], m["patches_per_s_of_64"], m["second_ms"])
            for n, m in models.items()
        ),
    )


def bridge(result: Kept, pictures: dict[str, str]) -> Iterator[str]:
    """The bridge beside a plain loop, undisturbed and killed."""
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
        [Bar(n, run["per_s"], n == parts.OURS) for n, run, when in rows if when == "undisturbed"],
    )
    yield "## Bridge"
    yield from parts.picture("benchmark-bridge.svg")
    yield parts.table(
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


def classify(result: Kept, pictures: dict[str, str]) -> Iterator[str]:
    """Classifying beside others, by model."""
    yield "## Classify"
    for number, (model, runs) in enumerate(_lists(result)):
        bare = next(run["per_s"] for run in runs if run["name"] == "bare onnxruntime")
        picture = f"benchmark-classify-{number}.svg"
        pictures[picture] = bars_svg(
            f"Classify with {model}", "readings/s", [parts.bar(run) for run in runs]
        )
        yield from parts.picture(picture)
        yield parts.table(
            (
                *("who", "readings/s", "of bare", "CPU µs a reading", "p50 ms", "p99 ms"),
                *("lost", "twice"),
            ),
            (
                (
                    *(run["name"], run["per_s"], f"{run['per_s'] / bare:.2f}"),
                    *map(run.get, ("cpu_us_per_reading", "trickle_p50_ms", "trickle_p99_ms")),
                    *map(run.get, ("lost", "doubled")),
                )
                for run in runs
            ),
        )


def windows(result: Kept, pictures: dict[str, str]) -> Iterator[str]:
    """Windows beside others."""
    yield "## Windows"
    for size in dict.fromkeys(run["batch"] for run in result["undisturbed"]):
        picture = f"benchmark-windows-{size}.svg"
        pictures[picture] = bars_svg(
            f"Ten-second windows, {size} readings a message",
            "readings per CPU second",
            [
                Bar(run["name"], run["per_cpu_s"] or 0, run["name"].startswith(parts.OURS))
                for run in result["undisturbed"]
                if run["batch"] == size
            ],
        )
        yield from parts.picture(picture)
    yield from ("Who did not tell all windows has no rate. [How each works](windows.md#speed).", "")
    names = (
        *("batch", "kills", "per_s", "per_cpu_s", "windows"),
        *("wrong", "missing", "duplicate_outputs"),
    )
    yield parts.table(
        ("who", "run", *(name.replace("_", " ") for name in names)),
        (
            (run["name"], when, *map(run.get, names))
            for when in ("undisturbed", "killed twice")
            for run in result[when]
        ),
    )


def sink(result: Kept, pictures: dict[str, str]) -> Iterator[str]:
    """Ways into PostgreSQL."""
    ways = result["ways"]
    pictures["benchmark-sink.svg"] = bars_svg(
        "Rows into PostgreSQL",
        "rows/s",
        [Bar(n, w["rows_per_s"], parts.OURS in n) for n, w in ways.items()],
    )
    yield "## Rows into PostgreSQL"
    yield from parts.picture("benchmark-sink.svg")
    yield parts.table(
        ("way", "rows/s", "stored"),
        ((name, way["rows_per_s"], way["stored"]) for name, way in ways.items()),
    )


def end_to_end(result: Kept, pictures: dict[str, str]) -> Iterator[str]:
    """Delays and costs by the size of the city."""
    yield "## From a sound to its row and its alert"
    runs = result["runs"]
    yield parts.table(
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
    yield parts.table(
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
    yield from parts.picture("benchmark-cpu.svg")


def _lists(result: Kept) -> Iterator[tuple[str, Sequence[Kept]]]:
    return ((name, value) for name, value in result.items() if isinstance(value, list))
