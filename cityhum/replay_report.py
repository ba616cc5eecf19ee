"""What `cityhum replay` says: progress, lists, differences."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from rich.console import Console, Group
from rich.markup import escape
from rich.progress import BarColumn, TaskProgressColumn, TextColumn
from rich.progress import Progress as Bar
from rich.table import Table

from cityhum.output import answer
from processors.adapters.replay_catalog import Entry
from processors.adapters.replaying import Progress
from processors.replay import Request
from processors.replay_diff import AlertDiff, Difference

Show = Callable[[Progress], None]


@contextmanager
def progress() -> Iterator[Show]:
    """Yield what shows how far a replay is, on stderr; nothing where nobody looks."""
    shown = Console(stderr=True)
    bar = Bar(
        TextColumn("replay"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rate]}"),
        console=shown,
        transient=True,
        disable=not shown.is_terminal,
    )
    with bar:
        task = bar.add_task("", total=None, rate="")

        def show(now: Progress) -> None:
            bar.update(task, total=now.of_records, completed=now.records, rate=_rate(now))

        yield show


def done(request: Request, now: Progress, *, as_json: bool) -> None:
    """Say what a replay has done."""
    figures = {
        "name": request.name,
        **now.model_dump(exclude={"of_records"}),
        "elapsed_s": round(now.elapsed_s, 2),
        "cpu_s": round(now.cpu_s, 2),
        "readings_per_s": round(now.readings_per_s),
        "times_real_time": round(now.times_real_time, 1),
    }
    said = (
        f"{request.name}: {now.in_span} readings of the span in {now.elapsed_s:.1f} s,"
        f" {now.readings_per_s:,.0f} readings/s, {now.times_real_time:,.0f} × real time"
    )
    if now.unreadable:
        said += f"\n{now.unreadable} records cannot be read; live they are dead letters"
    answer(figures, said, as_json=as_json)


def listed(entries: Sequence[Entry], *, as_json: bool) -> None:
    """Print the replays."""
    table = Table("name", "from", "to", "source", "state", "readings")
    for entry in entries:
        asked = entry.request
        state = "running" if entry.running else entry.state
        source = asked.get("model") or "readings.v1"
        table.add_row(
            entry.name, asked["begin"], asked["end"], source, state, f"{entry.readings:,}"
        )
    answer(entries, table, as_json=as_json)


def difference(found: Difference, apart: str, *, as_json: bool) -> None:
    """Print what a replay found otherwise, and why it is not where live is, if so."""
    alerts = found.alerts
    counts = ", ".join(f"{count} {name}" for name, count in alerts.counts().items())
    said = [f"alerts: {counts}", *_cooldowns(found), *_apart(apart)]
    words = Group(_windows(found), _alerts(alerts), *map(escape, said))
    answer({**found.model_dump(mode="json"), "apart": apart}, words, as_json=as_json)


def digests(
    live: Mapping[str, str], replayed: Mapping[str, str], apart: str, *, as_json: bool
) -> None:
    """Print the hashes of both sides, and why the replay is not where live is, if so."""
    told = {"identical": live == replayed, "live": live, "replayed": replayed, "apart": apart}
    answer(told, "\n".join([*_both(live, replayed), *_apart(apart)]), as_json=as_json)


def _apart(why: str) -> Iterator[str]:
    if why:
        yield f"not caught up with live, so the newest rows may differ: {why}"


def _both(live: Mapping[str, str], replayed: Mapping[str, str]) -> Iterator[str]:
    for table, hashed in live.items():
        yield f"{table:14} {hashed}  live"
        other = replayed[table]
        yield f"{'':14} {'the same' if other == hashed else f'{other}  replayed'}"


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


def _cooldowns(found: Difference) -> Iterator[str]:
    for rule in found.cooldowns:
        yield f"{rule} has a cooldown: live may have been in one that began before the replay"


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
