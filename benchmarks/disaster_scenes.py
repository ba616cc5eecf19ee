"""What happens to a stack in each disaster, and what is done about it: only what docs say."""

import asyncio
import json
import os
import shutil
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import (
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
    nullcontext,
    suppress,
)
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg

from benchmarks import disaster_disks, proc
from benchmarks.faults import FOLDS, Scene
from deploy.local import programs
from deploy.local.process import Server
from deploy.local.stack import Addresses
from schemas.errors import CityhumError, Unavailable

Facts = dict[str, Any]
KAFKA_MB: Final = 384
POSTGRES_MB: Final = 512
SPOOL_MB: Final = 64
STALL_S: Final = 60.0
_ONLY_IN_KAFKA_S: Final = 2.0
_DOWN_S: Final = 2.0
_CAUGHT_UP_WITHIN_S: Final = 120.0
_LOOK_EVERY_S: Final = 0.5


@dataclass(frozen=True)
class Disaster:
    """What happens half way through the recording, which takes so many seconds.

    `disk` mounts a small disk in the stack's folder before anything starts.
    """

    name: str
    happens: Callable[[Scene, float], Awaitable[Facts]]
    disk: Callable[[Path], AbstractContextManager[None]] | None = None
    log_is_lost: bool = False

    def mounted(self, folder: Path) -> AbstractContextManager[None]:
        """The small disk, if it takes one."""
        return self.disk(folder) if self.disk else nullcontext()


async def postgres_destroyed(scene: Scene, lasts_s: float) -> Facts:
    """Backup at a third; at two thirds server and data are gone, and restored from it."""
    postgres, owner = scene.stack.postgres, _owner(scene.stack.addresses)
    backups = scene.spools.parent / "backups"
    await asyncio.sleep(lasts_s / 3)
    began_s = time.monotonic()
    made = json.loads(await _cityhum(owner, "backup", "make", str(backups), "--json"))
    backup_s = time.monotonic() - began_s
    await asyncio.sleep(lasts_s / 3)
    before = _stored(scene)
    await asyncio.to_thread(postgres.kill)
    postgres.remove()
    await asyncio.sleep(_DOWN_S)
    await asyncio.to_thread(postgres.start)
    began_s = time.monotonic()
    await _cityhum(owner, "backup", "restore", made["folder"])
    restored_s = time.monotonic()
    await _until(lambda: _stored(scene) >= before)
    return {
        "backup_mb": round(made["bytes"] / 1e6, 1),
        "backup_s": round(backup_s, 1),
        "readings_in_backup": made["readings"],
        "readings_when_destroyed": before,
        "restore_s": round(restored_s - began_s, 1),
        "caught_up_s": round(time.monotonic() - restored_s, 1),
    }


async def kafka_destroyed(scene: Scene, lasts_s: float) -> Facts:
    """Half way the log is gone, with some readings that were only there; an empty one starts."""
    await asyncio.sleep(lasts_s / 2)
    folds = [scene.supervisor.pids[name] for name in FOLDS]
    with _stopped(folds):  # so that what Kafka has answered for is nowhere else
        await asyncio.sleep(_ONLY_IN_KAFKA_S)
        await _lose_kafka(scene)
    await _bring_kafka(scene)
    return {}


async def mosquitto_emptied(scene: Scene, lasts_s: float) -> Facts:
    """Half way the broker is killed, and starts without sessions and retained messages."""
    await asyncio.sleep(lasts_s / 2)
    await asyncio.to_thread(scene.stack.mosquitto.kill)
    (_home(scene) / "mosquitto" / "mosquitto.db").unlink(missing_ok=True)
    await asyncio.sleep(_DOWN_S)
    await asyncio.to_thread(scene.stack.mosquitto.start)
    return {}


async def postgres_stalls(scene: Scene, lasts_s: float) -> Facts:
    """Half way the database stands still for a minute, with all its sessions."""
    await asyncio.sleep(lasts_s / 2)
    with _stopped(proc.family(proc.servers(scene.stack)["postgres"])):
        await asyncio.sleep(STALL_S)
    return {"stalled_s": STALL_S, "restarts": dict(scene.supervisor.restarts)}


async def kafka_full(scene: Scene, lasts_s: float) -> Facts:
    """A third of the time there is no room for the log."""
    return await _full(scene, lasts_s, "kafka", _home(scene) / "kafka" / "data")


async def postgres_full(scene: Scene, lasts_s: float) -> Facts:
    """A third of the time there is no room for the database."""
    return await _full(scene, lasts_s, "postgres", _home(scene) / "postgres")


