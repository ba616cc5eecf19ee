"""`cityhum simulate`: a city of simulated devices that play rendered streets."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from agents.settings import AgentSettings
from agents.simulate import Place, Plan, Truth, places_for, simulate
from cityhum import environment, logs
from cityhum.output import AsJson, answer
from cityhum.simulate_light import replay
from cityhum.status import Status
from processors import registry
from processors.settings import ProcessorSettings
from schemas.adapters import text_file
from schemas.errors import BadConfig


def app(  # noqa: PLR0913  # options of the command line
    *,
    devices: Annotated[int, typer.Option(min=1, help="how many, in the sites file's order")] = 20,
    seed: Annotated[int, typer.Option(min=0, help="chooses everything that sounds")] = 7,
    seconds: Annotated[int | None, typer.Option(min=1, help="stop after so many")] = None,
    events: Annotated[Path | None, typer.Option(help="write what truly sounded, JSON")] = None,
    sound: Annotated[Path | None, typer.Option(help="recording for the first device")] = None,
    failing: Annotated[
        int, typer.Option(min=0, help="how many are wet, overdriven or have a wrong clock")
    ] = 0,
    light: Annotated[
        bool, typer.Option("--light", help="repeat what a few have heard: thousands of devices")
    ] = False,
    state: Annotated[Path | None, typer.Option(help="folder of the spools")] = None,
    as_json: AsJson = False,
) -> None:
    """Publish readings of simulated devices that play rendered street scenes.

    Status 3 if not all of them were acknowledged: the rest waits in the spools.
    """
    settings = environment.read(AgentSettings)
    if state is not None:
        settings = settings.model_copy(update={"state_folder": state})
    logs.configure(settings.log_level)
    plan = Plan(places_for(devices, _places()), seed, seconds, sound, failing)
    if light:
        truth = asyncio.run(_light(plan, settings))
        _write(events, truth)
    else:
        truth = asyncio.run(simulate(plan, settings, lambda truth: _write(events, truth)))
    readings = sum(device.readings for device in truth.devices)
    counted = (len(truth.devices), readings, truth.unacknowledged)
    answer(
        dict(zip(("devices", "readings", "unacknowledged"), counted, strict=True)),
        "{} devices, {} readings published, {} not acknowledged".format(*counted),
        as_json=as_json,
    )
    if truth.unacknowledged:
        raise typer.Exit(Status.AWAY)


async def _light(plan: Plan, settings: AgentSettings) -> Truth:
    if plan.sound is not None or plan.failing:
        raise BadConfig("--light renders nothing: it goes with neither --sound nor --failing")
    return await replay(plan, settings)


def _places() -> list[Place]:
    path = environment.read(ProcessorSettings).sites_file
    sites = registry.parse(text_file.read(path), str(path)).sites
    return [Place(site=site.site, device=d.device) for site in sites for d in site.devices]


def _write(path: Path | None, truth: Truth) -> None:
    """Replace the file at once: somebody may be reading it."""
    if path is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text(truth.model_dump_json(indent=1), encoding="utf-8")
    fresh.replace(path)
