"""`cityhum replay`: what the log would have given under other rules, another model, newer code."""

import asyncio
import logging
import signal
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from cityhum import environment, logs, replay_report
from cityhum.output import AsJson, answer, complain
from cityhum.status import Status
from processors import registry
from processors import replay as replays
from processors.adapters import (
    replay_catalog,
    replay_compare,
    replay_promote,
    replay_tables,
    replaying,
    rule_file,
)
from processors.adapters.clock import utc_now
from processors.adapters.replay_beside import beside_live
from processors.replay import Request, Span
from processors.settings import ProcessorSettings
from schemas.adapters import text_file
from schemas.errors import BadConfig, LogGap

Result = TypeVar("Result")
Hashes = tuple[Mapping[str, str], Mapping[str, str]]
Name = Annotated[str, typer.Argument(help="of the replay")]

app = typer.Typer(invoke_without_command=True)


@app.callback()
def replay(  # noqa: PLR0913  # options of the command line
    context: typer.Context,
    *,
    begin: Annotated[str, typer.Option("--from", help="time with zone, or date of the site")] = "",
    end: Annotated[str, typer.Option("--to", help="the same, not included; default: now")] = "",
    into: Annotated[str, typer.Option(help="name of the shadow")] = "",
    rules: Annotated[Path | None, typer.Option(help="rules in place of the live ones")] = None,
    model: Annotated[str | None, typer.Option(help="model that hears the features again")] = None,
    devices: Annotated[str, typer.Option(help="only these, with commas")] = "",
    jobs: Annotated[int, typer.Option(min=1, max=64, help="processes")] = 1,
    as_json: AsJson = False,
) -> None:
    """Replay a span of the log into a shadow beside the live record."""
    if context.invoked_subcommand is not None:
        return
    if not begin or not into:
        raise BadConfig("replay needs --from and --into; see cityhum replay --help")
    settings = _settings()
    chosen = [device for device in devices.split(",") if device]
    sites = registry.parse(text_file.read(settings.sites_file), str(settings.sites_file))
    request = replays.request(
        into,
        _span(sites, begin, end, chosen),
        rule_file.load(rules or settings.alerts_file, sites),
        model=model,
        devices=chosen,
    )
    with replay_report.progress() as show:
        done = _run(_replayed(settings, request, show, jobs))
    replay_report.done(request, done, as_json=as_json)


@app.command("list")
def list_replays(*, as_json: AsJson = False) -> None:
    """Name the replays, with their span and state."""
    settings = _settings()

    async def entries() -> list[replay_catalog.Entry]:
        async with replay_catalog.opened(settings, "") as connection:
            return list(await replay_catalog.entries(connection))

    replay_report.listed(_run(entries()), as_json=as_json)


@app.command()
def drop(name: Name, *, as_json: AsJson = False) -> None:
    """Remove a replay and all of its rows."""
    settings = _settings()

    async def dropped() -> None:
        async with replay_catalog.opened(settings, name) as connection:
            await replay_catalog.drop(connection, name)

    _run(dropped())
    answer({"removed": name}, f"{name} removed", as_json=as_json)


@app.command()
def diff(name: Name, *, as_json: AsJson = False) -> None:
    """Compare the final rows of a replay with the live ones, both ways."""
    settings = _settings()

    found, apart = _run(beside_live(settings, name, replay_compare.compared))
    replay_report.difference(found, apart, as_json=as_json)


@app.command()
def digest(name: Name, *, as_json: AsJson = False) -> None:
    """Hash the final rows of the span, live and replayed; status 1 if they differ."""
    settings = _settings()

    async def hashes(connection: replay_catalog.Connection, request: Request) -> Hashes:
        live = await replay_tables.hashes(connection, replay_tables.LIVE, request)
        shadow = replay_catalog.schema_of(name)
        return live, await replay_tables.hashes(connection, shadow, request)

    (live, replayed), apart = _run(beside_live(settings, name, hashes))
    replay_report.digests(live, replayed, apart, as_json=as_json)
    if live != replayed:
        raise typer.Exit(Status.PROBLEMS)


@app.command()
def promote(name: Name, *, as_json: AsJson = False) -> None:
    """Put a replay's rows in place of the live ones of its span."""
    _run(replay_promote.promote(_settings(), name))
    said = f"{name} promoted: its windows and alerts are the live ones now"
    answer({"promoted": name}, said, as_json=as_json)


def _settings() -> ProcessorSettings:
    settings = environment.read(ProcessorSettings)
    logs.configure(settings.log_level)
    # a person is looking: what is wrong is said in one line
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    return settings


def _span(sites: registry.Registry, begin: str, end: str, devices: list[str]) -> Span:
    zone = replays.zone_of(sites, devices)
    return Span(replays.instant(begin, zone), replays.instant(end, zone) if end else utc_now())


async def _replayed(
    settings: ProcessorSettings, request: Request, show: replaying.Show, jobs: int
) -> replaying.Progress:
    try:
        return await replaying.replay(settings, request, show, processes=jobs)
    except asyncio.CancelledError:
        complain(f"{request.name} is incomplete: cityhum replay drop {request.name}")
        raise


def _run(work: Coroutine[Any, Any, Result]) -> Result:
    try:
        return asyncio.run(_until_sigterm(work))
    except (KeyboardInterrupt, asyncio.CancelledError):
        raise typer.Abort from None
    except LogGap as gap:
        raise BadConfig(f"replay: {gap}") from None


async def _until_sigterm(work: Coroutine[Any, Any, Result]) -> Result:
    """Let SIGTERM do what Ctrl-C does: undo the work in its order, and say what is left of it."""
    task = asyncio.current_task()
    assert task is not None  # noqa: S101  # a coroutine runs in a task
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await work
