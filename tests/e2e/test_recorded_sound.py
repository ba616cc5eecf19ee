"""Recorded sirens and a recorded park through the whole stack: agent to alert row."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import psycopg
import pytest
from psycopg.rows import TupleRow

from agents import service
from agents.settings import AgentSettings
from deploy.local import programs
from deploy.local.results import Results
from deploy.local.stack import LocalStack
from deploy.local.supervise import Program, Supervisor
from tests.e2e.eventually import eventually
from tests.e2e.recordings import Source, joined, needs_recordings, siren_sources, soundscape

SPEED = 4.0
MODEL_WITHOUT_FOLD = "folds/street8-0.3.0-fold{}"
SURELY_HEARD = "157867"
"""A siren near the microphone, alone, for two minutes: whoever misses it is broken."""

Alerts = Mapping[str, list[str]]
"""State of each alert of a device."""


@needs_recordings
@pytest.mark.timeout(400)
async def test_sirens_are_alerted_and_a_park_is_not(
    stack: LocalStack, tmp_path: Path, record_property: Callable[[str, object], None]
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
    record_property("told", _told(found))
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
        await _ticks_arrive(stack)
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


async def _ticks_arrive(stack: LocalStack) -> None:
    """Wait until the whole way is open: what was sent before would come as a backlog."""
    since = datetime.now(UTC)
    with closing(Results(stack.addresses)) as results:

        async def ready() -> bool:
            return results.ready(["alerts", "archive"], since)

        await eventually(ready)


async def _settled(stack: LocalStack, sessions: list[str], readings: int) -> None:
    """Wait until all readings are stored and the alerts fold has seen what the archive has."""
    stored = "SELECT count(*) = %s FROM reading WHERE session = ANY(%s)"
    conninfo = stack.postgres.conninfo("cityhum_reader")
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as database:

        async def all_stored() -> bool:
            rows = await database.execute(stored, [readings, sessions])
            return (await rows.fetchone()) == (True,)

        async def alerts_have_seen(offsets: Mapping[int, int]) -> bool:
            reached = await _offsets(database, "alerts")
            return all(reached.get(at, 0) >= offset for at, offset in offsets.items())

        await eventually(all_stored)
        offsets = await _offsets(database, "archive")
        await eventually(partial(alerts_have_seen, offsets))


async def _offsets(database: psycopg.AsyncConnection[TupleRow], program: str) -> Mapping[int, int]:
    """Next offset of each partition of `readings.v1`."""
    query = """
        SELECT partition, next_offset FROM checkpoint
        WHERE program = %s AND topic = 'readings.v1'
    """
    return dict(await (await database.execute(query, [program])).fetchall())


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


def _told(found: Mapping[Source, list[str]]) -> str:
    """For the summary of the test run (conftest.py)."""
    once = [source for source, states in found.items() if states == ["cleared"]]
    missed = [
        f"  {source.freesound_id} (fold {source.fold}): {', '.join(states) or 'no alert'}"
        for source, states in found.items()
        if source not in once
    ]
    share = f"{len(once)} of {len(found)} siren sources raise exactly one alert and clear it"
    return "\n".join([share, *missed])
