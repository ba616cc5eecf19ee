"""`cityhum checkpoints`: where each fold is in the log; a way on where records are gone."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Annotated

import typer

from cityhum import environment
from cityhum.output import AsJson, answer
from cityhum.status import Status
from processors.adapters import checkpoints as stored
from processors.adapters.checkpoints import Place
from processors.settings import ProcessorSettings

app = typer.Typer(no_args_is_help=True)


@app.callback()
def checkpoints() -> None:
    """Say where each fold is in the log; as the user that owns the database."""


@app.command("list")
def list_(*, as_json: AsJson = False) -> None:
    """List what each program has still to read; status 1 if records that it needs are gone."""
    found = asyncio.run(stored.places(environment.read(ProcessorSettings)))
    words = [
        f"{program} {topic}: {waiting} records wait" + (f", {gone} are GONE" if gone else "")
        for (program, topic), (waiting, gone) in _by_topic(found).items()
    ]
    answer([_told(one) for one in found], "\n".join(words) or "no checkpoint", as_json=as_json)
    if any(one.gone for one in found):
        raise typer.Exit(Status.PROBLEMS)


@app.command()
def accept(
    program: Annotated[str, typer.Argument(help="windows, alerts, archive or notify")],
    *,
    as_json: AsJson = False,
) -> None:
    """Accept that records are gone: the program goes on at the oldest that is there."""
    found = asyncio.run(stored.go_on(environment.read(ProcessorSettings), program))
    words = [
        f"{one.key.topic}/{one.key.partition}: {one.gone} records are given up, "
        f"goes on at {one.span.begin}"
        for one in found
    ]
    answer([_told(one) for one in found], "\n".join(words) or "nothing is gone", as_json=as_json)


def _by_topic(places: Iterable[Place]) -> Mapping[tuple[str, str], tuple[int, int]]:
    sums: dict[tuple[str, str], tuple[int, int]] = defaultdict(lambda: (0, 0))
    for one in places:
        waiting, gone = sums[one.program, one.key.topic]
        sums[one.program, one.key.topic] = (waiting + one.waiting, gone + one.gone)
    return sums


def _told(one: Place) -> dict[str, object]:
    return {
        "program": one.program,
        **one.key._asdict(),
        "next_offset": one.checkpoint.next_offset,
        "log_begins": one.span.begin,
        "log_ends": one.span.end,
        "waiting": one.waiting,
        "gone": one.gone,
    }
