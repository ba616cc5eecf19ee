"""`cityhum verdicts`: operators say which alerts were true; what they say is counted and learnt."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Final
from uuid import UUID

import typer
from rich.table import Table

from cityhum import environment
from cityhum.output import AsJson, answer
from processors import judgement
from processors.adapters import rule_file, verdict_tables
from processors.adapters.clock import utc_now
from processors.judgement import FalseAlerts, JudgedAlert, Opinion
from processors.rules import LabelRule
from processors.settings import ProcessorSettings

DAYS: Final = 30
Days = Annotated[int, typer.Option(min=1, help="how far back")]
RuleName = Annotated[str | None, typer.Option("--rule", help="only alerts of this rule")]

app = typer.Typer(no_args_is_help=True)


@app.callback()
def verdicts() -> None:
    """Say which alerts were true, and count what was said."""


@app.command(name="list")
def list_alerts(days: Days = DAYS, rule: RuleName = None, *, as_json: AsJson = False) -> None:
    """Print alerts with the newest verdict on each, newest alert first."""
    settings = environment.read(ProcessorSettings)
    _print(verdict_tables.judged_alerts(settings, _since(days), rule), as_json=as_json)


@app.command(name="next")
def next_alerts(
    count: Annotated[int, typer.Option(min=1, help="how many")] = 1,
    days: Days = DAYS,
    rule: RuleName = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Print the alerts whose verdict would teach most: unjudged, and nearest to the threshold."""
    settings = environment.read(ProcessorSettings)
    thresholds = {
        one.rule: one.on_score
        for one in rule_file.load(settings.alerts_file)
        if isinstance(one, LabelRule)
    }
    alerts = verdict_tables.judged_alerts(settings, _since(days), rule)
    _print(judgement.most_telling_first(alerts, thresholds)[:count], as_json=as_json)


@app.command()
def give(
    alert: Annotated[UUID, typer.Argument(help="id, as `list` and `next` print it")],
    verdict: Annotated[Opinion, typer.Argument(help="was it what the rule says?")],
    by: Annotated[str, typer.Option("--by", help="who says so")],
    note: Annotated[str, typer.Option(help="what it really was, say")] = "",
    *,
    as_json: AsJson = False,
) -> None:
    """Give a verdict; it replaces an earlier one, which is kept."""
    settings = environment.read(ProcessorSettings)
    verdict_tables.give(settings, alert, verdict, said_by=by, note=note)
    given = len(verdict_tables.history(settings, alert))
    said = f"{alert} {verdict}" + (f" (verdict {given} on it)" if given > 1 else "")
    answer({"alert": str(alert), "verdict": verdict, "given": given}, said, as_json=as_json)


@app.command()
def report(days: Days = DAYS, *, as_json: AsJson = False) -> None:
    """Precision by verdicts, and false alerts a device-week with their 95 % upper bound."""
    settings, since = environment.read(ProcessorSettings), _since(days)
    hours = verdict_tables.heard_hours(settings, since)
    alerts = verdict_tables.judged_alerts(settings, since)
    rules = sorted({*(alert.rule for alert in alerts), *_names(settings)})
    counted = [
        judgement.counted(rule, [alert for alert in alerts if alert.rule == rule], hours)
        for rule in rules
    ]
    answer(counted, _report(counted, days), as_json=as_json)


def _names(settings: ProcessorSettings) -> list[str]:
    return [rule.rule for rule in rule_file.load(settings.alerts_file)]


def _since(days: int) -> datetime:
    return utc_now() - timedelta(days=days)


def _print(alerts: Sequence[JudgedAlert], *, as_json: bool) -> None:
    table = Table()
    for column in ("alert", "rule", "device", "onset", "s", "peak", "verdict", "by", "note"):
        table.add_column(column, no_wrap=column == "alert")
    for alert in alerts:
        table.add_row(
            str(alert.alert_id), alert.rule, alert.device, f"{alert.onset_at:%Y-%m-%d %H:%M:%S}",
            str(alert.active_s), "-" if alert.peak_score is None else str(alert.peak_score),
            alert.verdict or "-", alert.said_by or "", alert.note or "",
        )  # fmt: skip
    answer(alerts, table, as_json=as_json)


def _report(counted: Sequence[FalseAlerts], days: int) -> Table:
    hours = counted[0].device_hours if counted else 0.0
    table = Table(title=f"{days} days, {hours:.1f} device-hours heard", title_justify="left")
    for column in (
        "rule", "alerts", "true", "false", "unsure", "precision",
        "false a device-week", "at most (95 %), unjudged ones counted as false",
    ):  # fmt: skip
        table.add_column(column)
    for one in counted:
        table.add_row(
            one.rule, *map(str, (one.alerts, one.true, one.false, one.unsure)),
            _shown(one.precision, 3), _shown(one.false_per_device_week, 1),
            _shown(one.at_most_per_device_week, 1),
        )  # fmt: skip
    return table


def _shown(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
