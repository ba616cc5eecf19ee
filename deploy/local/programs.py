"""The programs of the server side, each with the least rights that it needs."""

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.local import api_keys
from deploy.local.stack import Addresses
from deploy.local.supervise import Program
from processors import access
from processors.access import Access
from processors.settings import ProcessorSettings
from schemas.errors import BadConfig, Unavailable

ACCESS = Path(__file__).parents[1] / "access.yaml"
CITYHUM = (sys.executable, "-m", "cityhum")
PROCESSORS = ("classify", "windows", "alerts", "archive", "relay")
NOTIFY = "notify"
"""Runs where CITYHUM_NOTIFY_FILE says whom to tell."""


@dataclass(frozen=True)
class Faces:
    """Ports of what people look at."""

    dashboard: int
    api: int


def server_side(addresses: Addresses, faces: Faces) -> list[Program]:
    """Bridge, processors, dashboard and API, and who looks after the days of readings."""
    return [
        Program("partitions", [*CITYHUM, "partitions", "daily"], least(addresses, "partitions")),
        Program("bridge", [*CITYHUM, "bridge"], least(addresses, "bridge")),
        *(processor(addresses, name) for name in (*PROCESSORS, *_wanted())),
        dashboard(addresses, faces.dashboard),
        api(addresses, faces.api),
    ]


def _wanted() -> Sequence[str]:
    return [NOTIFY] if ProcessorSettings().notify_file else []


def processor(addresses: Addresses, name: str) -> Program:
    """One `cityhum work NAME`."""
    return Program(name, [*CITYHUM, "work", name], least(addresses, name))


def least(addresses: Addresses, name: str) -> Mapping[str, str]:
    """Variables of a program, with the users that deploy/access.yaml gives it."""
    known = access_table().programs
    if name not in known:
        raise BadConfig(f"no program is called {name}: there are {', '.join(known)}")
    return addresses.environment(known[name].mqtt, known[name].postgres)


def access_table() -> Access:
    """Who may do what."""
    return access.parse(ACCESS.read_text(encoding="utf-8"), ACCESS.name)


def dashboard(addresses: Addresses, port: int) -> Program:
    """The dashboard reads with the read-only role, and judges alerts with the operator's."""
    passwords = addresses.secrets / "postgres"
    return Program(
        "dashboard",
        [sys.executable, "-m", "dashboard", f"--server.port={port}"],
        {
            "CITYHUM_DASHBOARD_POSTGRES_HOST": addresses.postgres_host,
            "CITYHUM_DASHBOARD_POSTGRES_PORT": str(addresses.postgres_port),
            "CITYHUM_DASHBOARD_POSTGRES_DB": addresses.postgres_db,
            "CITYHUM_DASHBOARD_POSTGRES_PASSWORD_FILE": str(passwords / "cityhum_reader"),
            "CITYHUM_DASHBOARD_OPERATOR_PASSWORD_FILE": str(passwords / "cityhum_operator"),
        },
    )


def api(addresses: Addresses, port: int) -> Program:
    """The HTTP API, with the password of the read-only role and a file of keys."""
    return Program(
        "api",
        [*CITYHUM, "api"],
        {
            "CITYHUM_API_PORT": str(port),
            "CITYHUM_API_KEYS_FILE": str(api_keys.keys_file(addresses.secrets)),
            "CITYHUM_API_POSTGRES_HOST": addresses.postgres_host,
            "CITYHUM_API_POSTGRES_PORT": str(addresses.postgres_port),
            "CITYHUM_API_POSTGRES_DB": addresses.postgres_db,
            "CITYHUM_API_POSTGRES_PASSWORD_FILE": str(
                addresses.secrets / "postgres" / "cityhum_reader"
            ),
        },
    )


async def prepare(addresses: Addresses) -> None:
    """Bring database and topics to this version.

    Raises
    ------
    Unavailable
        With the last line that the failing command said.
    """
    await _finish(["migrate"], least(addresses, "migrate"))
    await _finish(["topics", "create"], least(addresses, "topics"))


async def _finish(command: Sequence[str], environment: Mapping[str, str]) -> None:
    process = await asyncio.create_subprocess_exec(
        *CITYHUM,
        *command,
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    if process.returncode:
        last = said.decode(errors="replace").strip().split("\n")[-1]
        raise Unavailable(f"cityhum {' '.join(command)}: {last}")
