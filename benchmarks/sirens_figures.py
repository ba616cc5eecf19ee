"""Figures of a siren rule: what it finds, how late, and what it takes for a siren."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from acoustics import mel
from benchmarks.sirens_ear import Ear, Scores
from benchmarks.sirens_mixes import AFTER_S, SNRS_DB, Mix
from benchmarks.sirens_rule import alerts, first_within
from benchmarks.sirens_sounds import AFTERWARDS_S, Codes, Piece, Siren, Sounds, codes_of, stream
from benchmarks.sirens_streets import Caught
from hearing.decide import DECIDED
from hearing.metrics import area_under_curve
from processors.judgement import per_device_week, poisson_upper
from processors.rules import LabelRule

SEEDS: Final = (1, 2, 3)
_QUIET: Final = 1e-4
_URBANSOUND: Final = "urbansound8k"
_HALF: Final = mel.PATCH_FRAMES // 2
_LOOKED_BACK_S: Final = mel.PATCH_FRAMES // mel.FRAMES_PER_S - 1
Figures = dict[str, Any]
Joined = tuple[Siren, Scores]


@dataclass(frozen=True, eq=False)
class Heard:
    """Mixes with the scores of their seconds, shape (mixes, 30)."""

    mixes: tuple[Mix, ...]
    scores: Scores

    def where(self, kept: Sequence[bool]) -> "Heard":
        """Those of the mixes."""
        chosen = [mix for mix, keep in zip(self.mixes, kept, strict=True) if keep]
        return Heard(tuple(chosen), self.scores[np.asarray(kept, dtype=bool)])


@dataclass(frozen=True, eq=False)
class Stream:
    """Hours without a siren: scores, and what each second is from."""

    scores: Scores
    heard: tuple[Piece, ...]

    @property
    def group(self) -> int:
        """Fold that it is of."""
        return self.heard[0].group


@dataclass(frozen=True)
class FalseAlert:
    """An alert where there is no siren, or at least none by the label."""

    name: str
    disputed: bool


# listening ---------------------------------------------------------------------------------------


def hear_joined(ear: Ear, sirens: Iterable[Siren]) -> list[Joined]:
    """Each siren on its own, then 20 s of near silence, from the start of a session."""
    quiet = np.random.default_rng(0).normal(0, _QUIET, AFTERWARDS_S * mel.RATE_HZ)
    return [
        (one, ear.seconds(codes_of(np.concatenate([one.sound, quiet])), one.group))
        for one in sirens
    ]


def hear_mixes(ear: Ear, mixes: Iterable[Mix]) -> Heard:
    """Scores of mixes, each by the model that has heard neither siren nor bed."""
    ordered = sorted(mixes, key=lambda mix: mix.group)
    parts = [
        ear.streams([mix.codes for mix in ordered if mix.group == group], group)
        for group in ear.groups
    ]
    return Heard(tuple(ordered), np.concatenate([part for part in parts if len(part)]))


def hear_others(ear: Ear, sounds: Sounds) -> dict[int, list[Stream]]:
    """All that is no siren, once for each seed; a stream for each fold."""
    found: dict[int, list[Stream]] = {}
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        found[seed] = []
        for group in ear.groups:
            codes, heard = stream([p for p in sounds.others if p.group == group], rng)
            found[seed].append(Stream(ear.seconds(codes, group), tuple(heard)))
    return found


# judging -----------------------------------------------------------------------------------------


def joined_figures(heard: Sequence[Joined], rule: LabelRule) -> Figures:
    """Share of the siren sources that raise exactly one alert, and why the others do not."""
    raised = [(one, scores, alerts(scores, rule)) for one, scores in heard]
    misses = [
        {
            "source": one.source,
            "fold": one.group,
            "alerts": len(found),
            "slices": one.slices,
            "seconds": len(one.sound) // mel.RATE_HZ,
            "why": _why(scores[: len(one.sound) // mel.RATE_HZ], len(found), rule),
            "scores": scores.tolist(),
        }
        for one, scores, found in raised
        if len(found) != 1
    ]
    delays = [found[0].raised + 1.0 for _, _, found in raised if found]
    return {
        "sources": len(raised),
        "exactly_one": len(raised) - len(misses),
        "urbansound8k": _share([len(f) == 1 for o, _, f in raised if o.dataset == _URBANSOUND]),
        "delay_s": _delays(delays),
        "misses": misses,
    }


def mix_figures(heard: Heard, rule: LabelRule) -> Figures:
    """Recall by SNR, of alerts and of seconds, and the delay of the alerts."""
    each = [delay_of(*one, rule) for one in zip(heard.mixes, heard.scores, strict=True)]
    found = np.array([delay is not None for delay in each])
    delays = np.array([delay or 0.0 for delay in each])
    snr = np.array([mix.snr_db for mix in heard.mixes])
    within = _within(heard)
    active = (heard.scores >= DECIDED) & within
    return {
        "mixes": len(heard.mixes),
        "by_snr": {
            str(db): {
                "alerts": _rounded(found[snr == db].mean()),
                "seconds": _rounded(active[snr == db].sum() / within[snr == db].sum()),
                "delay_s": _delays(delays[(snr == db) & found]),
            }
            for db in SNRS_DB
        },
        "delay_s_from_0_db": _delays(delays[(snr >= 0) & found]),
    }


def delay_of(mix: Mix, scores: Scores, rule: LabelRule) -> float | None:
    """How long after the siren's true onset the alert came, s; None if none did.

    An alert that was raised before does not count: it would have been false.
    """
    return first_within(alerts(scores, rule), mix.onset_s, mix.end_s + AFTER_S)


def false_figures(
    others: Mapping[int, Sequence[Stream]], rule: LabelRule, left_out_s: float
) -> Figures:
    """False alerts on hours without a siren, with what may be claimed from so many hours."""
    by_order = [false_alerts(streams, rule) for streams in others.values()]
    some = next(iter(others.values()))
    hours = sum(len(stream.scores) for stream in some) / 3600
    counts = [len(found) for found in by_order]
    agreed = [sum(not one.disputed for one in found) for found in by_order]
    blamed = Counter(one.name for found in by_order for one in found)
    seconds = [np.concatenate([s.scores for s in streams]) for streams in others.values()]
    return {
        "hours": round(hours, 3),
        "hours_left_out": round(left_out_s / 3600, 3),
        "alerts_by_order": counts,
        "alerts_per_hour": _rounded(float(np.mean(counts)) / hours),
        "alerts_per_hour_without_disputed": _rounded(float(np.mean(agreed)) / hours),
        "per_device_week": _rounded(per_device_week(float(np.mean(counts)), hours) or 0.0),
        "per_device_week_at_most": _rounded(
            per_device_week(poisson_upper(max(counts)), hours) or 0.0
        ),
        "confidence": 0.95,
        "active_seconds_share": _rounded(float(np.mean([(s >= DECIDED).mean() for s in seconds]))),
        "blamed": dict(blamed.most_common()),
    }


def false_alerts(streams: Iterable[Stream], rule: LabelRule) -> list[FalseAlert]:
    """What was taken for a siren: the recording of the second that raised the alert."""
    found = []
    for hours in streams:
        for one in alerts(hours.scores, rule):
            heard = hours.heard[max(0, one.onset - _LOOKED_BACK_S) : one.raised + 1]
            name = f"{heard[-1].source} ({heard[-1].what})"
            found.append(FalseAlert(name, any(piece.disputed for piece in heard)))
    return found


def street_figures(found: Caught) -> Figures:
    """Sirens that drive through rendered streets."""
    return {
        "sirens": found.sirens,
        "caught": found.caught,
        "false": found.false,
        "delay_s": _delays(found.delays_s),
    }


def emergency_figures(ear: Ear, sounds: Sounds) -> Figures:
    """Emergency against other vehicles, from 2 s alone and from the model's whole 4 s."""
    return {"2_s": _windows(ear, sounds, _HALF), "4_s": _windows(ear, sounds, mel.PATCH_FRAMES)}


