"""What `cityhum replay` says: progress, lists, differences."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn
from rich.progress import Progress as Bar
from rich.table import Table

from processors.adapters.replay_catalog import Entry
from processors.adapters.replaying import Progress
from processors.replay import Request
from processors.replay_diff import AlertDiff, Difference

Show = Callable[[Progress], None]


@contextmanager
def progress() -> Iterator[Show]:
    """Yield what shows how far a replay is, on stderr; nothing where nobody looks."""
    bar = Bar(
        TextColumn("replay"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rate]}"),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        task = bar.add_task("", total=None, rate="")

        def show(now: Progress) -> None:
            bar.update(task, total=now.of_records, completed=now.records, rate=_rate(now))

        yield show


def done(request: Request, now: Progress, *, as_json: bool) -> None:
    """Say what a replay has done."""
    if as_json:
        figures = {
            "name": request.name,
            **now.model_dump(exclude={"of_records"}),
            "elapsed_s": round(now.elapsed_s, 2),
            "cpu_s": round(now.cpu_s, 2),
            "readings_per_s": round(now.readings_per_s),
            "times_real_time": round(now.times_real_time, 1),
        }
        typer.echo(orjson.dumps(figures))
        return
    typer.echo(
        f"{request.name}: {now.in_span} readings of the span in {now.elapsed_s:.1f} s,"
        f" {now.readings_per_s:,.0f} readings/s, {now.times_real_time:,.0f} × real time"
    )
    if now.unreadable:
        typer.echo(f"{now.unreadable} records cannot be read; live they are dead letters")


def listed(entries: Sequence[Entry], *, as_json: bool) -> None:
    """Print the replays."""
    if as_json:
        typer.echo(orjson.dumps([entry.model_dump(mode="json") for entry in entries]))
        return
    table = Table("name", "from", "to", "source", "state", "readings")
    for entry in entries:
        asked = entry.request
        state = "running" if entry.running else entry.state
        source = asked.get("model") or "readings.v1"
        table.add_row(
            entry.name, asked["begin"], asked["end"], source, state, f"{entry.readings:,}"
        )
    Console().print(table)


def difference(found: Difference, *, as_json: bool) -> None:
    """Print what a replay found otherwise."""
    if as_json:
        typer.echo(found.model_dump_json())
        return
    console = Console()
    console.print(_windows(found))
    alerts = found.alerts
    console.print(_alerts(alerts))
    counts = ", ".join(f"{count} {name}" for name, count in alerts.counts().items())
    console.print(f"alerts: {counts}")


def digests(live: Mapping[str, str], replayed: Mapping[str, str], *, as_json: bool) -> None:
    """Print the hashes of both sides."""
    if as_json:
        same = live == replayed
        typer.echo(orjson.dumps({"identical": same, "live": live, "replayed": replayed}))
        return
    for table, hashed in live.items():
        typer.echo(f"{table:14} {hashed}  live")
        other = replayed[table]
        typer.echo(f"{'':14} {'the same' if other == hashed else f'{other}  replayed'}")


def _windows(found: Difference) -> Table:
    table = Table("windows", "rows", "mean", "largest", title=f"{found.name} against live")
    for name, diff in found.windows.items():
        table.add_row(
            name,
            f"{diff.same} same, {diff.changed} changed, {diff.gained} gained, {diff.lost} lost",
        )
        for column, by in diff.columns.items():
            table.add_row(f"  {column}", str(by.windows), _number(by.mean), _number(by.largest))
    return table


def _alerts(found: AlertDiff) -> Table:
    table = Table("alert", "rule", "device", "onset", "seconds", "differs in")
    for what, alerts in (("gained", found.gained), ("lost", found.lost)):
        for one in alerts:
            lasted = (one.ended_at - one.onset_at).total_seconds()
            table.add_row(what, one.rule, one.device, _time(one.onset_at), f"{lasted:g}", "")
    for moved in found.moved:
        live = moved.live
        by = f"{moved.onset_s:+g} to {moved.end_s:+g}"
        table.add_row(
            "moved", live.rule, live.device, _time(live.onset_at), by, ", ".join(moved.columns)
        )
    return table


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:+.4g}"


def _time(at: datetime) -> str:
    return at.isoformat(timespec="seconds")


def _rate(now: Progress) -> str:
    left = "" if now.left_s is None else f", {timedelta(seconds=round(now.left_s))} left"
    return f"{now.readings_per_s:,.0f} readings/s, {now.times_real_time:,.0f} × real time{left}"
