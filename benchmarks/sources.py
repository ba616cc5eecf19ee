"""How far is a label's own level from the truth? Judged on rendered streets, whose stems are known.

Run: `python -m benchmarks sources [--json] [--devices N] [--seconds N] [--seed N] [--model M]`.
Exits 1 if the median error between 0 and +20 dB exceeds 3 dB, or fewer than 95 % of the upper
bounds hold. The ratio is that of a label's energy to all the rest in its active seconds; the first
minutes, which have no background yet, are left out.
"""

import argparse
import json
import math
import statistics
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Final, NamedTuple

from agents.street_levels import level_of
from benchmarks.sources_scenes import BEGAN_AT, Heard, heard
from hearing.adapters import runtime
from processors import windows
from processors.folds import Event, Tick
from processors.sources import VERSION
from processors.window_memory import WindowTable
from schemas.base import ACTIVE_SCORE

LENGTHS_S: Final = (10, 60)
LEAD_IN_S: Final = 120
BEST_DB: Final = 20.0
MEDIAN_DB: Final = 3.0
HOLDING: Final = 0.95
_LOST_DB: Final = -60.0
_SLACK_DB: Final = 0.05
"""Stems add up to the sound but for chance, and levels are told with two digits."""


class Judged(NamedTuple):
    """A label in a window: what was said and what is true, over its active seconds."""

    length_s: int
    label: str
    ratio_db: float
    true_db: float
    source_db: float | None
    upper_db: float | None


@dataclass(frozen=True)
class Figures:
    """What came out, for windows of one length."""

    length_s: int
    told: int
    told_between: int
    truly_between: int
    median_error_db: float
    p90_error_db: float
    told_of_what_did_not_sound: int
    upper_bounds: int
    upper_bounds_hold: float

    @property
    def passed(self) -> bool:
        """Whether the levels can be trusted as documented."""
        return self.median_error_db <= MEDIAN_DB and self.upper_bounds_hold >= HOLDING


def judged(streets: Iterable[Heard]) -> Iterator[Judged]:
    """Every label of every window that begins after the lead-in."""
    for one in streets:
        fold, table = windows.fold(), WindowTable()
        state = fold.empty(one.device)
        events: list[Event] = [*one.batches, Tick(BEGAN_AT + timedelta(days=2))]
        for event in events:
            state, outputs = fold.step(state, event)
            table.apply(outputs)
        for length_s in LENGTHS_S:
            for row in table.of(length_s):
                first = (row.started_at - BEGAN_AT) // timedelta(seconds=1)
                if first < LEAD_IN_S:
                    continue
                seconds = range(first, min(first + length_s, len(one.energies)))
                for label in row.labels:
                    yield _judged(one, seconds, length_s, label.label)._replace(
                        source_db=label.source_leq_db, upper_db=label.source_leq_upper_db
                    )


def _judged(one: Heard, seconds: Sequence[int], length_s: int, label: str) -> Judged:
    scores = [scores for batch in one.batches for scores in batch.labels]
    active = [k for k in seconds if scores[k].get(label, 0) >= ACTIVE_SCORE]
    own = sum(one.energies[k].get(label, 0.0) for k in active)
    rest = sum(sum(one.energies[k].values()) for k in active) - own
    lost = own <= 0
    return Judged(
        length_s,
        label,
        _LOST_DB if lost else 10 * math.log10(own / max(rest, 1e-12)),
        _LOST_DB if lost else level_of(own / len(active)),
        None,
        None,
    )


def figures(them: Sequence[Judged], length_s: int) -> Figures:
    """What came out, for windows of one length."""
    some = [one for one in them if one.length_s == length_s]
    between = [one for one in some if 0 <= one.ratio_db <= BEST_DB]
    errors = sorted(abs(one.source_db - one.true_db) for one in between if one.source_db)
    bounds = [one for one in some if one.upper_db is not None]
    hold = [one for one in bounds if one.true_db <= (one.upper_db or 0.0) + _SLACK_DB]
    return Figures(
        length_s=length_s,
        told=sum(one.source_db is not None for one in some),
        told_between=len(errors),
        truly_between=len(between),
        median_error_db=round(statistics.median(errors), 2) if errors else math.inf,
        p90_error_db=round(errors[len(errors) * 9 // 10], 2) if errors else math.inf,
        told_of_what_did_not_sound=sum(
            one.source_db is not None and one.ratio_db == _LOST_DB for one in some
        ),
        upper_bounds=len(bounds),
        upper_bounds_hold=round(len(hold) / max(len(bounds), 1), 4),
    )


def main() -> int:
    """Print the figures; 1 if they are not what is documented."""
    parser = argparse.ArgumentParser(description="levels of sources against the truth")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--devices", type=int, default=20)
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--model", default="street8-0.3.0")
    asked = parser.parse_args()
    model = runtime.load(asked.model)
    them = list(judged(heard(asked.seed, asked.devices, asked.seconds, model)))
    found = [figures(them, length_s) for length_s in LENGTHS_S]
    told = {
        "model": model.manifest.identity,
        "division": VERSION,
        "street_seconds": asked.devices * asked.seconds,
        "windows": [{**asdict(one), "passed": one.passed} for one in found],
    }
    sys.stdout.write(json.dumps(told, indent=None if asked.json else 2) + "\n")
    return 0 if all(one.passed for one in found) else 1


if __name__ == "__main__":
    sys.exit(main())
