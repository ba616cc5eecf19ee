"""What a model made of labelled recordings: every figure of `cityhum evaluate`, as plain data."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hearing import alarms, decide
from hearing.alarms import Alarms
from hearing.calibration import Reliability, reliability
from hearing.decide import Scores
from hearing.manifest import Manifest
from hearing.metrics import area_under_curve, average_precision, f_score
from schemas.base import Frozen

SIREN: Final = "siren"
VEHICLES: Final = ("engine_idling", "traffic", "car_horn")
"""What an emergency vehicle is to be told from."""


@dataclass(frozen=True, eq=False)
class Heard:
    """A labelled recording, or a window of one, and its scores.

    Attributes
    ----------
    labels : frozenset of str
        Truth; at least one.
    group : str
        The source it was cut from ("" if nobody says).
    seconds : float
        How long it is, or how much of it no window before it holds, s.
    scores : ndarray of float32, shape (looks, labels), looks >= 1
        Calibrated; one row a look, a second apart.
    recording : str
        What a window was cut from; "" of a whole recording.
    start_s : float
        Where the window begins in it, s.
    """

    labels: frozenset[str]
    group: str
    seconds: float
    scores: Scores
    recording: str = ""
    start_s: float = 0.0


class ClassReport(Frozen):
    """One label: argmax against truth, then its own threshold against truth.

    Of a clip with several labels the argmax is one at most: their recall counts the others missed.
    """

    clips: int
    precision: float | None
    recall: float
    f1: float
    average_precision: float | None
    active_recall: float
    active_false_share: float | None


class Confusion(Frozen):
    """How often clips of one label alone (rows) were taken for another (columns)."""

    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


class Calibration(Frozen):
    """Of the probabilities of all labels present, and of the highest one of each clip."""

    labels: Reliability
    top: Reliability


class Emergency(Frozen):
    """Sirens against other vehicles: p(siren) / (p(siren) + highest p of a vehicle) >= 0.5."""

    sirens: int
    vehicles: int
    accuracy: float
    precision: float | None
    recall: float
    area: float


class OutOfDomain(Frozen):
    """Clips of labels that the model does not know should be "other": below every threshold."""

    clips: int
    told_other: float
    known_told_other: float
    area: float | None


class SirenReport(Frozen):
    """Sirens against everything else, by the highest look of a clip."""

    negative_hours: float
    at_one_false_alarm_per_hour: Alarms
    at_shipped_threshold: Alarms


class Report(Frozen):
    """What `--json` prints."""

    model: str
    clips: int
    judged: int
    """Clips of a label that the model knows: `accuracy` is over them."""
    accuracy: float | None
    siren_auc: float | None
    macro_map: float | None
    macro_f1: float | None
    classes: dict[str, ClassReport]
    groups: dict[str, float]
    unknown_labels: dict[str, int]
    confusion: Confusion
    calibration: Calibration | None
    siren: SirenReport | None
    emergency: Emergency | None
    out_of_domain: OutOfDomain | None


def judge(heard: Sequence[Heard], manifest: Manifest) -> Report:
    """Compare scores with labels.

    Parameters
    ----------
    heard : sequence of Heard
        At least one.
    manifest : Manifest
        Labels of the columns, and thresholds.

    Returns
    -------
    Report
        Accuracy is the argmax of each clip's soft vote, over the labels present, right if the clip
        has that label. Clips of labels that the model does not know count only as negatives.
    """
    votes = np.stack([decide.soft_vote(clip.scores) for clip in heard])
    said = frozenset().union(*(clip.labels for clip in heard))
    present = [label for label in manifest.labels if label in said]
    truth = _truth(heard, present)
    columns = votes[:, [manifest.labels.index(label) for label in present]]
    known: NDArray[np.bool_] = np.asarray(truth.any(axis=1))
    chosen = columns.argmax(axis=1) if present else np.zeros(len(heard), np.intp)
    right = truth[np.arange(len(heard)), chosen] if present else known
    classes = {
        label: _class_report(
            truth[:, n], (chosen == n) & known, columns[:, n], manifest.thresholds[label]
        )
        for n, label in enumerate(present)
    }
    precisions = [c.average_precision for c in classes.values() if c.average_precision is not None]
    return Report(
        model=manifest.identity,
        clips=len(heard),
        judged=int(known.sum()),
        accuracy=_rounded(right[known].mean()) if known.any() else None,
        siren_auc=_siren_auc(heard, votes, manifest.labels),
        macro_map=_rounded(np.mean(precisions)) if precisions else None,
        macro_f1=_rounded(np.mean([c.f1 for c in classes.values()])) if classes else None,
        classes=classes,
        groups=_groups([clip.group for clip in heard], right, known),
        unknown_labels={
            label: sum(label in clip.labels for clip in heard)
            for label in sorted(said.difference(present))
        },
        confusion=_confusion(heard, chosen, present),
        calibration=_calibration(truth[known], columns[known]),
        siren=_sirens(heard, manifest),
        emergency=_emergency(heard, votes, manifest.labels),
        out_of_domain=_out_of_domain(known, votes, manifest),
    )


def _truth(heard: Sequence[Heard], labels: Sequence[str]) -> NDArray[np.bool_]:
    """Which clip has which label, shape (clips, labels)."""
    rows = [[label in clip.labels for label in labels] for clip in heard]
    return np.array(rows, np.bool_).reshape(len(heard), len(labels))


def _groups(
    groups: Sequence[str], right: NDArray[np.bool_], known: NDArray[np.bool_]
) -> dict[str, float]:
    named = np.array(groups)
    found = sorted(set(named[known].tolist()) - {""})
    return {group: _rounded(right[known & (named == group)].mean()) for group in found}


def _siren_auc(heard: Sequence[Heard], votes: Scores, labels: tuple[str, ...]) -> float | None:
    if SIREN not in labels:
        return None
    area = area_under_curve(_truth(heard, [SIREN])[:, 0], votes[:, labels.index(SIREN)])
    return None if area is None else _rounded(area)


def _class_report(
    true: NDArray[np.bool_], chosen: NDArray[np.bool_], scores: Scores, threshold: float
) -> ClassReport:
    hits, active = int((true & chosen).sum()), scores >= threshold
    precision = average_precision(true, scores)
    return ClassReport(
        clips=int(true.sum()),
        precision=_rounded(hits / chosen.sum()) if chosen.any() else None,
        recall=_rounded(hits / true.sum()),
        f1=_rounded(f_score(hits, int(chosen.sum()), int(true.sum()))),
        average_precision=None if precision is None else _rounded(precision),
        active_recall=_rounded(active[true].mean()),
        active_false_share=_rounded(active[~true].mean()) if not true.all() else None,
    )


def _confusion(
    heard: Sequence[Heard], chosen: NDArray[np.intp], present: Sequence[str]
) -> Confusion:
    counts = np.zeros((len(present), len(present)), np.int64)
    for clip, column in zip(heard, chosen.tolist(), strict=True):
        if len(clip.labels) == 1 and clip.labels.issubset(present):
            (label,) = clip.labels
            counts[present.index(label), column] += 1
    return Confusion(labels=tuple(present), counts=tuple(tuple(row) for row in counts.tolist()))


def _calibration(true: NDArray[np.bool_], columns: Scores) -> Calibration | None:
    if not true.size:
        return None
    top = columns.argmax(axis=1)
    rows = np.arange(len(top))
    return Calibration(
        labels=reliability(columns.ravel(), true.ravel()),
        top=reliability(columns[rows, top], true[rows, top]),
    )


def _sirens(heard: Sequence[Heard], manifest: Manifest) -> SirenReport | None:
    if SIREN not in manifest.labels:
        return None
    n = manifest.labels.index(SIREN)
    positives = [(c.group, float(c.scores[:, n].max())) for c in heard if SIREN in c.labels]
    quiet = [clip for clip in heard if SIREN not in clip.labels]
    if not positives or not quiet:
        return None
    negatives = _spans(quiet, n)
    hours = sum(clip.seconds for clip in quiet) / 3600
    found = (
        alarms.at(threshold, positives, negatives, hours)
        for threshold in (alarms.threshold_at(negatives, hours), manifest.thresholds[SIREN])
    )
    return SirenReport(
        negative_hours=round(hours, 4),
        at_one_false_alarm_per_hour=next(found),
        at_shipped_threshold=next(found),
    )


def _spans(quiet: Sequence[Heard], column: int) -> NDArray[np.float64]:
    """Highest score of each 10 s of each recording, however it was cut into windows."""
    highest: dict[tuple[str | int, int], float] = {}
    for number, clip in enumerate(quiet):
        for second, score in enumerate(clip.scores[:, column].tolist()):
            at = clip.recording or number, int(clip.start_s + second) // alarms.SPAN_S
            highest[at] = max(score, highest.get(at, 0.0))
    return np.array(list(highest.values()), np.float64)


def _emergency(heard: Sequence[Heard], votes: Scores, labels: tuple[str, ...]) -> Emergency | None:
    vehicles = [labels.index(name) for name in VEHICLES if name in labels]
    truth = _truth(heard, (SIREN, *VEHICLES))
    ours = truth.any(axis=1)
    siren = truth[ours, 0]
    if not vehicles or SIREN not in labels or not siren.any() or siren.all():
        return None
    own, other = votes[ours, labels.index(SIREN)], votes[ours][:, vehicles].max(axis=1)
    share = own / np.maximum(own + other, 1e-12)
    told = share >= 0.5  # noqa: PLR2004  # the likelier of the two
    return Emergency(
        sirens=int(siren.sum()),
        vehicles=int((~siren).sum()),
        accuracy=_rounded((told == siren).mean()),
        precision=_rounded(siren[told].mean()) if told.any() else None,
        recall=_rounded(told[siren].mean()),
        area=_rounded(area_under_curve(siren, share) or 0.0),
    )


def _out_of_domain(
    known: NDArray[np.bool_], votes: Scores, manifest: Manifest
) -> OutOfDomain | None:
    if known.all() or not known.any():
        return None
    told = decide.per_mille(votes, manifest).max(axis=1)
    other = told < decide.DECIDED
    area = area_under_curve(known, told)
    return OutOfDomain(
        clips=int((~known).sum()),
        told_other=_rounded(other[~known].mean()),
        known_told_other=_rounded(other[known].mean()),
        area=None if area is None else _rounded(area),
    )


def worst_confusions(report: Report, count: int = 8) -> list[tuple[str, str, int, float]]:
    """The pairs that are taken for each other most often.

    Parameters
    ----------
    report : Report
        Of some clips.
    count : int
        How many pairs.

    Returns
    -------
    list of (str, str, int, float)
        Truth, what it was taken for, how often, and as a share of the truth's clips.
    """
    labels = report.confusion.labels
    pairs = [
        (labels[row], labels[column], n, n / sum(counts))
        for row, counts in enumerate(report.confusion.counts)
        for column, n in enumerate(counts)
        if n and row != column
    ]
    return sorted(pairs, key=lambda pair: (-pair[3], pair[0], pair[1]))[:count]


def _rounded(value: float | np.floating) -> float:
    return round(float(value), 4)
