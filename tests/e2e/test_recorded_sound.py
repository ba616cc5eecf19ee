"""Recorded sirens and a recorded park through the whole stack: agent to alert row."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import psycopg
import pytest

from agents import service
from agents.settings import AgentSettings
from deploy.local import programs
from deploy.local.stack import LocalStack
from deploy.local.supervise import Program, Supervisor
from tests.e2e.eventually import eventually
from tests.e2e.recordings import Source, joined, needs_recordings, siren_sources, soundscape

SPEED = 4.0
MODEL_WITHOUT_FOLD = "folds/street8-0.1.0-fold{}"
SURELY_HEARD = "157867"
"""A siren near the microphone, alone, for two minutes: whoever misses it is broken."""

Alerts = Mapping[str, list[str]]
"""State of each alert of a device."""


@needs_recordings
@pytest.mark.timeout(400)
async def test_sirens_are_alerted_and_a_park_is_not(
    stack: LocalStack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sources = siren_sources()
    devices = {source: f"pole-{n:02d}" for n, source in enumerate(sources, start=1)}
    park_device = f"pole-{len(sources) + 1:02d}"
    alerts: dict[str, list[str]] = {}
    async with Supervisor(_programs(stack), tmp_path / "log"):
        for fold in sorted({source.fold for source in sources}):
            recordings = {
                devices[source]: joined(slices, tmp_path / f"{source.freesound_id}.wav")
                for source, slices in sources.items()
                if source.fold == fold
            }
            if fold == "1":
                recordings[park_device] = soundscape("park_birds")
            model = MODEL_WITHOUT_FOLD.format(fold)
            alerts |= await _alerts_of(stack, recordings, model, tmp_path)
    found = {source: alerts[device] for source, device in devices.items()}
    _tell(found, capsys)
    assert alerts[park_device] == []
    heard = next(source for source in found if source.freesound_id == SURELY_HEARD)
    assert found[heard] == ["cleared"]


def _programs(stack: LocalStack) -> list[Program]:
    addresses = stack.addresses
    bridge = Program("bridge", [*programs.CITYHUM, "bridge"], addresses.environment("bridge"))
    return [bridge, *(programs.processor(addresses, name) for name in ("alerts", "archive"))]


async def _alerts_of(
    stack: LocalStack, recordings: Mapping[str, Path], model: str, folder: Path
) -> Alerts:
    """Play each recording on its device, all at once, heard by one model."""
    classify = programs.processor(stack.addresses, "classify")
    chosen = {**classify.environment, "CITYHUM_MODEL": model}
    classify = replace(classify, environment=chosen)
    async with Supervisor([classify], folder / "log"):
        played = await asyncio.gather(
            *(
                service.play(_settings(stack, device, folder), path, SPEED)
                for device, path in recordings.items()
            )
        )
        assert [one.remaining for one in played] == [0] * len(played)
        sessions = [one.session for one in played]
        await _settled(stack, sessions, sum(one.readings for one in played))
        with psycopg.connect(stack.postgres.conninfo("cityhum_reader")) as database:
            rows = database.execute(
                "SELECT device, state FROM alert WHERE session = ANY(%s)", [sessions]
            ).fetchall()
    return {device: [state for at, state in rows if at == device] for device in recordings}


async def _settled(stack: LocalStack, sessions: list[str], readings: int) -> None:
    """Wait until all readings are stored and the alerts fold has seen them."""
    stored = "SELECT count(*) = %s FROM reading WHERE session = ANY(%s)"
    behind = """
        SELECT count(*) = 0 FROM checkpoint archive LEFT JOIN checkpoint alerts
            ON alerts.program = 'alerts' AND alerts.topic = archive.topic
            AND alerts.partition = archive.partition
        WHERE archive.program = 'archive' AND archive.topic = 'readings.v1'
            AND archive.next_offset - coalesce(alerts.next_offset, 0) > 1
    """
    conninfo = stack.postgres.conninfo("cityhum_reader")
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as database:
        for question, values in ((stored, [readings, sessions]), (behind, [])):
            await eventually(partial(_true, database, question, values))


async def _true(
    database: psycopg.AsyncConnection[tuple[object, ...]], question: str, values: list[object]
) -> bool:
    row = await (await database.execute(question.encode(), values)).fetchone()
    return row is not None and bool(row[0])


def _settings(stack: LocalStack, device: str, folder: Path) -> AgentSettings:
    addresses = stack.addresses
    return AgentSettings(
        site="harbour",
        device=device,
        mqtt_host=addresses.mqtt_host,
        mqtt_port=addresses.mqtt_port,
        mqtt_password_file=addresses.secrets / "devices" / device,
        state_folder=folder / device,
    )


def _tell(found: Mapping[Source, list[str]], capsys: pytest.CaptureFixture[str]) -> None:
    once = [source for source, states in found.items() if states == ["cleared"]]
    with capsys.disabled():
        print(f"\nsirens: {len(once)} of {len(found)} sources raise exactly one alert and clear it")
        for source, states in found.items():
            if source not in once:
                print(f"  {source.freesound_id} (fold {source.fold}): {states or 'no alert'}")
