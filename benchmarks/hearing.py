"""Ours, YAMNet and MobileNet on the same clips; onset and offset; natural against technogenic.

Run: `python -m benchmarks hearing [--json] [--part compare|events]… [--model NAME]…`.

compare
    Clips of `../shared/data`. Ours are judged fold by fold, each by the model that left that fold
    out; theirs as they are, on full-band sound, their AudioSet classes folded to our labels by
    leaves. The probe is MobileNet's embedding under a logistic regression taught without the
    tested fold. Then whether a sound is natural, human or technogenic, two ways; and emergency
    against other vehicles in windows of 2 s, one a second.
events
    Rendered streets that nothing was trained on.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from benchmarks import hearing_compare as compare
from benchmarks import hearing_events as events
from benchmarks import hearing_origins as origins
from benchmarks.hearing_probe import probes
from benchmarks.hearing_references import REFERENCES, load
from hearing.adapters import runtime
from training.heldout import FoldModels

ROOT: Final = Path(__file__).parents[1]
SHARED: Final = ROOT.parent / "shared"
PARTS: Final = ("compare", "events")
Tables = Mapping[str, Sequence[Mapping[str, object]]]


def compared(names: Sequence[str], sample: int) -> Tables:
    """Everything that is judged on recorded clips."""
    models = ROOT / "models"
    clips = compare.held_out_clips(SHARED, [FoldModels(name, models) for name in names])[::sample]
    listened = {
        name: compare.listen(clips, name, manifest, listener_of)
        for name, manifest, listener_of in compare.everybody(names, models, SHARED)
    }
    against = (compare.emergency_row(name, each) for name, each in listened.items())
    return {
        "clips": [compare.row(name, each)._asdict() for name, each in listened.items()],
        "probe": [probe._asdict() for probe in probes(clips, SHARED)],
        "origins": [
            row._asdict() for name, each in listened.items() for row in origins.rows(name, each)
        ],
        "emergency": [row._asdict() for row in against if row],
    }


def timed(names: Sequence[str], cities: int) -> Tables:
    """Everything that is judged on rendered streets."""
    listeners = {name: runtime.load(name) for name in names}
    if SHARED.is_dir():
        listeners |= {one.name: load(one, SHARED / "models") for one in REFERENCES}
    heard = events.streets(cities)
    judged = [events.judge(name, listener, heard) for name, listener in listeners.items()]
    return {
        "events": [row._asdict() for rows, _ in judged for row in rows],
        "sweeps": [sweep._asdict() for _, sweep in judged],
    }


def ours() -> list[str]:
    """Bundled models that have fold models."""
    models = ROOT / "models"
    names = (path.parent.name for path in sorted(models.glob("*/manifest.json")))
    return [name for name in names if FoldModels(name, models).folds]


def main() -> None:
    """Print the tables, or one JSON object."""
    parser = argparse.ArgumentParser(description="what models hear, on the same sounds")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--model", action="append", help="a bundled one; default: all")
    parser.add_argument("--part", action="append", choices=PARTS, help="default: both")
    parser.add_argument("--sample", type=int, default=1, help="every how manieth clip")
    parser.add_argument("--cities", type=int, default=2, help="of twenty streets each")
    arguments = parser.parse_args()
    names, parts = arguments.model or ours(), arguments.part or PARTS
    found: dict[str, Sequence[Mapping[str, object]]] = {}
    if "compare" in parts and SHARED.is_dir():
        found |= compared(names, arguments.sample)
    elif "compare" in parts:
        sys.stderr.write(f"skipped: compare needs {SHARED.name}/ beside the repository\n")
    if "events" in parts:
        found |= timed(names, arguments.cities)
    if arguments.json:
        sys.stdout.write(json.dumps(found) + "\n")
    else:
        for title, rows in found.items():
            sys.stdout.write(f"{title}\n{compare.text(rows)}\n\n")


if __name__ == "__main__":
    main()
