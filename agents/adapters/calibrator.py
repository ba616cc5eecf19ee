"""Hears a calibrator at the microphone or in a recording."""

from collections.abc import AsyncIterator, Iterable
from typing import Final

from agents import calibration
from agents.calibration import Tone
from agents.pipeline import Block
from schemas.errors import BadConfig

PATIENCE_S: Final = 60
"""How long a microphone is listened to for a tone."""


def in_recording(blocks: Iterable[Block], rate_hz: int) -> Tone:
    """The first calibrator's tone of a recording.

    Raises
    ------
    BadConfig
        None; the message says what was wrong.
    """
    search = calibration.search(rate_hz)
    for block in blocks:
        search = calibration.step(search, block.samples, block.clipped)
        if isinstance(search.found, Tone):
            return search.found
    raise BadConfig(f"no calibrator's tone: {search.found}")


async def at_microphone(blocks: AsyncIterator[Block], rate_hz: int) -> Tone:
    """The first calibrator's tone within a minute.

    Raises
    ------
    BadConfig
        None; the message says what was wrong in the end.
    Unavailable
        The microphone is gone.
    """
    search = calibration.search(rate_hz)
    heard = 0
    async for block in blocks:
        heard += len(block.samples)
        search = calibration.search(rate_hz) if block.lost_samples else search
        search = calibration.step(search, block.samples, block.clipped)
        if isinstance(search.found, Tone):
            return search.found
        if heard >= PATIENCE_S * rate_hz:
            break
    raise BadConfig(f"no calibrator's tone within {PATIENCE_S} s: {search.found}")
