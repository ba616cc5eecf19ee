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
from api.adapters import fleet_figures
from api.adapters.bell import DatabaseBell
from api.adapters.counting import Counted
from api.adapters.ears import ModelEars
from api.adapters.key_file import KeyRing
from api.adapters.records import DatabaseRecords
from api.app import create
from api.services import Services
from api.settings import ApiSettings
from records.adapters.postgres import PostgresReader
from schemas.adapters.vitals import Vitals, shown
from schemas.errors import BadConfig

log = logging.getLogger(__name__)

_STOP_WITHIN_S = 3
_CONNECTIONS = 512
_POSTGRES = "postgres"


def serve(settings: ApiSettings) -> None:
    """Answer until a signal comes.

    Raises
    ------
    BadConfig
        If the port is taken, or keys, password or model are wrong.
    """
    vitals = Vitals([_POSTGRES])
    with (
        listening(settings) as listener,
        PostgresReader(settings.database) as reader,
        shown(settings.metrics_host, settings.metrics_port, vitals),
    ):
        app = application(settings, reader, vitals)
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


def application(settings: ApiSettings, reader: PostgresReader, vitals: Vitals) -> FastAPI:
    """Application with everything real behind it.

    Raises
    ------
    BadConfig
        If keys, password or model are wrong.
    """
    bell = DatabaseBell(settings.database)
    records = DatabaseRecords(reader)

    async def ask() -> str:
        await asyncio.to_thread(records.place)
        return ""

    services = Services(
        records=records,
        gate=Gate(KeyRing(settings.keys_file).current, time.monotonic),
        bell=bell,
        now=lambda: datetime.now(UTC),
        ears=ModelEars(settings.model) if settings.classify else None,
        streams=asyncio.Semaphore(settings.streams_at_once),
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        tasks = [
            asyncio.create_task(bell.listen(), name="bell"),
            asyncio.create_task(fleet_figures.watch(reader), name="figures"),
        ]
        try:
            async with vitals:
                vitals.watch(_POSTGRES, ask)
                yield
        finally:
            for task in tasks:
                task.cancel()

    app = create(services, lifespan)
    app.add_middleware(Counted)
    return app


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
