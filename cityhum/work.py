"""`cityhum work PROGRAM`: run a processor until stopped."""

import asyncio
import os
import signal
import threading
from enum import StrEnum
from typing import Annotated

import typer
import uvloop

from cityhum import environment, logs
from processors import service
from processors.adapters.faust_app import leave
from processors.settings import ProcessorSettings
from schemas.errors import CityhumError

STOP_WITHIN_S = 9.0


class Name(StrEnum):
    """Which processor."""

    CLASSIFY = "classify"
    WINDOWS = "windows"
    ALERTS = "alerts"
    ARCHIVE = "archive"
    RELAY = "relay"
    NOTIFY = "notify"


def app(program: Annotated[Name, typer.Argument(help="which processor")]) -> None:
    """Run one processor; settings come from the environment."""
    settings = environment.read(ProcessorSettings)
    logs.configure(settings.log_level)
    uvloop.run(_serve(program.value, settings))


async def _serve(name: str, settings: ProcessorSettings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, _stop, stop)
    try:
        await service.run(name, settings, stop)
    except CityhumError:
        raise  # the command line says it in one line
    except Exception as error:  # noqa: BLE001  # whatever it is, a fresh process is the way out
        leave(error)


def _stop(stop: asyncio.Event) -> None:
    """Ask for an orderly end; a broker that is away may not keep us longer than a while."""
    stop.set()
    late = threading.Timer(STOP_WITHIN_S, os._exit, (0,))
    late.daemon = True
    late.start()
