"""What a running API has at hand, and how its routes get at it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request

from api.access import Gate
from api.ports import Bell, Ears, Records


@dataclass(frozen=True, slots=True)
class Services:
    """All of them; `ears` is None where no sounds are taken.

    `streams` and `sounds` say how many listeners and uploads there may be at once.
    """

    records: Records
    gate: Gate
    bell: Bell
    now: Callable[[], datetime]
    ears: Ears | None = None
    streams: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(64))
    sounds: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(4))


async def _services(request: Request) -> Services:
    found: Services = request.app.state.services
    return found


async def _records(request: Request) -> Records:
    return (await _services(request)).records


Known = Annotated[Services, Depends(_services)]
Asked = Annotated[Records, Depends(_records)]
