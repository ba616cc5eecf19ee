"""`cityhum dead-letters`: what was refused, and having it judged once more."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Final, get_args

import typer
from rich.table import Table

from cityhum import environment
from cityhum.output import AsJson, answer
from cityhum.status import Status
from processors import redrive as redrives
from processors import registry
from processors.adapters import redriving
from processors.adapters.clock import utc_now
from processors.redrive import Group, Redrive, Wanted
from processors.replay import instant
from processors.settings import ProcessorSettings
from schemas.adapters import text_file
from schemas.errors import BadConfig, Reason

_FIRST: Final = datetime.min.replace(tzinfo=UTC)
_LAST: Final = datetime.max.replace(tzinfo=UTC)

ReasonName = Annotated[str, typer.Option(help="only those with this reason")]
DeviceName = Annotated[str, typer.Option(help="only those of this device")]
Begin = Annotated[str, typer.Option("--from", help="received since then; time with zone")]
End = Annotated[str, typer.Option("--to", help="the same, not included")]

app = typer.Typer(no_args_is_help=True)


@app.callback()
def dead_letters() -> None:
    """Count what the bridge refused, and let it judge that once more."""


@app.command("list")
def list_(
    *,
    reason: ReasonName = "",
    device: DeviceName = "",
    begin: Begin = "",
    end: End = "",
    as_json: AsJson = False,
) -> None:
    """Count the letters, by device and reason."""
    settings = environment.read(ProcessorSettings)
    found = asyncio.run(redriving.found(settings, _wanted(reason, device, begin, end)))
    groups = redrives.groups(found)
    answer(groups, _table(groups) if groups else "no dead letter", as_json=as_json)


@app.command()
def redrive(
    *,
    reason: ReasonName = "",
    device: DeviceName = "",
    begin: Begin = "",
    end: End = "",
    as_json: AsJson = False,
) -> None:
    """Judge them as if they arrived now, and pass on what is good; status 1 if any is not.

    What the bridge took meanwhile in another way is counted once. Statuses stay where they are.
    """
    settings = environment.read(ProcessorSettings)
    sites = registry.parse(text_file.read(settings.sites_file), str(settings.sites_file))
    work = Redrive(sites, utc_now())
    asyncio.run(redriving.redrive(settings, _wanted(reason, device, begin, end), work))
    told = {"redriven": work.redriven, "refused": dict(work.refused), "left": work.left}
    again = "".join(f", {count} refused: {why}" for why, count in sorted(work.refused.items()))
    words = f"{work.redriven} redriven{again}, {work.left} cannot be"
    answer(told, words, as_json=as_json)
    if work.refused:
        raise typer.Exit(Status.PROBLEMS)


def _wanted(reason: str, device: str, begin: str, end: str) -> Wanted:
    if reason and reason not in get_args(Reason):
        raise BadConfig(f"--reason: {reason[:40]!r} is none of {', '.join(get_args(Reason))}")
    since = instant(begin, None) if begin else _FIRST
    return Wanted(since, instant(end, None) if end else _LAST, reason, device)


def _table(groups: Sequence[Group]) -> Table:
    table = Table("from", "reason", "messages", "can be redriven", "oldest", "newest")
    for one in groups:
        counts = f"{one.messages}", f"{one.can_be_redriven}"
        table.add_row(one.origin, one.reason, *counts, f"{one.oldest_at}", f"{one.newest_at}")
    return table
