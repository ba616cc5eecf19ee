"""A microphone that may be pulled out and put back."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, Never

from agents.adapters.capture import find, find_again, microphone
from agents.adapters.clock import Clock
from agents.microphones import Microphone
from agents.pipeline import Block
from schemas.errors import Unavailable

RETRY_S: Final = 5.0

log = logging.getLogger(__name__)


async def present(wanted: str, clock: Clock) -> Microphone:
    """The microphone that is meant, once it is there.

    Raises
    ------
    BadConfig
        Several are meant, or there is no arecord.
    """
    while True:
        try:
            return await find(wanted)
        except Unavailable as error:
            await _miss(error, clock)


async def hear(
    found: Microphone,
    rate_hz: int,
    hear_live: Callable[[AsyncIterator[Block]], Awaitable[None]],
    clock: Clock,
) -> Never:
    """Hear a microphone for ever; whenever it is gone, wait until it is back."""
    while True:
        try:
            async with microphone(await find_again(found), rate_hz) as blocks:
                await hear_live(blocks)
        except Unavailable as error:
            await _miss(error, clock)


async def _miss(error: Unavailable, clock: Clock) -> None:
    log.error("microphone_unavailable", extra={"detail": str(error)})
    await clock.sleep(RETRY_S)
