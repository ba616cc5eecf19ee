"""`cityhum alerts`: list and show alerts, and follow them as they come."""

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final
from uuid import UUID

import typer
from rich.table import Table

from cityhum import environment, following
from cityhum.output import AsJson, answer, complain, line
from processors.adapters.clock import utc_now
from processors.settings import ProcessorSettings
from records import alerts as recorded
from records import spans
from records.adapters.postgres import PostgresReader
from records.address import Address
from records.alerts import Alert, Wanted
from schemas.errors import BadConfig, Unavailable
from schemas.results import Alert as Event

DAY_S: Final = 86_400
_AGAIN_S: Final = 2.0

Follow = Annotated[bool, typer.Option("--follow", "-f", help="print each event as it comes")]
Resume = Annotated[
    Path | None,
    typer.Option("--resume", help="with --follow: keep the place in this file, and go on from it"),
]

app = typer.Typer(no_args_is_help=False)


@app.callback(invoke_without_command=True)
def alerts(
    context: typer.Context,
    *,
    follow: Follow = False,
    resume: Resume = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="print JSON; with --follow an object a line")
    ] = False,
) -> None:
    """List alerts of the last day, or follow them."""
    if context.invoked_subcommand is not None:
        if follow or resume or as_json:
            raise BadConfig(f"options go behind {context.invoked_subcommand}; --follow is without")
        return
    if not follow:
        list_alerts(as_json=as_json)
        return
    with _reader() as reader:
        for event in following.events(reader, resume, _patiently):
            _told(event, as_json=as_json)


@app.command(name="list")
def list_alerts(
    days: Annotated[int, typer.Option(min=1, max=3650, help="how far back")] = 1,
    rule: Annotated[list[str] | None, typer.Option(help="only of these rules")] = None,
    device: Annotated[list[str] | None, typer.Option(help="only of these devices")] = None,
    site: Annotated[str | None, typer.Option(help="only of this site")] = None,
    *,
    open_only: Annotated[bool, typer.Option("--open", help="only those that go on")] = False,
    as_json: AsJson = False,
) -> None:
    """Print alerts, newest first, with what operators said of them."""
    span = spans.last(days * DAY_S, utc_now() + spans.AHEAD)
    wanted = Wanted(devices=device, site=site, rules=rule, open_only=open_only)
    with _reader() as reader:
        found = [*recorded.every(reader, span, wanted)]
    answer([one._asdict() for one in found], _table(found), as_json=as_json)


@app.command()
def show(
    alert: Annotated[UUID, typer.Argument(help="id, as `list` prints it")],
    *,
    as_json: AsJson = False,
) -> None:
    """Print all that is known of an alert."""
    with _reader() as reader:
        found = recorded.one(reader, alert)
    if found is None:
        raise BadConfig(f"no alert {alert}")
    words = "\n".join(f"{name:<16} {_shown(value)}" for name, value in found._asdict().items())
    answer(found._asdict(), words, as_json=as_json)


@contextmanager
def _reader() -> Iterator[PostgresReader]:
    settings = environment.read(ProcessorSettings)
    # a person is looking: what is wrong is said in one line
    logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)
    address = Address(
        settings.postgres_host,
        settings.postgres_port,
        settings.postgres_db,
        settings.postgres_user,
        settings.postgres_password_file,
        settings.postgres_ca,
    )
    with PostgresReader(address, at_once=1) as reader:
        yield reader


def _patiently(why: Unavailable | None) -> None:
    """Wait for more, or for a database that is away."""
    if why is not None:
        complain(f"{why}; waiting")
    time.sleep(_AGAIN_S if why is not None else following.LOOK_EVERY_S)


def _told(event: Event, *, as_json: bool) -> None:
    if as_json:
        line(event)
        return
    at = event.ended_at or event.raised_at
    typer.echo(
        f"{at:%Y-%m-%d %H:%M:%S}Z  {event.state:<7}  {event.rule}  {event.site}/{event.device}  "
        f"{event.active_s} s  {event.peak_laeq_1s_db:.1f} dB  {event.alert_id}"
    )


def _table(found: Sequence[Alert]) -> Table:
    table = Table()
    for column in ("alert", "state", "rule", "device", "onset", "s", "dB", "verdict"):
        table.add_column(column, no_wrap=column == "alert")
    for one in found:
        table.add_row(
            str(one.alert_id), one.state, one.rule, one.device,
            f"{one.onset_at:%Y-%m-%d %H:%M:%S}", str(one.active_s),
            f"{one.peak_laeq_1s_db:.1f}", one.verdict or "-",
        )  # fmt: skip
    return table


def _shown(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds")
    return "-" if value is None else str(value)
