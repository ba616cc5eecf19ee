"""The figures of `python -m benchmarks sirens` as tables, and the trade-off as a picture."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from benchmarks.sirens_figures import Figures
from benchmarks.sirens_tune import MOST_FALSE_PER_HOUR, Trial, frontier, in_short


def of_rule(found: Figures) -> Iterator[Table]:
    """Everything that is shown of a rule, a table for each question."""
    yield _summary(found)
    yield _by_snr(found)
    yield _misses(found["joined"]["misses"])


def of_tuning(found: Figures) -> Iterator[Table]:
    """Rules that none beats, the shipped one and the best."""
    rows = [("shipped", found["shipped"]), *(("", one) for one in found["frontier"])]
    best = {**found["best"], "rule": _named(found["best_rule"])}
    folds = found["chosen_by_the_other_folds"].items()
    rows += [("best", best), *((f"fold {fold}, chosen by the others", one) for fold, one in folds)]
    yield _table(
        f"{found['tried']} rules, {found['model']}",
        ("", *best),
        [(name, *one.values()) for name, one in rows],
    )


def draw(trials: Sequence[Trial], shipped: Trial, chosen: Trial, path: Path) -> None:
    """Recall at 0 dB against false alarms an hour, every rule a dot; the colour is the delay.

    Parameters
    ----------
    trials : sequence of Trial
        All that were tried.
    shipped, chosen : Trial
        Those to be named in the picture.
    path : Path
        A PNG to be written.
    """
    import matplotlib as mpl  # noqa: PLC0415  # large, and only `tune` draws

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    figure, axes = plt.subplots(figsize=(7.2, 4.2), dpi=110, layout="constrained")
    heard = [t for t in trials if t.recall > 0]
    dots = axes.scatter(
        [t.false_per_hour for t in heard],
        [t.recall for t in heard],
        c=[min(t.delay_s, 6) for t in heard],
        s=10, cmap="viridis", vmin=2, vmax=6,
    )  # fmt: skip
    edge = frontier(trials)
    axes.plot([t.false_per_hour for t in edge], [t.recall for t in edge], "k-", lw=0.8)
    for trial, name, mark in ((shipped, "shipped", "s"), (chosen, "lacks least", "*")):
        axes.plot(
            trial.false_per_hour, trial.recall, mark, mfc="none", mec="crimson", ms=13,
            label=f"{name}: {in_short(trial.rule)}", ls="none",
        )  # fmt: skip
    axes.axvline(MOST_FALSE_PER_HOUR, color="grey", lw=0.8, ls=":")
    axes.set_xscale("symlog", linthresh=0.5)
    axes.set(
        xlabel="false alarms an hour of negatives", ylabel="recall at 0 dB (A)", xlim=(-0.03, 60)
    )
    axes.legend(loc="lower right", frameon=False)
    figure.colorbar(dots, label="median delay, s (6 and more alike)")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Software": None})
    plt.close(figure)


def _summary(found: Figures) -> Table:
    joined, false, streets = found["joined"], found["false"], found["streets"]
    vehicles = found["emergency_or_other_vehicle"]["2_s"]
    urban, limited = joined["urbansound8k"], found["at_one_false_alarm_an_hour"]
    rows = [
        ("sources that raise exactly one alert", f"{joined['exactly_one']} of {joined['sources']}"),
        ("the same, UrbanSound8K", f"{urban['share']:.0%} of {urban['of']}"),
        ("alerted at 0 dB (A)", found["recorded"]["by_snr"]["0"]["alerts"]),
        ("alerted at 0 dB (unweighted)", found["recorded_unweighted"]["by_snr"]["0"]["alerts"]),
        ("alerted at 0 dB (A) at 1 false alarm an hour", limited["recall_0_db"]),
        ("by the rule", limited["rule"]),
        ("delay from 0 dB upwards: median, p90, s", _delay(found["recorded"]["delay_s_from_0_db"])),
        ("caught in rendered streets", f"{streets['caught']} of {streets['sirens']}"),
        ("false alerts, by order", f"{false['alerts_by_order']} in {false['hours']} h"),
        ("an hour, without disputed clips", false["alerts_per_hour_without_disputed"]),
        ("false alerts a device-week", f"{false['per_device_week']:.0f}"),
        ("at most, 95 %", f"{false['per_device_week_at_most']:.0f}"),
        ("emergency or other vehicle, 2 s: AUC", vehicles["auc"]),
        ("the same: recall, false", f"{vehicles['recall']}, {vehicles['false']}"),
    ]  # fmt: skip
    rule = _named(found["rule"])
    return _table(f"{found['model']}, {rule}", ("", ""), rows)


def _by_snr(found: Figures) -> Table:
    kinds = {"recorded": found["recorded"]["by_snr"], **found["synthetic"]}
    levels = list(found["recorded"]["by_snr"])
    rows = [
        (kind, *(f"{by_snr[db]['alerts']:.2f} / {by_snr[db]['seconds']:.2f}" for db in levels))
        for kind, by_snr in kinds.items()
    ]
    return _table("recall of alerts / of seconds", ("dB (A)", *levels), rows)


def _misses(misses: Sequence[Figures]) -> Table:
    rows = [(one["source"], one["fold"], one["alerts"], one["why"]) for one in misses]
    return _table(
        "joined sources without exactly one alert", ("source", "fold", "alerts", "why"), rows
    )


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> Table:
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column)
    for row in rows:
        table.add_row(*map(str, row))
    return table


def _named(rule: Figures) -> str:
    return (
        f"{rule['on_seconds']} of {rule['of_seconds']} at {rule['on_score']}, "
        f"until {rule['off_seconds']} s under {rule['off_score']}"
    )


def _delay(delay: Figures) -> str:
    return f"{delay['median']}, {delay['p90']}" if delay["count"] else "none"
