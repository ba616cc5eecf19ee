"""How well are sirens found? Run: `python -m benchmarks sirens [tune] [--json] [--model NAME]`.

Every recording is heard by a model that was trained without it (`models/folds`). `tune` tries
rules on the same sounds, writes their trade-off as a picture and prints the best for
deploy/alerts.yaml. Figures and what they mean: docs/sirens.md.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import Progress, track

from benchmarks import sirens_check as check
from benchmarks import sirens_figures as figures
from benchmarks import sirens_mixes as mixing
from benchmarks import sirens_sounds as recordings
from benchmarks import sirens_streets as streets
from benchmarks import sirens_tables as tables
from benchmarks import sirens_tune as tuning
from benchmarks.sirens_ear import Ear
from benchmarks.sirens_figures import Figures
from benchmarks.sirens_tune import Evidence
from processors import rules
from processors.rules import LabelRule
from processors.settings import ProcessorSettings
from schemas.errors import BadConfig, CityhumError

HERE: Final = Path(__file__).parents[1]
ALERTS: Final = HERE / "deploy" / "alerts.yaml"
PICTURE: Final = HERE / "docs" / "pictures" / "sirens.png"
PER_KIND: Final = 8
CITIES: Final = 2
CHECKED: Final = 12
CONSOLE: Final = Console(stderr=True)


def shipped_rule() -> LabelRule:
    """The first rule on sirens of `deploy/alerts.yaml`."""
    for rule in rules.parse(ALERTS.read_text(encoding="utf-8"), ALERTS.name):
        if isinstance(rule, LabelRule) and rule.label == "siren":
            return rule
    raise BadConfig(f"{ALERTS.name}: no rule on sirens")


def listened(name: str, per_kind: int = PER_KIND, cities: int = CITIES) -> Evidence:
    """Let the fold models of a model hear everything, once.

    Parameters
    ----------
    name : str
        A bundled model that has fold models.
    per_kind : int
        Synthetic sirens of each kind; as many again drive by.
    cities : int
        Rendered cities of twenty streets each.

    Returns
    -------
    Evidence
        Scores of every second; no rule has been applied.
    """
    with Progress(console=CONSOLE, transient=True, disable=not CONSOLE.is_terminal) as progress:
        bar = progress.add_task("recordings", total=7)

        def next_step(what: str) -> None:
            progress.update(bar, advance=1, description=what)

        ear = Ear(name)
        sounds = recordings.read(ear.groups)
        beds = [piece for piece in sounds.others if piece.bed]
        next_step("sirens alone")
        joined = figures.hear_joined(ear, sounds.sirens)
        next_step("recorded sirens in soundscapes")
        real = mixing.recorded(sounds.sirens)
        mixed = figures.hear_mixes(ear, mixing.mixes(real, beds, "A"))
        next_step("the same, levels unweighted")
        unweighted = figures.hear_mixes(ear, mixing.mixes(real, beds, "Z"))
        next_step("synthetic sirens in soundscapes")
        made = figures.hear_mixes(ear, mixing.mixes(mixing.synthetic(per_kind), beds, "A"))
        next_step("everything that is no siren")
        others = figures.hear_others(ear, sounds)
        next_step("rendered streets")
        found = streets.rendered(ear, cities)
        next_step("done")
    return Evidence(ear, sounds, joined, mixed, unweighted, made, others, found)


def judged(evidence: Evidence, rule: LabelRule) -> Figures:
    """Everything that is to be shown of a rule."""
    kinds = list(dict.fromkeys(mix.kind for mix in evidence.made.mixes))
    beds = [piece for piece in evidence.sounds.others if piece.bed]
    return {
        "model": evidence.ear.name,
        "rule": rule.model_dump(exclude_defaults=True),
        "joined": figures.joined_figures(evidence.joined, rule),
        "recorded": figures.mix_figures(evidence.mixed, rule),
        "recorded_unweighted": figures.mix_figures(evidence.unweighted, rule),
        "synthetic": {
            kind: figures.mix_figures(
                evidence.made.where([mix.kind == kind for mix in evidence.made.mixes]), rule
            )["by_snr"]
            for kind in kinds
        },
        "at_one_false_alarm_an_hour": tuning.in_figures(tuning.at_one_an_hour(evidence, rule)),
        "streets": figures.street_figures(streets.caught(evidence.streets, rule)),
        "false": figures.false_figures(evidence.others, rule, evidence.sounds.left_out_s),
        "emergency_or_other_vehicle": figures.emergency_figures(evidence.ear, evidence.sounds),
        "powers_instead_of_sound": check.compared(
            evidence.ear, evidence.sounds.sirens, beds, CHECKED
        ),
    }


def tuned(evidence: Evidence, shipped: LabelRule, picture: Path) -> Figures:
    """Try every rule; draw what they trade; the best one in full."""
    tries = list(tuning.candidates(shipped))
    shown = track(tries, "rules", console=CONSOLE, transient=True, disable=not CONSOLE.is_terminal)
    every = [tuning.tried(evidence, rule) for rule in shown]
    trials = [one.over(evidence.ear.groups) for one in every]
    chosen = tuning.with_end(evidence, tuning.best(trials).rule)
    before = tuning.tried(evidence, shipped).over(evidence.ear.groups)
    tables.draw(trials, before, chosen, picture)
    return {
        "model": evidence.ear.name,
        "tried": len(trials),
        "shipped": tuning.in_figures(before),
        "best": tuning.in_figures(chosen),
        "best_rule": chosen.rule.model_dump(exclude_defaults=True),
        "reaches_every_goal": chosen.reached,
        "frontier": [tuning.in_figures(trial) for trial in tuning.frontier(trials)],
        "chosen_by_the_other_folds": tuning.across_folds(every, _with_sirens(evidence)),
    }


def _with_sirens(evidence: Evidence) -> list[int]:
    return sorted({one.group for one, _ in evidence.joined})


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; 0 also where the recordings are missing, which is said."""
    parser = argparse.ArgumentParser(prog="sirens", description=__doc__)
    parser.add_argument("step", nargs="?", choices=("judge", "tune"), default="judge")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--model", default=ProcessorSettings.model_fields["model"].default)
    parser.add_argument("--picture", type=Path, default=PICTURE, help="what `tune` draws")
    chosen = parser.parse_args(arguments)
    if not (recordings.root() / "urbansound8k").is_dir():
        sys.stderr.write("sirens: skipped: the shared recordings are not here\n")
        return 0
    shipped = shipped_rule()
    evidence = listened(chosen.model)
    if chosen.step == "tune":
        found = tuned(evidence, shipped, chosen.picture)
        told = tables.of_tuning(found)
    else:
        found = judged(evidence, shipped)
        told = tables.of_rule(found)
    if chosen.json:
        sys.stdout.write(json.dumps(found, indent=1) + "\n")
    else:
        for table in told:
            Console().print(table)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except CityhumError as error:
        sys.exit(f"sirens: {error}")
