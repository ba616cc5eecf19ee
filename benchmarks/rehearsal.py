"""A recorded past of some devices, played again at a higher rate by real spools and publishers."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    suppress,
)
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Final

from agents import light
from agents.adapters.clock import SystemClock
from agents.adapters.link import Link, Login
from agents.adapters.publish import Publisher
from agents.adapters.running import background
from agents.adapters.spool import SqliteSpool
from agents.batches import Origin
from agents.light import Repeating
from deploy.local.stack import Addresses
from schemas.errors import Unavailable
from schemas.messages import Status

RECORDED_AT: Final = datetime(2026, 5, 4, 10, tzinfo=UTC)
SITE: Final = "harbour"
TURN_S: Final = 0.25
"""How often a spool is filled, by this host's clock."""

_SPOOL_BYTES: Final = 2**28
_SESSION: Final = "01REHEARSE{:016d}"


@dataclass(frozen=True)
class Recording:
    """What some devices heard once; each time it is the same, their sessions too.

    Attributes
    ----------
    devices : tuple of Repeating
        Who heard it.
    seconds : int
        How many readings each has.
    """

    devices: tuple[Repeating, ...]
    seconds: int

    @property
    def readings(self) -> int:
        """All of them."""
        return len(self.devices) * self.seconds

    @property
    def until(self) -> datetime:
        """When it is over, by its own time."""
        return RECORDED_AT + timedelta(seconds=self.seconds)


def recorded(seed: int, names: Sequence[str], seconds: int) -> Recording:
    """Let a simulated city be heard: some scenes, repeated by all devices.

    Parameters
    ----------
    seed : int
        City.
    names : sequence of str
        Device ids.
    seconds : int
        Length.

    Returns
    -------
    Recording
    """
    known = light.loops(seed, min(light.SCENES, len(names)))
    return Recording(tuple(_devices(names, known)), seconds)


def _devices(names: Sequence[str], known: tuple[light.Loop, ...]) -> Iterator[Repeating]:
    for index, name in enumerate(names):
        loop, shift_s = light.loop_of(index, known)
        session = _SESSION.format(index)
        yield Repeating(Origin(SITE, name), session, RECORDED_AT, loop, shift_s)


async def play(
    recording: Recording, addresses: Addresses, folder: Path, rate: float, began_at: datetime
) -> None:
    """Send a recording from spools of its devices, and return when all is acknowledged.

    Parameters
    ----------
    recording : Recording
        What to send.
    addresses : Addresses
        Of the broker and its passwords.
    folder : Path
        Of the spools.
    rate : float
        Recorded seconds per second.
    began_at : datetime
        When, by this host's clock, its first second began.
    """
    clock = SystemClock()

    def sounded() -> int:
        passed_s = (clock.utc_now() - began_at).total_seconds()
        return max(0, min(int(rate * passed_s), recording.seconds))

    async with asyncio.TaskGroup() as tasks:
        for number, device in enumerate(recording.devices):
            publishing = _publishing(device, addresses, folder, number)
            tasks.create_task(_play_one(device, recording.seconds, publishing, sounded))


async def _play_one(
    device: Repeating,
    seconds: int,
    publishing: AbstractAsyncContextManager[tuple[SqliteSpool, Publisher]],
    sounded: Callable[[], int],
) -> None:
    async with publishing as (spool, publisher):
        said = 0
        while said < seconds:
            if due := range(said, sounded()):
                with suppress(Unavailable):  # a full disk: it holds them, and tries with the next
                    spool.append([device.reading(seq) for seq in due])
                said = due.stop
                publisher.wake()
            await asyncio.sleep(TURN_S)
        await publisher.drained()


@asynccontextmanager
async def _publishing(
    device: Repeating, addresses: Addresses, folder: Path, number: int
) -> AsyncIterator[tuple[SqliteSpool, Publisher]]:
    name = device.origin.device
    password = (addresses.secrets / "devices" / name).read_text(encoding="utf-8").strip()
    login = Login(addresses.mqtt_host, addresses.mqtt_port, name, password)
    clock = SystemClock()

    def status() -> Status:
        return Status(
            site=SITE, device=name, session=device.session, online=True, at=clock.utc_now()
        )

    async with AsyncExitStack() as opened:
        spool = opened.enter_context(SqliteSpool(folder / f"{name}.sqlite", _SPOOL_BYTES))
        publisher = Publisher(
            device.origin,
            spool,
            partial(Link, login),
            status=status,
            clock=clock,
            chance=Random(number),  # noqa: S311
        )
        await opened.enter_async_context(background(publisher.run()))
        yield spool, publisher
