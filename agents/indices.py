"""Which seconds make a minute of indices, and the message of it. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from acoustics.indices import MINUTE_S, MinuteIndices
from agents.batches import Origin, follows
from agents.pipeline import Heard
from agents.reading import Reading
from schemas.messages import Indices


@dataclass(frozen=True, slots=True, eq=False)
class Minute:
    """60 seconds of unbroken sound."""

    first: Reading
    sounds: tuple[NDArray[np.float32], ...]
    """Of each second, shape (rate_hz,), full scale 1.0; one array would be 12 MB more."""


@dataclass(frozen=True, slots=True, eq=False)
class Gathering:
    """The minute under way: the sound of less than 60 unbroken seconds, and their readings."""

    readings: tuple[Reading, ...] = ()
    sounds: tuple[NDArray[np.float32], ...] = ()


def step(state: Gathering, seconds: Iterable[Heard]) -> tuple[Gathering, tuple[Minute, ...]]:
    """Gather seconds; a gap, or time that is not known, begins the minute anew.

    Parameters
    ----------
    state : Gathering
        Before.
    seconds : iterable of Heard
        The next ones, in order.

    Returns
    -------
    state : Gathering
        For the next call.
    minutes : tuple of Minute
        Those that are complete; usually none.
    """
    minutes = []
    for heard in seconds:
        state = _joined(state, heard)
        if len(state.readings) == MINUTE_S:
            minutes.append(Minute(state.readings[0], state.sounds))
            state = Gathering()
    return state, tuple(minutes)


def message(origin: Origin, first: Reading, indices: MinuteIndices) -> Indices:
    """What is published of a minute."""
    return Indices(
        site=origin.site,
        device=origin.device,
        session=first.session,
        first_seq=first.seq,
        started_at=first.started_at,
        **indices._asdict(),
    )


def _joined(state: Gathering, heard: Heard) -> Gathering:
    if heard.reading.clock == "unsynced":  # a minute has one time, and it is not shifted later
        return Gathering()
    if state.readings and not follows(state.readings[-1], heard.reading):
        state = Gathering()
    return replace(
        state,
        readings=(*state.readings, heard.reading),
        sounds=(*state.sounds, heard.sound.astype(np.float32)),
    )
