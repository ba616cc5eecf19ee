"""Who hears each second before its sound is gone, as the settings want it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from random import Random
from typing import Final

from agents.adapters.indices_lane import IndicesLane
from agents.adapters.indices_spool import IndicesSpool
from agents.adapters.minutes import Minutes
from agents.adapters.publish_ports import Lane
from agents.adapters.running import background
from agents.batches import Origin
from agents.pipeline import Heard
from agents.reading import Reading
from agents.settings import AgentSettings

INDICES_FILE: Final = "indices.sqlite"

Listener = Callable[[Sequence[Heard]], Sequence[Reading]]
"""The readings to store of some seconds."""


def as_measured(seconds: Sequence[Heard]) -> list[Reading]:
    """Readings with their mel frames."""
    return [heard.reading for heard in seconds]


def levels_only(seconds: Sequence[Heard]) -> list[Reading]:
    """Readings without frames: what is not stored no later profile can send."""
    return [replace(heard.reading, codes=b"") for heard in seconds]


async def _at_once() -> None:
    return


@dataclass(frozen=True)
class Ears:
    """What becomes of sound besides measuring it; by default nothing."""

    listener: Listener = as_measured
    lanes: Sequence[Lane] = ()
    """What is published of it beside the readings."""
    idle: Callable[[], Awaitable[None]] = _at_once
    """Returns once all that was heard is in the lanes."""


@asynccontextmanager
async def ears_of(settings: AgentSettings, origin: Origin, rate_hz: int) -> AsyncIterator[Ears]:
    """Listen as the settings say.

    Raises
    ------
    BadConfig
        The model is missing or not what its manifest says, or a file is of a newer agent.
    """
    listener = _listener_of(settings, rate_hz)
    if settings.indices == "off":
        yield Ears(listener)
        return
    folder = settings.state_folder
    with IndicesSpool(folder / INDICES_FILE) as spool:
        minutes = Minutes(origin, spool, rate_hz, folder)

        def both(seconds: Sequence[Heard]) -> Sequence[Reading]:
            minutes.hear(seconds)
            return listener(seconds)

        async with background(minutes.run()):
            lane = IndicesLane(origin, spool, Random())  # noqa: S311
            yield Ears(both, [lane], minutes.idle)


def _listener_of(settings: AgentSettings, rate_hz: int) -> Listener:
    if settings.profile == "levels":
        return levels_only
    if settings.profile == "mel32x8":
        return as_measured
    # onnxruntime takes tens of megabytes, which the other profiles need not pay
    from agents.adapters.labeller import Labeller  # noqa: PLC0415
    from hearing.adapters.runtime import load  # noqa: PLC0415

    return Labeller(load(settings.agent_model), rate_hz)
