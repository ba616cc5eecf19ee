"""Rules tried on the same evidence: what each finds, how late, how often it is wrong."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import log2
from typing import Final

import numpy as np

from benchmarks.sirens_ear import Ear
from benchmarks.sirens_figures import Figures, Heard, Joined, Stream, delay_of, false_alerts
from benchmarks.sirens_rule import alerts
from benchmarks.sirens_sounds import Sounds
from benchmarks.sirens_streets import Street, caught
from hearing import decide
from processors.rules import LabelRule

ON_SCORES: Final = (*range(150, 951, 25), 970, 985)
MOST_SECONDS: Final = 8
OFF_SHARES: Final = (0.3, 0.45, 0.6, 0.8)
USUAL_OFF_SHARE: Final = 0.6
OFF_SECONDS: Final = (4, 5, 6, 8)
GOAL_RECALL: Final = 0.85
GOAL_EXACTLY_ONE: Final = 0.8
MOST_FALSE_PER_HOUR: Final = 1.0
MOST_DELAY_S: Final = 3.0
AT_DB: Final = 0
DOUBLED: Final = 0.25
"""What twice as many false alarms as allowed cost: as much as a quarter of the sirens."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """What the models made of everything, before any rule."""

    ear: Ear
    sounds: Sounds
    joined: Sequence[Joined]
    mixed: Heard
    unweighted: Heard
    made: Heard
    others: Mapping[int, Sequence[Stream]]
    streets: Sequence[Street]


@dataclass(frozen=True)
class Outcome:
    """What a rule did in one fold; false alerts for each order of the negatives."""

    at_0_db: tuple[bool, ...]
    delays_s: tuple[float, ...]
    exactly_one: tuple[bool, ...]
    false: tuple[int, ...]
    hours: float


@dataclass(frozen=True)
class Trial:
    """A rule and what it did.

    Attributes
    ----------
    recall : float
        Share of the mixes at 0 dB (A) that are alerted while the siren sounds.
    exactly_one : float
        Share of the joined sources with one alert.
    streets : float
        Share of the sirens in rendered streets that are caught.
    delay_s : float
        Median from the true onset, of mixes from 0 dB upwards.
    false_per_hour : float
        Mean over the orders of the negatives, without the disputed ones.
    """

    rule: LabelRule
    recall: float
    exactly_one: float
    streets: float
    delay_s: float
    false_per_hour: float

    @property
    def reached(self) -> bool:
        """Whether it reaches every goal."""
        return self.shortfall == 0

    @property
    def shortfall(self) -> float:
        """What it lacks of the goals, as shares of them; false alarms count by doublings."""
        return (
            max(0.0, 1 - self.recall / GOAL_RECALL)
            + max(0.0, 1 - self.exactly_one / GOAL_EXACTLY_ONE)
            + (1 - self.streets)
            + max(0.0, self.delay_s / MOST_DELAY_S - 1)
            + DOUBLED * max(0.0, log2(max(self.false_per_hour, 1e-3) / MOST_FALSE_PER_HOUR))
        )


@dataclass(frozen=True, eq=False)
class Tried:
    """A rule with what it did in every fold."""

    rule: LabelRule
    folds: Mapping[int, Outcome]
    streets: float

    def over(self, folds: Collection[int]) -> Trial:
        """Its figures over some of the folds."""
        kept = [outcome for fold, outcome in self.folds.items() if fold in folds]
        found = [one for outcome in kept for one in outcome.at_0_db]
        ones = [one for outcome in kept for one in outcome.exactly_one]
        delays = [one for outcome in kept for one in outcome.delays_s]
        false = np.sum([outcome.false for outcome in kept], axis=0)
        hours = sum(outcome.hours for outcome in kept)
        return Trial(
            rule=self.rule,
            recall=round(float(np.mean(found)), 4),
            exactly_one=round(float(np.mean(ones)), 4),
            streets=self.streets,
            delay_s=round(float(np.median(delays)), 3) if delays else 60.0,
            false_per_hour=round(float(np.mean(false)) / hours, 4),
        )


def candidates(shipped: LabelRule) -> Iterator[LabelRule]:
    """Rules to try: every n of m, and the score that counts; how they end stays."""
    for on_score in ON_SCORES:
        for of_seconds in range(1, MOST_SECONDS + 1):
            for on_seconds in range((of_seconds + 1) // 2, of_seconds + 1):
                yield changed(
                    shipped,
                    on_score=on_score,
                    on_seconds=on_seconds,
                    of_seconds=of_seconds,
                    off_score=min(shipped.off_score, on_score),
                )


def changed(rule: LabelRule, **fields: int) -> LabelRule:
    """The rule with other fields, checked."""
    return LabelRule.model_validate({**rule.model_dump(), **fields})


def tried(evidence: Evidence, rule: LabelRule) -> Tried:
    """Let one rule hear everything."""
    folds = {fold: _outcome(evidence, rule, fold) for fold in evidence.ear.groups}
    return Tried(rule, folds, round(caught(evidence.streets, rule).share, 4))


def best(trials: Sequence[Trial]) -> Trial:
    """The one that lacks least of the goals; among equals, to a percent, the one wrong least."""
    return min(
        trials,
        key=lambda t: (round(t.shortfall, 2), t.false_per_hour, -t.recall, t.delay_s),
    )


def with_end(evidence: Evidence, rule: LabelRule) -> Trial:
    """The same rule, ending where most sources raise exactly one alert; else as it did."""
    ends = [
        changed(rule, off_score=round(share * rule.on_score / 10) * 10, off_seconds=seconds)
        for share in OFF_SHARES
        for seconds in OFF_SECONDS
    ]
    trials = [tried(evidence, one).over(evidence.ear.groups) for one in ends]
    # a longer patience joins false alarms to fewer ones, which is no merit
    return max(
        trials,
        key=lambda t: (
            t.exactly_one,
            -abs(t.rule.off_seconds - rule.off_seconds),
            -abs(t.rule.off_score - USUAL_OFF_SHARE * rule.on_score),
        ),
    )


def at_one_an_hour(evidence: Evidence, rule: LabelRule) -> Trial:
    """The same n of m at the lowest score that gives at most one false alarm an hour."""
    for on_score in range(decide.REPORTED, 1000, 10):
        moved = changed(rule, on_score=on_score, off_score=min(rule.off_score, on_score))
        trial = tried(evidence, moved).over(evidence.ear.groups)
        if trial.false_per_hour <= MOST_FALSE_PER_HOUR:
            return trial
    return trial


def across_folds(every: Sequence[Tried], folds: Sequence[int]) -> dict[str, Figures]:
    """Honest figures of choosing: each fold judged by the rule that the others chose."""
    told = {}
    for fold in folds if len(folds) > 1 else ():
        rest = [other for other in folds if other != fold]
        chosen = best([one.over(rest) for one in every])
        judged = next(one for one in every if one.rule == chosen.rule).over([fold])
        told[str(fold)] = in_figures(judged)
    return told


def frontier(trials: Sequence[Trial]) -> list[Trial]:
    """Trials that no other beats in both recall at 0 dB and false alarms."""
    kept: list[Trial] = []
    for trial in sorted(trials, key=lambda t: (t.false_per_hour, -t.recall, t.delay_s)):
        if not kept or trial.recall > kept[-1].recall:
            kept.append(trial)
    return kept


def in_figures(trial: Trial) -> Figures:
    """A trial as it is printed."""
    return {
        "rule": in_short(trial.rule),
        "recall_0_db": trial.recall,
        "exactly_one": trial.exactly_one,
        "streets": trial.streets,
        "delay_s": trial.delay_s,
        "false_per_hour": trial.false_per_hour,
        "shortfall": round(trial.shortfall, 3),
    }


def in_short(rule: LabelRule) -> str:
    """A rule in a few words: `2 of 4 at 600`."""
    return f"{rule.on_seconds} of {rule.of_seconds} at {rule.on_score}"


def _undisputed(streams: Sequence[Stream], rule: LabelRule) -> int:
    return sum(not one.disputed for one in false_alerts(streams, rule))


def _outcome(evidence: Evidence, rule: LabelRule, fold: int) -> Outcome:
    mixed = [
        (mix.snr_db, delay_of(mix, scores, rule))
        for mix, scores in zip(evidence.mixed.mixes, evidence.mixed.scores, strict=True)
        if mix.group == fold and mix.snr_db >= AT_DB
    ]
    streams = {
        seed: [one for one in several if one.group == fold]
        for seed, several in evidence.others.items()
    }
    some = next(iter(streams.values()))
    return Outcome(
        at_0_db=tuple(delay is not None for snr_db, delay in mixed if snr_db == AT_DB),
        delays_s=tuple(delay for _, delay in mixed if delay is not None),
        exactly_one=tuple(
            len(alerts(scores, rule)) == 1
            for one, scores in evidence.joined
            if one.group == fold
        ),
        false=tuple(_undisputed(several, rule) for several in streams.values()),
        hours=sum(len(one.scores) for one in some) / 3600,
    )  # fmt: skip
