"""`cityhum agent doctor`: whether this device may be left alone."""

import asyncio
from typing import Annotated

import typer

from agents import doctor as findings
from agents.adapters.doctor import diagnose
from agents.settings import AgentSettings
from cityhum import environment, logs


def doctor(
    *, as_json: Annotated[bool, typer.Option("--json", help="print the findings as JSON")] = False
) -> None:
    """Check microphone, rate, level, clock, broker, credentials and disk; exit 1 if one fails."""
    settings = environment.read(AgentSettings)
    logs.configure("ERROR")
    diagnosis = asyncio.run(diagnose(settings))
    typer.echo(diagnosis.model_dump_json() if as_json else findings.lines(diagnosis.findings))
    raise typer.Exit(code=0 if diagnosis.fit else 1)