async def spool_full(scene: Scene, lasts_s: float) -> Facts:
    """A third of the time no device has room, and half of that no broker."""
    await asyncio.sleep(lasts_s / 3)
    filler = await asyncio.to_thread(disaster_disks.fill, scene.spools)
    await asyncio.to_thread(scene.stack.mosquitto.stop)
    await asyncio.sleep(lasts_s / 6)
    await asyncio.to_thread(scene.stack.mosquitto.start)
    await asyncio.sleep(lasts_s / 6)
    filler.unlink()
    return {"full_s": round(lasts_s / 3, 1)}


async def _full(scene: Scene, lasts_s: float, name: str, folder: Path) -> Facts:
    server = scene.stack.servers[name]
    await asyncio.sleep(lasts_s / 3)
    filler = await asyncio.to_thread(disaster_disks.fill, folder)
    async with _restarted(server) as ends:
        await asyncio.sleep(lasts_s / 3)
        filler.unlink()
        await _until(lambda: server.running)
        await asyncio.to_thread(server.wait_ready)
        await _until(lambda: _stored(scene) > 0)
    return {"full_s": round(lasts_s / 3, 1), "server_ended": len(ends)}


@asynccontextmanager
async def _restarted(server: Server) -> AsyncIterator[Sequence[float]]:
    """Start a server again whenever it ends, as systemd or Docker would; yields when it had to."""
    ends: list[float] = []

    async def watch() -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            if not server.running:
                ends.append(time.monotonic())
                with suppress(CityhumError):  # not yet
                    await asyncio.to_thread(server.start)

    watching = asyncio.create_task(watch())
    try:
        yield ends
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching


async def _lose_kafka(scene: Scene) -> None:
    await asyncio.to_thread(scene.stack.kafka.kill)
    shutil.rmtree(_home(scene) / "kafka" / "data")


async def _bring_kafka(scene: Scene) -> None:
    await asyncio.sleep(_DOWN_S)
    await asyncio.to_thread(scene.stack.kafka.start)
    await _cityhum(scene.stack.addresses.environment(), "topics", "create")


@contextmanager
def _stopped(pids: Sequence[int]) -> Iterator[None]:
    """Let processes stand still."""
    _tell(pids, signal.SIGSTOP)
    try:
        yield
    finally:
        _tell(pids, signal.SIGCONT)


def _tell(pids: Sequence[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _home(scene: Scene) -> Path:
    return scene.spools.parent


def _owner(addresses: Addresses) -> Mapping[str, str]:
    return addresses.environment(postgres_role="cityhum_owner")


def _stored(scene: Scene) -> int:
    """How many readings are stored; none while the database is away or empty."""
    with suppress(psycopg.OperationalError, psycopg.errors.UndefinedTable):
        conninfo = scene.stack.postgres.conninfo("cityhum_reader") + " connect_timeout=2"
        with psycopg.connect(conninfo) as connection:
            row = connection.execute("SELECT count(*) FROM reading").fetchone()
            return int(row[0]) if row else 0
    return 0


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(_CAUGHT_UP_WITHIN_S):
        while not await asyncio.to_thread(condition):  # noqa: ASYNC110  # others do the work
            await asyncio.sleep(_LOOK_EVERY_S)


async def cityhum(environment: Mapping[str, str], *words: str) -> tuple[int | None, str]:
    """Run a command of ours as an operator would; its status and what it said."""
    process = await asyncio.create_subprocess_exec(
        *(*programs.CITYHUM, *words),
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complained = await process.communicate()
    return process.returncode, (said or complained).decode()


async def _cityhum(environment: Mapping[str, str], *words: str) -> str:
    status, said = await cityhum(environment, *words)
    if status:
        raise Unavailable(f"cityhum {' '.join(words)}: {said.strip()}")
    return said


def _kafka_disk(folder: Path) -> AbstractContextManager[None]:
    return disaster_disks.small(folder / "kafka" / "data", KAFKA_MB)


def _postgres_disk(folder: Path) -> AbstractContextManager[None]:
    return disaster_disks.small_for_postgres(folder / "postgres", POSTGRES_MB)


def _spool_disk(folder: Path) -> AbstractContextManager[None]:
    return disaster_disks.small(folder / "spools", SPOOL_MB)


DISASTERS: Final = (
    Disaster("postgres_destroyed", postgres_destroyed),
    Disaster("kafka_destroyed", kafka_destroyed, log_is_lost=True),
    Disaster("mosquitto_emptied", mosquitto_emptied),
    Disaster("postgres_stalls", postgres_stalls),
    Disaster("kafka_full", kafka_full, _kafka_disk),
    Disaster("postgres_full", postgres_full, _postgres_disk),
    Disaster("spool_full", spool_full, _spool_disk),
)
