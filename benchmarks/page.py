"""docs/benchmarks.md and its pictures, from docs/results: `python -m benchmarks page`."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from benchmarks import page_endurance, page_speed
from benchmarks.page_parts import Kept
from benchmarks.record import BUSY, RESULTS

PAGE: Final = Path("docs/benchmarks.md")
PICTURES: Final = Path("docs/pictures")

OPENING: Final = """\
# Benchmarks

Made by `python -m benchmarks page` from `docs/results/`, where `python -m benchmarks record` puts
what each benchmark prints, with its command, commit, machine and versions. All of a chapter run in
one command on the same machine, two cores for clients, brokers, database and contenders together:
ratios mean more than figures. Ours in blue. What hearing is worth: [hearing](hearing.md),
[sirens](sirens.md); what the costs mean for larger cities: [scaling](scaling.md).
"""


def page(kept: Mapping[str, Kept]) -> tuple[str, dict[str, str]]:
    """Write the page; what has not been recorded is named at its end.

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
        "model": page_speed.model,
        "bridge": page_speed.bridge,
        "classify": page_speed.classify,
        "window_peers": page_speed.windows,
        "sink": page_speed.sink,
        "replay": page_endurance.replay,
        "end_to_end": page_speed.end_to_end,
        "load": page_endurance.load,
        "faults": page_endurance.faults,
        "disaster": page_endurance.disasters,
        "fuzz": page_endurance.fuzz,
        "pages": page_endurance.pages,
    }
    parts = [OPENING]
    pictures: dict[str, str] = {}
    for name, chapter in chapters.items():
        if name in kept:
            heading, *lines = chapter(kept[name]["result"], pictures)
            parts.append("\n".join([heading, "", _source(kept[name]), "", *lines, ""]))
    if missing := [name for name in chapters if name not in kept]:
        parts.append(f"Not recorded: {', '.join(missing)}.\n")
    return "\n".join(parts), pictures


def _source(kept: Kept) -> str:
    busy = kept.get("busy_before", 0.0)
    beside = f", beside something else ({busy:.0%} of the processors)" if busy > BUSY else ""
    return f"`{kept['command']}`, commit {kept['commit']}, {kept['at']}{beside}"


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
