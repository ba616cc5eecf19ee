"""Does the bridge let more than 8 mel frames a second through? Attacked with mutated batches.

Run: `python -m benchmarks.ceiling [--json] [--batches N] [--seed N]`; part of `make privacy`.
Exits 1 if a mutated batch is forwarded or kept in a dead letter, or an honest one refused.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import numpy as np
from numpy.random import Generator

from benchmarks.privacy_mutations import (
    DEVICE,
    MUTATIONS,
    SITE,
    STARTED_AT,
    Moment,
    Session,
    honest,
    session,
    without_overrun,
)
from processors.bridge import judge
from processors.privacy import Guard
from processors.registry import Registry, parse
from processors.verdicts import Arrived, Forward, Verdict
from schemas import topics

REGISTRY: Final[Registry] = parse(f"sites: [{{site: {SITE}, devices: [{{device: {DEVICE}}}]}}]")
_TOPIC: Final = topics.device_topic(SITE, DEVICE, "features")
_ROUNDS: Final = 3
"""How often every mutation is tried before the device's next batch is let in."""


@dataclass
class Tally:
    """How it went: batches by kind of mutation, and the honest ones between them."""

    mutated: Counter[str] = field(default_factory=Counter)
    forwarded: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)
    honest: int = 0
    honest_refused: int = 0

    @property
    def passed(self) -> bool:
        """Whether nothing finer got through and nothing honest was stopped."""
        return not (self.forwarded.total() or self.kept.total() or self.honest_refused)


def attack(batches: int, seed: int) -> Tally:
    """Let an honest device speak and try mutated batches before each of its own.

    Parameters
    ----------
    batches : int
        How many mutated batches to try at least.
    seed : int
        Of the one random generator.

    Returns
    -------
    Tally
        What was forwarded, kept and refused.
    """
    rng = np.random.default_rng(seed)
    tally, guard = Tally(), Guard()
    for moment in moments(rng):
        if tally.mutated.total() >= batches:
            break
        for kind in [*MUTATIONS] * (_ROUNDS if moment.next_seq else 0):
            _, verdict = judge(guard, arrived(MUTATIONS[kind](rng, moment), moment), REGISTRY)
            _count(tally, kind, verdict)
        guard, verdict = judge(guard, arrived(honest(moment), moment), REGISTRY)
        tally.honest += 1
        tally.honest_refused += not isinstance(verdict, Forward)
    return tally


def moments(rng: Generator) -> Iterator[Moment]:
    """What an honest device says, session after session, without end."""
    previous: Session | None = None
    ends_s = 0.0
    while True:
        heard = session(rng, ends_s + rng.choice([0.0, 0.3, 60.0]), int(rng.integers(2, 200)))
        seq = 0
        while seq < len(heard.times_s):
            count = without_overrun(heard, seq, int(rng.integers(1, 13)))
            yield Moment(heard, seq, count, previous)
            seq += count
        previous, ends_s = heard, float(heard.times_s[-1]) + 1.01


def arrived(payload: bytes, moment: Moment) -> Arrived:
    """The payload as the bridge gets it, a minute after it was heard."""
    received_at = STARTED_AT + timedelta(seconds=moment.at_s + moment.count + 60)
    return Arrived(_TOPIC, payload, received_at)


def _count(tally: Tally, kind: str, verdict: Verdict) -> None:
    tally.mutated[kind] += 1
    if isinstance(verdict, Forward):
        tally.forwarded[kind] += 1
    elif verdict.record.value is not None:
        tally.kept[kind] += 1


def _lines(tally: Tally) -> Iterator[str]:
    yield f"{'mutation':22}{'tried':>8}{'forwarded':>11}{'kept':>6}"
    for kind, tried in tally.mutated.items():
        yield f"{kind:22}{tried:8}{tally.forwarded[kind]:11}{tally.kept[kind]:6}"
    total, through = tally.mutated.total(), tally.forwarded.total()
    yield f"{'all':22}{total:8}{through:11}{tally.kept.total():6}"
    yield f"honest batches: {tally.honest}, refused: {tally.honest_refused}"


def main() -> int:
    """Print the tally; 1 if the ceiling has a hole."""
    parser = argparse.ArgumentParser(description="mutated batches against the bridge's ceiling")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--batches", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    tally = attack(arguments.batches, arguments.seed)
    figures = {
        "mutated": dict(tally.mutated),
        "forwarded": tally.forwarded.total(),
        "kept": tally.kept.total(),
        "honest": tally.honest,
        "honest_refused": tally.honest_refused,
        "passed": tally.passed,
    }
    text = json.dumps(figures) if arguments.json else "\n".join(_lines(tally))
    sys.stdout.write(text + "\n")
    return 0 if tally.passed else 1


if __name__ == "__main__":
    sys.exit(main())
