"""What `cityhum replay` says: progress, lists, differences."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn
from rich.progress import Progress as Bar
from rich.table import Table

from processors.adapters.replay_catalog import Entry
from processors.adapters.replaying import Progress
from processors.replay import Request

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


def _rate(now: Progress) -> str:
    left = "" if now.left_s is None else f", {timedelta(seconds=round(now.left_s))} left"
    return f"{now.readings_per_s:,.0f} readings/s, {now.times_real_time:,.0f} × real time{left}"
