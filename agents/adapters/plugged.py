"""A microphone that may be pulled out and put back."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, Never

from agents.adapters import mixer
from agents.adapters.capture import find, find_again, microphone
from agents.adapters.clock import Clock
from agents.calibration import CalibrationRecord, check
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


async def calibrated(record: CalibrationRecord | None, found: Microphone) -> None:
    """Refuse a microphone that the record in use is not of, or that is set otherwise.

    Raises
    ------
    Unavailable
        One line.
    """
    if record is not None:
        check(record, found.model, await mixer.gain(found.card))


async def hear(
    found: Microphone,
    rate_hz: int,
    hear_live: Callable[[AsyncIterator[Block]], Awaitable[None]],
    clock: Clock,
    fits: Callable[[Microphone], Awaitable[None]],
) -> Never:
    """Hear a microphone for ever; whenever it is gone or does not fit, wait until it is back.

    Parameters
    ----------
    found : Microphone
        The one that is meant.
    rate_hz : int
        As `microphone` takes it.
    hear_live : callable
        Takes its blocks.
    clock : Clock
        To wait by.
    fits : callable
        Asked each time before the microphone is heard; raises Unavailable if it does not fit.
    """
    while True:
        try:
            present_again = await find_again(found)
            await fits(present_again)
            async with microphone(present_again, rate_hz) as blocks:
                await hear_live(blocks)
        except Unavailable as error:
            await _miss(error, clock)


async def _miss(error: Unavailable, clock: Clock) -> None:
    log.error("microphone_unavailable", extra={"detail": str(error)})
    await clock.sleep(RETRY_S)
