"""`cityhum gaps`: which readings are missing, by device, session and number."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated

import typer
from rich.console import Group
from rich.table import Table

from cityhum import environment
from cityhum.output import AsJson, answer
from cityhum.status import Status
from processors.adapters import gaps as gap_table
from processors.adapters.clock import utc_now
from processors.gaps import Gap, Unfolded
from processors.replay import instant
from processors.settings import ProcessorSettings


def app(
    begin: Annotated[str, typer.Option("--from", help="time with zone; default: a day ago")] = "",
    end: Annotated[str, typer.Option("--to", help="the same, not included; default: now")] = "",
    *,
    as_json: AsJson = False,
) -> None:
    """Name what is missing: readings, and those that are stored but in no window; status 1."""
    now = utc_now()
    span = (
        instant(begin, None) if begin else now - timedelta(days=1),
        instant(end, None) if end else now,
    )
    settings = environment.read(ProcessorSettings)
    gaps, unfolded = gap_table.found(settings, *span), gap_table.unfolded(settings, *span)
    words = Group(_readings(gaps), _windows(unfolded)) if gaps or unfolded else "nothing is missing"
    answer({"readings": gaps, "windows": unfolded}, words, as_json=as_json)
    if gaps or unfolded:
        raise typer.Exit(Status.PROBLEMS)


def _readings(gaps: Sequence[Gap]) -> Table:
    table = Table("device", "session", "first seq", "readings", "until", title="not stored")
    for gap in gaps:
        until = f"{gap.until or 'dropped'}"
        table.add_row(gap.device, gap.session, f"{gap.first_seq}", f"{gap.count}", until)
    return table


def _windows(unfolded: Sequence[Unfolded]) -> Table:
    table = Table("device", "window", "readings", title="stored, but in no window")
    for one in unfolded:
        table.add_row(one.device, f"{one.started_at}", f"{one.count}")
    return table
