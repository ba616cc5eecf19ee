"""`cityhum notify`: check who is told of alerts, try a target, and what was given up."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import typer
from rich.table import Table

from cityhum import environment
from cityhum.output import AsJson, answer
from cityhum.status import Status
from processors import notify_words
from processors.adapters.clock import utc_now
from processors.adapters.notify import dead, targets
from processors.adapters.notify.dead import Dead
from processors.notify import Mistake, Target, WebhookTarget
from processors.registry import Registry, placed
from processors.settings import ProcessorSettings
from schemas.errors import BadConfig
from schemas.results import Alert

TargetName = Annotated[str | None, typer.Option("--target", help="only of this one")]

app = typer.Typer(no_args_is_help=True)
dead_app = typer.Typer(no_args_is_help=True)
app.add_typer(dead_app, name="dead", help="What was given up after the last try.")


@app.callback()
def notify() -> None:
    """Check who is told of alerts, try a target, and see what was given up."""


@app.command()
def check(
    file: Annotated[Path | None, typer.Argument(help="default: the one in force")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Print every target, and every mistake; status 1 if there is any."""
    settings = _settings(file)
    found, mistakes = targets.checked(settings)
    told = {"targets": found, "mistakes": [one._asdict() for one in mistakes]}
    answer(told, "\n".join(_words(found, mistakes)), as_json=as_json)
    if mistakes:
        raise typer.Exit(Status.PROBLEMS)


@app.command(name="test")
def try_target(
    target: Annotated[str, typer.Argument(help="its name in the file in force")],
    file: Annotated[Path | None, typer.Option("--file", help="another file")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Tell a target, once and at once, of an alert that never was: rule `test`."""
    named, sites = targets.load(_settings(file))
    found = next((one for one in named if one.target == target), None)
    if found is None:
        names = ", ".join(one.target for one in named) or "none"
        raise BadConfig(f"no target is called {target}: there are {names}")
    asyncio.run(_tell(found, sites))
    answer({"target": target, "taken": True}, f"{target} has taken it", as_json=as_json)


@dead_app.command(name="list")
def list_dead(target: TargetName = None, *, as_json: AsJson = False) -> None:
    """Print what targets were never told."""
    given_up = dead.listed(environment.read(ProcessorSettings), target)
    answer([one._asdict() for one in given_up], _table(given_up), as_json=as_json)


@dead_app.command()
def retry(
    ids: Annotated[list[int] | None, typer.Argument(help="as `list` prints them")] = None,
    target: TargetName = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Try again from the start: those named, those of a target, or all.

    Not those of an alert of which the target has been told a later event.
    """
    count = dead.retry(environment.read(ProcessorSettings), ids or None, target)
    answer({"again": count}, f"{count} will be tried again", as_json=as_json)


def _settings(file: Path | None) -> ProcessorSettings:
    settings = environment.read(ProcessorSettings)
    return settings if file is None else settings.model_copy(update={"notify_file": file})


async def _tell(target: Target, sites: Registry) -> None:
    async with targets.sender(target, notify_words.words(sites)) as sender:
        await sender.send(placed(_invented(target, sites), sites))


def _invented(target: Target, sites: Registry) -> Alert:
    device = (target.devices or tuple(sites.site_of) or ("none",))[0]
    now = utc_now()
    return Alert(
        alert_id=uuid4(),
        revision=0,
        state="raised",
        rule="test",
        rule_version="0" * 32,
        site=sites.site_of.get(device, "none"),
        device=device,
        session="0" * 26,
        onset_at=now - timedelta(seconds=3),
        raised_at=now,
        peak_laeq_1s_db=0.0,
        peak_score=None,
        active_s=3,
        historical=False,
    )


def _words(targets: Sequence[Target], mistakes: Sequence[Mistake]) -> Iterator[str]:
    if mistakes:
        yield from map(str, mistakes)
    else:
        yield from (f"{one.target}  {_described(one)}" for one in targets)


def _described(target: Target) -> str:
    how = f"webhook {target.webhook}" if isinstance(target, WebhookTarget) else "Apprise"
    where = ", ".join((*target.sites, *target.devices)) or "everywhere"
    rules = ", ".join(target.rules) or "every rule"
    return f"{how}: {rules}, {where}; {', '.join(target.events)}; {target.tries} tries"


def _table(given_up: Sequence[Dead]) -> Table:
    table = Table()
    for column in ("id", "target", "alert", "event", "rule", "device", "tries", "given up", "why"):
        table.add_column(column, no_wrap=column == "alert")
    for one in given_up:
        table.add_row(
            str(one.id), one.target, str(one.alert_id), one.event, one.rule, one.device,
            str(one.attempts), f"{one.given_up_at:%Y-%m-%d %H:%M:%S}", one.why,
        )  # fmt: skip
    return table
