"""`cityhum agent doctor`: whether this device may be left alone."""

import asyncio

import typer

from agents import doctor as findings
from agents.adapters.doctor import diagnose
from agents.settings import AgentSettings
from cityhum import environment, logs
from cityhum.output import AsJson, answer
from cityhum.status import Status


def doctor(*, as_json: AsJson = False) -> None:
    """Check microphone, rate, level, clock, broker, credentials and disk; status 1 if one fails."""
    settings = environment.read(AgentSettings)
    logs.configure("ERROR")
    diagnosis = asyncio.run(diagnose(settings))
    answer(diagnosis, findings.lines(diagnosis.findings), as_json=as_json)
    if not diagnosis.fit:
        raise typer.Exit(Status.PROBLEMS)
