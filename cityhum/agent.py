"""`cityhum agent`: what runs on the device."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from agents import service
from agents.settings import AgentSettings
from cityhum import environment, logs

app = typer.Typer(no_args_is_help=True)


@app.command()
def run() -> None:
    """Listen to the microphone, measure and publish until stopped."""
    settings = environment.read(AgentSettings)
    logs.configure(settings.log_level)
    asyncio.run(service.listen(settings))


@app.command()
def play(
    file: Annotated[Path, typer.Argument(help="a sound file, taken for the microphone")],
    speed: Annotated[float, typer.Option(min=1.0, help="times real time")] = 1.0,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="print the summary as JSON")] = False,
) -> None:
    """Publish the readings of a recording, and wait until all of them are acknowledged."""
    settings = environment.read(AgentSettings)
    logs.configure(settings.log_level)
    played = asyncio.run(service.play(settings, file, speed))
    typer.echo(played.model_dump_json() if as_json else played.sentence())
    raise typer.Exit(code=0 if played.remaining == 0 else 1)
