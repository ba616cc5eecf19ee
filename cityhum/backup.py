"""`cityhum backup`: save the database, list what was saved, restore it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from cityhum import environment
from cityhum.output import AsJson, answer, complain
from processors.adapters import backup as backups
from processors.adapters.clock import utc_now
from processors.backups import Backup, outdated
from processors.settings import ProcessorSettings
from schemas.errors import BadConfig, Unavailable

app = typer.Typer(no_args_is_help=True)

Folder = Annotated[Path, typer.Argument(help="where backups are kept, each in a folder of its own")]


@app.callback()
def backup() -> None:
    """Save the database, list what was saved, restore it; as the user that owns it."""


@app.command()
def make(
    folder: Folder,
    *,
    keep: Annotated[int, typer.Option(min=1, help="so many backups stay; older ones go")] = 14,
    as_json: AsJson = False,
) -> None:
    """Save the database while everything runs."""
    settings = environment.read(ProcessorSettings)
    place, said = backups.make(settings, folder)
    try:
        backups.note(settings, said)
    except Unavailable as error:
        complain(f"{place} is complete, but the database has not noted it: {error}")
    gone = outdated(list(_readable(folder)), keep)
    for one in [*gone, *backups.abandoned(folder, utc_now())]:
        backups.remove(one)
    told = {"folder": str(place), "removed": [str(one) for one in gone], **_told(said)}
    answer(told, f"{place}: {_words(said)}", as_json=as_json)


@app.command("list")
def list_(folder: Folder, *, as_json: AsJson = False) -> None:
    """List the finished backups, oldest first."""
    found = _readable(folder)
    words = "\n".join(f"{place}: {_words(said)}" for place, said in found.items())
    told = [{"folder": str(place), **_told(said)} for place, said in found.items()]
    answer(told, words or f"no backup in {folder}", as_json=as_json)


@app.command()
def restore(
    place: Annotated[Path, typer.Argument(help="folder of one backup")],
    *,
    as_json: AsJson = False,
) -> None:
    """Fill an empty database; processors may run, and then catch up from Kafka."""
    if not place.is_dir():
        raise BadConfig(f"{place} is no backup: cityhum backup list")
    said = backups.restore(environment.read(ProcessorSettings), place)
    answer(_told(said), f"restored {_words(said)}", as_json=as_json)


def _readable(folder: Path) -> Mapping[Path, Backup]:
    found, unreadable = backups.kept(folder)
    for place in unreadable:
        complain(f"{place} is damaged, or of a newer version: left as it is, and not counted")
    return found


def _told(said: Backup) -> dict[str, object]:
    return said.model_dump(mode="json")


def _words(said: Backup) -> str:
    newest = "none" if said.newest_reading_at is None else f"{said.newest_reading_at:%F %T}Z"
    return (
        f"{said.bytes / 1e6:.1f} MB of {said.made_at:%F %T}Z, schema {said.revision}, "
        f"{said.readings} readings, the newest of {newest}"
    )
