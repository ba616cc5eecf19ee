"""The figures of `cityhum evaluate` for a terminal."""

from collections.abc import Iterator

from rich.markup import escape
from rich.table import Table

from hearing.judging import Report, worst_confusions


def table(report: Report) -> Table:
    """One row a label, and what concerns all of them above and below.

    Parameters
    ----------
    report : Report
        Of some clips.

    Returns
    -------
    Table
    """
    made = Table(
        title=f"{report.model} on {report.clips} clips: accuracy {_shown(report.accuracy)} of "
        f"{report.judged}, siren AUC {_shown(report.siren_auc)}, "
        f"macro mAP {_shown(report.macro_map)}",
        caption="\n".join(_notes(report)),
        caption_justify="left",
    )
    for column in ("label", "clips", "precision", "recall", "F1", "AP", "active"):
        made.add_column(column, justify="left" if column == "label" else "right")
    for label, found in report.classes.items():
        figures = (
            found.precision, found.recall, found.f1, found.average_precision, found.active_recall,
        )  # fmt: skip
        made.add_row(label, str(found.clips), *map(_shown, figures))
    return made


def _notes(report: Report) -> Iterator[str]:
    yield "active: share of the label's clips in which it reaches its own threshold"
    if pairs := worst_confusions(report, 5):
        yield "most confused: " + ", ".join(
            f"{truth} as {told} {share:.0%}" for truth, told, _, share in pairs
        )
    if report.calibration:
        yield (
            f"expected calibration error: {_shown(report.calibration.labels.ece)} over all labels, "
            f"{_shown(report.calibration.top.ece)} of each clip's highest"
        )
    if siren := report.siren:
        strict, shipped = siren.at_one_false_alarm_per_hour, siren.at_shipped_threshold
        yield (
            f"sirens at 1 false alarm an hour ({siren.negative_hours:.2f} h of negatives): recall "
            f"{_shown(strict.recall)}, by source {_shown(strict.recall_by_source)}; at the shipped "
            f"threshold {_shown(shipped.recall)} with {shipped.per_hour:g} an hour"
        )
    if found := report.emergency:
        yield (
            f"emergency against other vehicles: accuracy {_shown(found.accuracy)}, recall "
            f"{_shown(found.recall)}, AUC {_shown(found.area)} ({found.sirens} : {found.vehicles})"
        )
    if unknown := report.unknown_labels:
        named = ", ".join(f"{label} {count}" for label, count in unknown.items())
        yield f"labels unknown to the model: {escape(named)}"
    if foreign := report.out_of_domain:
        yield (
            f"of those {foreign.told_other:.0%} are told as other; of the known ones "
            f"{foreign.known_told_other:.0%}"
        )


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
