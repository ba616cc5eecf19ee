"""`cityhum partitions`: days of readings made ahead of time, and dropped when they are old."""

import asyncio
import logging
import signal
from collections.abc import Sequence
from contextlib import suppress
from datetime import date
from typing import Annotated

import typer

from cityhum import environment, logs
from cityhum.output import AsJson, answer
from processors.adapters import reading_days
from processors.adapters.clock import utc_now
from processors.adapters.reading_days import Kept
from processors.reading_days import AHEAD_DAYS, KEEP_DAYS, LEAST_KEEP_DAYS, wait_s
from processors.settings import ProcessorSettings
from schemas.errors import Unavailable

app = typer.Typer(no_args_is_help=True)
log = logging.getLogger(__name__)

Ahead = Annotated[int, typer.Option(min=1, max=365, help="days ahead that have a partition")]
Keep = Annotated[int, typer.Option(min=LEAST_KEEP_DAYS, help="days back that are never dropped")]


@app.callback()
def partitions() -> None:
    """Look after the days of readings; as the user that owns the database."""


@app.command("list")
def list_(*, as_json: AsJson = False) -> None:
    """List the days, oldest first, with their size."""
    found = reading_days.partitions(environment.read(ProcessorSettings))
    told = [{"day": one.day, "bytes": one.bytes} for one in found]
    words = "\n".join(f"{one.day}  {one.bytes / 1e6:9.1f} MB" for one in found)
    answer(told, words or "no day yet: cityhum migrate", as_json=as_json)


@app.command()
def keep(
    *,
    ahead: Ahead = AHEAD_DAYS,
    days: Keep = KEEP_DAYS,
    silent: Annotated[
        bool, typer.Option(help="count from today, whatever the newest readings are of")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make the days ahead and drop the old ones, once: for cron or a systemd timer."""
    settings, today = environment.read(ProcessorSettings), utc_now().date()
    reached = today if silent else None
    kept = reading_days.keep(settings, today, ahead_days=ahead, keep_days=days, reached=reached)
    told = {"made": kept.made, "dropped": kept.dropped}
    answer(told, f"made: {_named(kept.made)}; dropped: {_named(kept.dropped)}", as_json=as_json)


@app.command()
def daily(*, ahead: Ahead = AHEAD_DAYS, days: Keep = KEEP_DAYS) -> None:
    """Do the same at once and then every night, until stopped."""
    settings = environment.read(ProcessorSettings)
    logs.configure(settings.log_level)
    asyncio.run(_nightly(settings, ahead, days))


async def _nightly(settings: ProcessorSettings, ahead: int, days: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    while not stop.is_set():
        done = await asyncio.to_thread(_tried, settings, ahead, days)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), wait_s(utc_now(), done=done))


def _tried(settings: ProcessorSettings, ahead: int, days: int) -> bool:
    """Whether it could be done now."""
    try:
        kept = reading_days.keep(settings, utc_now().date(), ahead_days=ahead, keep_days=days)
    except Unavailable as error:
        log.warning("partitions_waiting", extra={"why": str(error)})
        return False
    log.info("partitions_kept", extra=_told(kept))
    return True


def _told(kept: Kept) -> dict[str, object]:
    return {"made": len(kept.made), "dropped": [str(day) for day in kept.dropped]}


def _named(days: Sequence[date]) -> str:
    return ", ".join(map(str, days)) or "none"
