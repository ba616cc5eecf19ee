"""`cityhum bridge`: relay MQTT messages into Kafka until stopped."""

import asyncio
import logging
import os
import signal
from typing import NoReturn

import uvloop

from cityhum import environment, logs
from processors import bridge_service
from processors.settings import ProcessorSettings
from schemas.errors import BadConfig

EXIT_FAILED = 70

log = logging.getLogger(__name__)


def app() -> None:
    """Relay MQTT messages into Kafka; settings come from the environment."""
    settings = environment.read(ProcessorSettings)
    logs.configure(settings.log_level)
    uvloop.run(_serve(settings))


async def _serve(settings: ProcessorSettings) -> None:
    task = asyncio.current_task()
    if task is not None:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        await bridge_service.run(settings)
    except asyncio.CancelledError:
        log.info("bridge_stopped")
    except (BadConfig, ExceptionGroup) as error:
        raise _mistake(error) or _failed(error) from None
    except Exception as error:  # noqa: BLE001 - whatever it is, a fresh process is the way out
        raise _failed(error) from None


def _mistake(error: BadConfig | ExceptionGroup[Exception]) -> BadConfig | None:
    """The person's mistake in it, if that is what it is."""
    if isinstance(error, BadConfig):
        return error
    for inner in error.exceptions:
        if isinstance(inner, BadConfig | ExceptionGroup) and (mistake := _mistake(inner)):
            return mistake
    return None


def _failed(error: Exception) -> NoReturn:
    """Leave at once: nothing flushed, nothing acknowledged; MQTT delivers it again."""
    log.critical("bridge_failed", exc_info=error)
    logging.shutdown()
    os._exit(EXIT_FAILED)
