"""Wiring: settings -> a server that answers until it is told to stop."""

import asyncio
import logging
import os
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import uvicorn
from fastapi import FastAPI

from api.access import Gate
from api.adapters.bell import DatabaseBell
from api.adapters.ears import ModelEars
from api.adapters.key_file import KeyRing
from api.adapters.records import DatabaseRecords
from api.app import create
from api.services import Services
from api.settings import ApiSettings
from records.adapters.postgres import PostgresReader
from schemas.errors import BadConfig

log = logging.getLogger(__name__)

_STOP_WITHIN_S = 3
_CONNECTIONS = 512


def serve(settings: ApiSettings) -> None:
    """Answer until a signal comes.

    Raises
    ------
    BadConfig
        If the port is taken, or keys, password or model are wrong.
    """
    with listening(settings) as listener, PostgresReader(settings.database) as reader:
        app = application(settings, reader)
        host, port = listener.getsockname()[:2]
        log.info("api_serving", extra={"address": f"http://{host}:{port}"})
        config = uvicorn.Config(
            app,
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            limit_concurrency=_CONNECTIONS,
            timeout_graceful_shutdown=_STOP_WITHIN_S,
        )
        uvicorn.Server(config).run(sockets=[listener])


def application(settings: ApiSettings, reader: PostgresReader) -> FastAPI:
    """Application with everything real behind it.

    Raises
    ------
    BadConfig
        If keys, password or model are wrong.
    """
    bell = DatabaseBell(settings.database)
    services = Services(
        records=DatabaseRecords(reader),
        gate=Gate(KeyRing(settings.keys_file).current, time.monotonic),
        bell=bell,
        now=lambda: datetime.now(UTC),
        ears=ModelEars(settings.model) if settings.classify else None,
        streams=asyncio.Semaphore(settings.streams_at_once),
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        ringing = asyncio.create_task(bell.listen(), name="bell")
        try:
            yield
        finally:
            ringing.cancel()

    return create(services, lifespan)


def listening(settings: ApiSettings) -> socket.socket:
    """Socket that listens where the settings say.

    Raises
    ------
    BadConfig
        If the port is taken, or there is no such address here.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family)
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise BadConfig(
            f"{settings.host} port {settings.port}: {why}; set CITYHUM_API_HOST, CITYHUM_API_PORT"
        ) from None
