"""A microphone that may be pulled out and put back."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Final, Never

from agents.adapters import calibration_file, mixer
from agents.adapters.capture import find, find_again, microphone
from agents.adapters.clock import Clock
from agents.calibration import check
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


async def calibrated(folder: Path, device: str, found: Microphone) -> None:
    """Refuse a microphone that the calibration in use is not of, or that is set otherwise.

    Raises
    ------
    BadConfig
        One line; also if the calibration cannot be read.
    """
    if record := calibration_file.load(folder):
        check(record, device, found.model, await mixer.gain(found.card))


async def hear(
    found: Microphone,
    rate_hz: int,
    hear_live: Callable[[AsyncIterator[Block]], Awaitable[None]],
    clock: Clock,
    fits: Callable[[Microphone], Awaitable[None]],
) -> Never:
    """Hear a microphone for ever; whenever it is gone, wait until it is back.

    Raises
    ------
    BadConfig
        What `fits` raises, which is asked each time before the microphone is heard.
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
