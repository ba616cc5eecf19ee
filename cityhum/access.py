"""`cityhum access`: who may do what in Kafka, as `deploy/access.yaml` says."""

import asyncio
from pathlib import Path
from typing import Annotated, Final

import typer

from cityhum import environment
from cityhum.output import AsJson, answer
from cityhum.status import Status
from processors import access, access_page
from processors.access import Grant
from processors.adapters import kafka_access
from processors.settings import ProcessorSettings
from schemas.adapters import text_file

app = typer.Typer(no_args_is_help=True)

_FILE: Final = Path("deploy/access.yaml")
File = Annotated[Path, typer.Option(help="the table")]


@app.callback()
def access_list() -> None:
    """Who may do what in Kafka. Log in as Kafka's `admin` (CITYHUM_KAFKA_USER)."""


@app.command()
def apply(file: File = _FILE, *, as_json: AsJson = False) -> None:
    """Make Kafka's access list what the table says; lines that it does not name are removed."""
    settings = environment.read(ProcessorSettings)
    added, removed = asyncio.run(kafka_access.apply(settings, _wanted(file)))
    said = f"{added} lines added, {removed} removed"
    answer({"added": added, "removed": removed}, said, as_json=as_json)


@app.command()
def check(file: File = _FILE, *, as_json: AsJson = False) -> None:
    """Compare Kafka's access list with the table; status 1 if they differ."""
    settings = environment.read(ProcessorSettings)
    found = asyncio.run(kafka_access.differences(settings, _wanted(file)))
    answer({"differences": found}, "\n".join(found) or "as planned", as_json=as_json)
    if found:
        raise typer.Exit(Status.PROBLEMS)


@app.command()
def show(file: File = _FILE) -> None:
    """Print the whole table: Mosquitto, Kafka, PostgreSQL."""
    typer.echo(access_page.page(access.parse(text_file.read(file), str(file))))


def _wanted(file: Path) -> frozenset[Grant]:
    return access.grants(access.parse(text_file.read(file), str(file)).kafka)
