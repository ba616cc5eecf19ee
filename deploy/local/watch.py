"""What the demo shows in the terminal: rows -> tables. Pure."""

from collections.abc import Sequence

from rich.table import Table

from deploy.local.report import Report
from deploy.local.results import DeviceNow
from schemas.base import ACTIVE_SCORE


def city(devices: Sequence[DeviceNow]) -> Table:
    """One line per device: its level, what it hears, its open alerts."""
    table = Table("device", "place", "LAeq,1s dB", "", "hears", "alert", box=None)
    for device in devices:
        level = device.laeq_1s_db
        table.add_row(
            device.device,
            device.name,
            "" if level is None else f"{level:.1f}",
            "" if level is None else "▇" * max(int((level - 40) / 2.5), 0),
            ", ".join(heard(device)),
            f"[bold red]{device.alerts}[/]" if device.alerts else "",
        )
    return table


def heard(device: DeviceNow) -> list[str]:
    """Active labels of the newest second, surest first."""
    scores = zip(device.scores or [], device.labels or [], strict=True)
    return [label for score, label in sorted(scores, reverse=True) if score >= ACTIVE_SCORE]


def alerts(report: Report) -> Table:
    """The alerts of a run beside the truth."""
    table = Table("device", "rule", "onset s", "delay s", "state", "true event", box=None)
    for alert in report.alerts:
        delay = "" if alert.delay_s is None else f"{alert.delay_s:.1f}"
        truth = {True: "yes", False: "no", None: "a recording"}[alert.true_event]
        table.add_row(alert.device, alert.rule, f"{alert.onset_s:.1f}", delay, alert.state, truth)
    return table
