"""Sound in, readings out: `step(state, block) -> (state, readings)`, the heart of the agent.

Time is the sample clock: a session begins at `started_at`, and every sample moves it on. No
clock is read here; a step of the system clock ends the session, and the caller starts another.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from acoustics import decimate, levels, mel, response
from agents.calibration import Calibration
from agents.reading import Reading
from schemas.errors import BadConfig
from schemas.messages import Clock

Samples = NDArray[np.float64]
Marks = NDArray[np.bool_]
RATES_HZ: Final = (mel.RATE_HZ, decimate.RATE_HZ)


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Samples from the sound card."""

    samples: NDArray[np.float32]
    """Mono, shape (n,), full scale 1.0."""
    lost_samples: int = 0
    """How many the sound card lost just before these (overrun)."""
    clipped: Marks | None = None
    """Shape (n,): where the sound was at full scale before its rate or channels were changed.
    None: nothing was changed."""


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """One second: its reading, and its sound for those who must hear it before it is gone."""

    reading: Reading
    sound: Samples
    """Shape (rate_hz,), full scale 1.0."""


@dataclass(frozen=True, slots=True, eq=False)
class PipelineState:
    """One session between two blocks; `start` makes the first."""

    session: str
    rate_hz: int
    clock: Clock
    calibration: Calibration | None
    started_at: datetime
    """Event time of the sample that `position` counts from."""
    position: int
    """Samples from `started_at` to the beginning of the next reading."""
    seq: int
    """Of the next reading."""
    level: levels.LevelState
    pending: Samples = field(default_factory=lambda: np.empty(0))
    """The next reading's samples so far."""
    clipped: Marks = field(default_factory=lambda: np.empty(0, np.bool_))
    """Which of them are at full scale."""
    frames: mel.MelState = field(default_factory=mel.MelState)
    history: Samples = field(default_factory=lambda: np.zeros(decimate.HISTORY))
    """Of the decimator; unused at 16 kHz."""


def start(
    session: str,
    started_at: datetime,
    rate_hz: int,
    *,
    calibration: Calibration | None = None,
    clock: Clock = "synced",
) -> PipelineState:
    """Begin a session, before its first sample.

    Parameters
    ----------
    session : str
        ULID, new for each start of the agent and each step of the clock.
    started_at : datetime
        Event time of the first sample, UTC.
    rate_hz : int
        16000 or 48000.
    calibration : Calibration or None
        None: levels relative to full scale.
    clock : {"synced", "unsynced"}
        Whether `started_at` is to be trusted.

    Returns
    -------
    PipelineState
    """
    if rate_hz not in RATES_HZ:
        msg = f"sample rate {rate_hz} Hz: 16000 or 48000 is needed"
        raise BadConfig(msg)
    return PipelineState(
        session=session,
        rate_hz=rate_hz,
        clock=clock,
        calibration=calibration,
        started_at=started_at,
        position=0,
        seq=0,
        level=_fresh_levels(rate_hz, calibration),
    )


def step(state: PipelineState, block: Block) -> tuple[PipelineState, tuple[Reading, ...]]:
    """Take a block of any length; give the reading of each second that it completes.

    Parameters
    ----------
    state : PipelineState
        What the blocks before this left.
    block : Block
        The next samples; `lost_samples` before them drop the second under way and restart
        levels and frames, while `seq` goes on and the time moves by the loss: that time tells
        whoever makes batches to end one.

    Returns
    -------
    state : PipelineState
        For the next block.
    readings : tuple of Reading
        In order; usually none or one.
    """
    state, seconds = hear(state, block)
    return state, tuple(second.reading for second in seconds)


def hear(state: PipelineState, block: Block) -> tuple[PipelineState, tuple[Heard, ...]]:
    """Do as `step` does, and give the sound of each second beside its reading."""
    if block.lost_samples > 0:
        state = _after_a_gap(state, block.lost_samples)
    marks = levels.at_full_scale(block.samples) if block.clipped is None else block.clipped
    sound = np.concatenate([state.pending, levels.sane(block.samples)])
    clipped = np.concatenate([state.clipped, marks])
    seconds = []
    for begin in range(0, len(sound) - state.rate_hz + 1, state.rate_hz):
        one = slice(begin, begin + state.rate_hz)
        state, reading = _second(state, sound[one], overload=bool(clipped[one].any()))
        seconds.append(Heard(reading, sound[one]))
    rest = slice(len(seconds) * state.rate_hz, None)
    return replace(state, pending=sound[rest], clipped=clipped[rest]), tuple(seconds)


def _fresh_levels(rate_hz: int, calibration: Calibration | None) -> levels.LevelState:
    if calibration is None:
        return levels.start(rate_hz)
    shape = calibration.response
    return levels.start(
        rate_hz,
        sensitivity_dbfs_at_94=calibration.sensitivity_dbfs,
        correction=response.correction(shape, rate_hz) if shape else None,
    )


def _after_a_gap(state: PipelineState, lost_samples: int) -> PipelineState:
    return replace(
        state,
        position=state.position + len(state.pending) + lost_samples,
        level=_fresh_levels(state.rate_hz, state.calibration),
        pending=np.empty(0),
        clipped=np.empty(0, np.bool_),
        frames=mel.MelState(),
        history=np.zeros(decimate.HISTORY),
    )


def _second(
    state: PipelineState, samples: Samples, *, overload: bool
) -> tuple[PipelineState, Reading]:
    level, measured = levels.second(state.level, samples)
    history, sound = state.history, samples
    if state.rate_hz == decimate.RATE_HZ:
        history, sound = decimate.decimated(state.history, samples)
    frames, codes = mel.frames(state.frames, sound)
    reading = Reading(
        session=state.session,
        seq=state.seq,
        started_at=_time_at(state, state.position),
        clock=state.clock,
        calibration=None if state.calibration is None else state.calibration.name,
        levels=measured.model_copy(update={"overload": overload}),
        codes=codes.tobytes(),
    )
    after = replace(
        state,
        position=state.position + state.rate_hz,
        seq=state.seq + 1,
        level=level,
        frames=frames,
        history=history,
    )
    return after, reading


def _time_at(state: PipelineState, position: int) -> datetime:
    """Event time of a sample, rounded to µs from the start and never summed up."""
    return state.started_at + timedelta(
        microseconds=(position * 1_000_000 + state.rate_hz // 2) // state.rate_hz
    )
