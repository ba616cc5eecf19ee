"""What a model made of labelled recordings: every figure of `cityhum evaluate`, as plain data."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hearing import decide, judging_sirens
from hearing.calibration import Reliability, reliability
from hearing.decide import Scores
from hearing.heard import Heard, truth
from hearing.judging_sirens import Emergency, SirenReport
from hearing.manifest import Manifest
from hearing.metrics import area_under_curve, average_precision, f_score, rounded
from schemas.base import Frozen


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


class OutOfDomain(Frozen):
    """Clips of labels that the model does not know should be "other": below every threshold."""

    clips: int
    told_other: float
    known_told_other: float
    area: float | None


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
    true = truth(heard, present)
    columns = votes[:, [manifest.labels.index(label) for label in present]]
    known: NDArray[np.bool_] = np.asarray(true.any(axis=1))
    chosen = columns.argmax(axis=1) if present else np.zeros(len(heard), np.intp)
    right = true[np.arange(len(heard)), chosen] if present else known
    classes = {
        label: _class_report(
            true[:, n], (chosen == n) & known, columns[:, n], manifest.thresholds[label]
        )
        for n, label in enumerate(present)
    }
    precisions = [c.average_precision for c in classes.values() if c.average_precision is not None]
    return Report(
        model=manifest.identity,
        clips=len(heard),
        judged=int(known.sum()),
        accuracy=rounded(right[known].mean()) if known.any() else None,
        siren_auc=judging_sirens.area(heard, votes, manifest.labels),
        macro_map=rounded(np.mean(precisions)) if precisions else None,
        macro_f1=rounded(np.mean([c.f1 for c in classes.values()])) if classes else None,
        classes=classes,
        groups=_groups([clip.group for clip in heard], right, known),
        unknown_labels={
            label: sum(label in clip.labels for clip in heard)
            for label in sorted(said.difference(present))
        },
        confusion=_confusion(heard, chosen, present),
        calibration=_calibration(true[known], columns[known]),
        siren=judging_sirens.report(heard, manifest),
        emergency=judging_sirens.emergency(heard, votes, manifest.labels),
        out_of_domain=_out_of_domain(known, votes, manifest),
    )


def _groups(
    groups: Sequence[str], right: NDArray[np.bool_], known: NDArray[np.bool_]
) -> dict[str, float]:
    named = np.array(groups)
    found = sorted(set(named[known].tolist()) - {""})
    return {group: rounded(right[known & (named == group)].mean()) for group in found}


def _class_report(
    true: NDArray[np.bool_], chosen: NDArray[np.bool_], scores: Scores, threshold: float
) -> ClassReport:
    hits, active = int((true & chosen).sum()), scores >= threshold
    precision = average_precision(true, scores)
    return ClassReport(
        clips=int(true.sum()),
        precision=rounded(hits / chosen.sum()) if chosen.any() else None,
        recall=rounded(hits / true.sum()),
        f1=rounded(f_score(hits, int(chosen.sum()), int(true.sum()))),
        average_precision=None if precision is None else rounded(precision),
        active_recall=rounded(active[true].mean()),
        active_false_share=rounded(active[~true].mean()) if not true.all() else None,
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
        told_other=rounded(other[~known].mean()),
        known_told_other=rounded(other[known].mean()),
        area=None if area is None else rounded(area),
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