def _windows(ear: Ear, sounds: Sounds, frames: int) -> Figures:
    truth: list[bool] = []
    scores: list[Scores] = []
    for one in sounds.sirens:
        cut = _cut(codes_of(one.sound), frames)
        scores.append(ear.patches(cut, one.group))
        truth += [True] * len(cut)
    for piece in sounds.others:
        if piece.vehicle and len(cut := _cut(piece.codes, frames)):
            scores.append(ear.patches(cut, piece.group))
            truth += [False] * len(cut)
    is_siren, told = np.array(truth), np.concatenate(scores)
    limit = np.quantile(told[~is_siren], 0.99)
    return {
        "siren_windows": int(is_siren.sum()),
        "other_windows": int((~is_siren).sum()),
        "auc": _rounded(area_under_curve(is_siren, told) or 0.0),
        "recall": _rounded((told[is_siren] >= DECIDED).mean()),
        "false": _rounded((told[~is_siren] >= DECIDED).mean()),
        "recall_at_1_percent_false": _rounded((told[is_siren] > limit).mean()),
    }


def _cut(codes: Codes, frames: int) -> Codes:
    """Windows a second apart, at the end of a patch whose beginning nobody heard."""
    starts = range(0, len(codes) - frames + 1, mel.FRAMES_PER_S)
    cut = np.full((len(starts), mel.PATCH_FRAMES, mel.BANDS), mel.NO_FRAME, np.uint8)
    for n, start in enumerate(starts):
        cut[n, -frames:] = codes[start : start + frames]
    return cut


def _share(right: Sequence[bool]) -> Figures:
    return {"of": len(right), "share": _rounded(np.mean(right)) if right else None}


def _why(scores: Scores, count: int, rule: LabelRule) -> str:
    best, met = int(scores.max(initial=0)), int((scores >= rule.on_score).sum())
    if count > 1:
        return f"{count} alerts: under {rule.off_score} for {rule.off_seconds} s in between"
    if met == 0:
        return f"never at {rule.on_score}: at most {best}"
    most = max(int((scores[n : n + rule.of_seconds] >= rule.on_score).sum())
               for n in range(len(scores)))  # fmt: skip
    return f"at {rule.on_score} in {met} s, at most {most} of {rule.of_seconds}; peak {best}"


def _within(heard: Heard) -> NDArray[np.bool_]:
    """Seconds that lie in the siren from their first sample to their last."""
    at = np.arange(heard.scores.shape[1])
    return np.stack([(at >= mix.onset_s) & (at + 1 <= mix.end_s) for mix in heard.mixes])


def _delays(seconds: Sequence[float] | NDArray[np.float64]) -> Figures:
    if not len(seconds):
        return {"count": 0}
    return {
        "count": len(seconds),
        "median": _rounded(np.median(seconds)),
        "p90": _rounded(np.quantile(seconds, 0.9)),
    }


def _rounded(value: float | np.floating) -> float:
    return round(float(value), 3)
