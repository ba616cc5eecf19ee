"""Tables of a model's card: figures in, Markdown out."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import numpy as np

from hearing.alarms import Alarms
from hearing.judging import Report
from hearing.judging_sirens import SirenReport

_IN_PART: Final[Mapping[str, tuple[int, ...]]] = {"urbansound8k": (3,)}
"""Folds of which only a part is shared: they are no part of the figure to be compared."""
_SPREAD: Final = "_spread"
"""Ends the name of what lies between the worst seed and the best; without it: the mean."""


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table.

    Parameters
    ----------
    columns : sequence of str
        Names.
    rows : iterable of sequence
        Cells; None is shown as a dash.

    Returns
    -------
    str

    Examples
    --------
    >>> print(table(["label", "recall"], [["siren", 0.9784], ["wind", None]]))
    | label | recall |
    |---|---|
    | siren | 0.978 |
    | wind | - |
    """
    lines = [columns, *([_cell(cell) for cell in row] for row in rows)]
    shown = [f"| {' | '.join(line)} |" for line in lines]
    return "\n".join([shown[0], "|" + "---|" * len(columns), *shown[1:]])


def _cell(value: object) -> str:
    match value:
        case None:
            return "-"
        case float():
            return f"{value:.3f}"
        case _:
            return str(value)


def folds_table(folds: Mapping[str, Mapping[int, Report]]) -> str:
    """Each fold by the model without it, and the mean of each data set's whole folds."""
    rows: list[Sequence[object]] = []
    for dataset, reports in folds.items():
        rows += [(dataset, n, found.judged, *_of_fold(found)) for n, found in reports.items()]
        whole = {n: found for n, found in reports.items() if n not in _IN_PART.get(dataset, ())}
        if len(whole) > 1:
            means = (_mean(column) for column in zip(*map(_of_fold, whole.values()), strict=True))
            named = " ".join(map(str, whole))
            clips = sum(found.judged for found in whole.values())
            rows.append((f"**{dataset}, mean**", named, clips, *means))
    names = ["data set", "fold", "clips", "accuracy", "class-mean recall", "macro mAP", "siren AUC"]
    return table(names, rows)


def _of_fold(report: Report) -> tuple[float | None, ...]:
    recalls = [found.recall for found in report.classes.values()]
    return (report.accuracy, _mean(recalls), report.macro_map, report.siren_auc)


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def classes_table(report: Report) -> str:
    """Every label, argmax against truth and at its own threshold."""
    names = [
        "label", "clips", "precision", "recall", "F1", "average precision",
        "active where heard", "active elsewhere",
    ]  # fmt: skip
    return table(
        names,
        (
            (
                label, found.clips, found.precision, found.recall, found.f1,
                found.average_precision, found.active_recall, found.active_false_share,
            )
            for label, found in report.classes.items()
        ),
    )  # fmt: skip


def alarms_table(siren: SirenReport) -> str:
    """Sirens at one false alarm an hour and at the shipped threshold."""
    names = ["sirens", "threshold", "recall", "recall by source", "false alarms", "an hour"]
    ways: Mapping[str, Alarms] = {
        "at one false alarm an hour": siren.at_one_false_alarm_per_hour,
        "at the shipped threshold": siren.at_shipped_threshold,
    }
    return table(
        names,
        (
            (way, a.threshold, a.recall, a.recall_by_source, a.false_alarms, a.per_hour)
            for way, a in ways.items()
        ),
    )


def seeds_table(metrics: Mapping[str, float]) -> str:
    """Figures over several seeds: mean, and from the worst seed to the best.

    Examples
    --------
    >>> print(seeds_table({"accuracy": 0.8, "accuracy_spread": 0.01, "ece": 0.03}))
    | figure | mean | spread |
    |---|---|---|
    | accuracy | 0.800 | 0.010 |
    """
    rows = ((_words(name), metrics[name], metrics[name + _SPREAD]) for name in over_seeds(metrics))
    return table(["figure", "mean", "spread"], rows)


def over_seeds(metrics: Mapping[str, float]) -> list[str]:
    """Names of the figures that were taken over several seeds."""
    return [name for name in metrics if name + _SPREAD in metrics]


def metrics_table(metrics: Mapping[str, float]) -> str:
    """Whatever else the manifest tells."""
    told = {*over_seeds(metrics), *(name + _SPREAD for name in over_seeds(metrics))}
    others = ((_words(n), f"{v:g}") for n, v in metrics.items() if n not in told)
    return table(["figure", "value"], others)


def twin_table(models: Iterable[tuple[str, Report, Report]]) -> str:
    """Models on clips that they never heard: name, report of named clips, report of all."""
    names = ["model", "clips", "accuracy", "macro mAP", "siren AUC", "sirens at 1 an hour"]
    return table(
        names,
        (
            (
                name, report.judged, report.accuracy, report.macro_map, report.siren_auc,
                everything.siren.at_one_false_alarm_per_hour.recall if everything.siren else None,
            )
            for name, report, everything in models
        ),
    )  # fmt: skip


def _words(name: str) -> str:
    return name.replace("_", " ")
