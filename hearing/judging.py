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
    label, group : str
        Truth, and the source it was cut from ("" if nobody says).
    seconds : float
        How long it is, or how much of it no other window holds, s.
    scores : ndarray of float32, shape (looks, labels), looks >= 1
        Calibrated; one row a look, a second apart.
    """

    label: str
    group: str
    seconds: float
    scores: Scores


class ClassReport(Frozen):
    """One label: argmax against truth, then its own threshold against truth."""

    clips: int
    precision: float | None
    recall: float
    f1: float
    average_precision: float | None
    active_recall: float
    active_false_share: float | None


class Confusion(Frozen):
    """How often clips of one label (rows) were taken for another (columns)."""

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
        Accuracy is the argmax of each clip's soft vote, over the labels present. Clips of labels
        that the model does not know count only as negatives.
    """
    truth = np.array([clip.label for clip in heard])
    votes = np.stack([decide.soft_vote(clip.scores) for clip in heard])
    present = [label for label in manifest.labels if label in set(truth)]
    columns = votes[:, [manifest.labels.index(label) for label in present]]
    known = np.isin(truth, present)
    chosen = np.array(present)[columns.argmax(axis=1)] if present else np.full(len(truth), "")
    classes = {
        label: _class_report(
            truth == label, (chosen == label) & known, columns[:, n], manifest.thresholds[label]
        )
        for n, label in enumerate(present)
    }
    precisions = [c.average_precision for c in classes.values() if c.average_precision is not None]
    return Report(
        model=manifest.identity,
        clips=len(heard),
        accuracy=_rounded((chosen == truth)[known].mean()) if known.any() else None,
        siren_auc=_siren_auc(truth, votes, manifest.labels),
        macro_map=_rounded(np.mean(precisions)) if precisions else None,
        macro_f1=_rounded(np.mean([c.f1 for c in classes.values()])) if classes else None,
        classes=classes,
        groups=_groups([clip.group for clip in heard], chosen == truth, known),
        unknown_labels={str(u): int((truth == u).sum()) for u in np.unique(truth[~known])},
        confusion=_confusion(truth[known], chosen[known], present),
        calibration=_calibration(truth[known], columns[known], present),
        siren=_sirens(heard, manifest),
        emergency=_emergency(truth, votes, manifest.labels),
        out_of_domain=_out_of_domain(known, votes, manifest),
    )


def _groups(
    groups: Sequence[str], right: NDArray[np.bool_], known: NDArray[np.bool_]
) -> dict[str, float]:
    named = np.array(groups)
    found = sorted(set(named[known].tolist()) - {""})
    return {group: _rounded(right[known & (named == group)].mean()) for group in found}


def _siren_auc(truth: NDArray[np.str_], votes: Scores, labels: tuple[str, ...]) -> float | None:
    if SIREN not in labels:
        return None
    area = area_under_curve(truth == SIREN, votes[:, labels.index(SIREN)])
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
    truth: NDArray[np.str_], chosen: NDArray[np.str_], present: Sequence[str]
) -> Confusion:
    counts = np.zeros((len(present), len(present)), np.int64)
    rows, columns = ([present.index(name) for name in names] for names in (truth, chosen))
    np.add.at(counts, (rows, columns), 1)
    return Confusion(labels=tuple(present), counts=tuple(tuple(row) for row in counts.tolist()))


def _calibration(
    truth: NDArray[np.str_], columns: Scores, present: Sequence[str]
) -> Calibration | None:
    if not present:
        return None
    true = truth[:, None] == np.array(present)
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
    positives = [(c.group, float(c.scores[:, n].max())) for c in heard if c.label == SIREN]
    quiet = [clip for clip in heard if clip.label != SIREN]
    if not positives or not quiet:
        return None
    negatives = np.concatenate([alarms.spans(clip.scores[:, n]) for clip in quiet])
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


def _emergency(truth: NDArray[np.str_], votes: Scores, labels: tuple[str, ...]) -> Emergency | None:
    vehicles = [labels.index(name) for name in VEHICLES if name in labels]
    ours = np.isin(truth, (SIREN, *VEHICLES))
    siren = truth[ours] == SIREN
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
