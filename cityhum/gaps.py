"""`cityhum gaps`: which readings are missing, by device, session and number."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated

import typer
from rich.table import Table

from cityhum import environment
from cityhum.output import AsJson, answer
from cityhum.status import Status
from processors.adapters import gaps as gap_table
from processors.adapters.clock import utc_now
from processors.gaps import Gap
from processors.replay import instant
from processors.settings import ProcessorSettings


def app(
    begin: Annotated[str, typer.Option("--from", help="time with zone; default: a day ago")] = "",
    end: Annotated[str, typer.Option("--to", help="the same, not included; default: now")] = "",
    *,
    as_json: AsJson = False,
) -> None:
    """Name the readings that are missing between those that are stored; status 1 if any are."""
    now = utc_now()
    span = (
        instant(begin, None) if begin else now - timedelta(days=1),
        instant(end, None) if end else now,
    )
    found = gap_table.found(environment.read(ProcessorSettings), *span)
    answer(found, _table(found) if found else "no reading is missing", as_json=as_json)
    if found:
        raise typer.Exit(Status.PROBLEMS)


def _table(gaps: Sequence[Gap]) -> Table:
    table = Table("device", "session", "first seq", "readings", "until")
    for gap in gaps:
        table.add_row(gap.device, gap.session, f"{gap.first_seq}", f"{gap.count}", f"{gap.until}")
    return table
