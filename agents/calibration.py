"""From a calibrator's tone to a sensitivity, and the record of it that every batch names."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from string import ascii_lowercase
from typing import Annotated, Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from acoustics import levels
from acoustics.decibels import leq
from acoustics.response import Response
from agents.mixer import Gain, difference
from schemas.base import DeviceId, Frozen, UtcTime
from schemas.errors import BadConfig, Unavailable
from schemas.messages import Levels

REFERENCE_DB: Final = 94.0
CALIBRATORS_DB: Final = (94, 114)
STEADY_S: Final = 5
"""A tone must be steady for so long."""
MAX_SPREAD_DB: Final = 0.2
MIN_SHARE: Final = 0.9
DATA_SHEET_U95_DB: Final = 3.0
"""A usual capsule is ±1 dB, and nobody measured the gain of the sound card."""
_BAND_1K: Final = 16
# standard uncertainties, dB: class 1 calibrator ±0.25 (rectangular), its fit on the microphone,
# our band filter ±0.05 (rectangular)
_CALIBRATOR_DB: Final = 0.25 / math.sqrt(3)
_FIT_DB: Final = 0.2
_FILTER_DB: Final = 0.05 / math.sqrt(3)
# The seeds' device: 1.25 V peak to peak is full scale, 25 dB of gain, -18 dB re 1 V/Pa
_SEED_VOLT: Final = 1.25 / 2 / math.sqrt(2)
_SEED_PASCAL: Final = _SEED_VOLT / 10 ** ((25 - 18) / 20)
SEED_SENSITIVITY_DBFS: Final = REFERENCE_DB - 20 * math.log10(_SEED_PASCAL / 20e-6)
"""A full-scale sine reads 79.89 dB, so that 94 dB cannot be reached at all."""

Marks = NDArray[np.bool_]
Method = Literal["calibrator", "data-sheet", "seed"]


@dataclass(frozen=True, slots=True)
class Calibration:
    """What the microphone reads for 94 dB. Without one, levels are relative to full scale."""

    name: str
    """Names the record; travels with every batch."""
    sensitivity_dbfs: float
    """dB re full scale (RMS of a full-scale sine) at 94 dB re 20 µPa."""
    response: Response = ()
    """The microphone's own frequency response, which is undone; empty: taken as flat."""


SIMULATED: Final = Calibration(name="simulated", sensitivity_dbfs=-26.0)
"""Of rendered streets and other sound whose level is ours to choose: full scale is 120 dB."""


class CalibrationRecord(Frozen):
    """One calibration of one microphone on one device, as it is kept."""

    version: Literal[1] = 1
    name: str = Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")
    device: DeviceId
    microphone: str = Field(default="", max_length=256, description="its names; empty: not known")
    method: Method
    sensitivity_dbfs: Annotated[float, Field(ge=-120, le=40)]
    at: UtcTime
    u95_db: Annotated[float, Field(gt=0, le=20)] | None = Field(
        description="expanded uncertainty, 95 %; null: nobody knows"
    )
    response: Response = ()
    gain: Gain | None = Field(
        default=None, description="how the card's inputs were set; null: nobody knows"
    )

    @property
    def calibration(self) -> Calibration:
        """What measuring needs of it."""
        return Calibration(self.name, self.sensitivity_dbfs, self.response)

    def sentence(self) -> str:
        """Return it for a person."""
        u95 = "unknown" if self.u95_db is None else f"{self.u95_db:.1f} dB"
        shaped = f", response of {len(self.response)} points" if self.response else ""
        gain = f", at {', '.join(self.gain)}" if self.gain else ""
        return (
            f"calibration {self.name} ({self.method}): {self.sensitivity_dbfs:.2f} dBFS"
            f" at {REFERENCE_DB:.0f} dB, U95 {u95}{shaped}{gain}"
        )


@dataclass(frozen=True, slots=True)
class Tone:
    """A calibrator's tone, as the sound card heard it."""

    level_dbfs: float
    u95_db: float


def judged(seconds: Sequence[Levels]) -> Tone | str:
    """Whether the last seconds are a calibrator's tone, and if not, why.

    Parameters
    ----------
    seconds : sequence of Levels
        Relative to full scale, unbroken; the last five count.

    Returns
    -------
    Tone or str
        What is wrong, in words.
    """
    last = seconds[-STEADY_S:]
    if len(last) < STEADY_S:
        return f"{len(last)} s of sound; {STEADY_S} s of a steady tone are needed"
    if any(second.overload for second in last):
        return "the sound card overloads: lower its gain"
    if any(second.floor for second in last):
        return "nothing but the microphone's own noise"
    share = min(_share(second) for second in last)
    if share < MIN_SHARE:
        return f"the band of 1 kHz holds {share:.0%} of the energy; {MIN_SHARE:.0%} are needed"
    tones_db = [second.third_octaves_db[_BAND_1K] for second in last]
    spread_db = max(tones_db) - min(tones_db)
    if spread_db >= MAX_SPREAD_DB:
        return f"the tone varies by {spread_db:.2f} dB; less than {MAX_SPREAD_DB} are needed"
    parts_db = (_CALIBRATOR_DB, _FIT_DB, _FILTER_DB, spread_db / math.sqrt(12))
    return Tone(leq(tones_db), round(2 * math.hypot(*parts_db), 2))


@dataclass(frozen=True, slots=True, eq=False)
class Search:
    """A search for a tone between two blocks; `search` begins one."""

    state: levels.LevelState
    heard: tuple[Levels, ...]
    found: Tone | str
    """The tone, or why there is none so far."""
    clipped: Marks = field(default_factory=lambda: np.empty(0, np.bool_))
    """Which samples of the second under way are at full scale."""


def search(rate_hz: int) -> Search:
    """Begin to listen for a calibrator's tone."""
    return Search(levels.start(rate_hz), (), judged(()))


def step(search: Search, samples: ArrayLike, clipped: Marks | None = None) -> Search:
    """Take samples of any number; the first tone that is found stays.

    Parameters
    ----------
    search : Search
        As the samples before these left it.
    samples : array_like, shape (n,)
        Sound, full scale 1.0.
    clipped : ndarray of bool, shape (n,), or None
        Where it was at full scale before its rate or channels were changed; None: they were not.

    Returns
    -------
    Search
    """
    if isinstance(search.found, Tone):
        return search
    marks = levels.at_full_scale(samples) if clipped is None else clipped
    marks = np.concatenate([search.clipped, marks])
    state, seconds = levels.step(search.state, samples)
    rest = marks[len(seconds) * state.rate_hz :]
    after = replace(search, state=state, clipped=rest)
    for n, second in enumerate(seconds):
        overload = bool(marks[n * state.rate_hz : (n + 1) * state.rate_hz].any())
        marked = second.model_copy(update={"overload": overload})
        heard = (*after.heard, marked)[-STEADY_S:]
        after = replace(after, heard=heard, found=judged(heard))
        if isinstance(after.found, Tone):
            break
    return after


def sensitivity_dbfs(tone: Tone, level_db: float) -> float:
    """Level that 94 dB would have, from a tone of a known level.

    Examples
    --------
    >>> sensitivity_dbfs(Tone(level_dbfs=-6.0, u95_db=0.5), level_db=114.0)
    -26.0
    """
    return round(tone.level_dbfs - (level_db - REFERENCE_DB), 3)


def next_name(day: date, taken: Collection[str]) -> str:
    """Name of one more record of a day.

    Examples
    --------
    >>> next_name(date(2026, 4, 1), {"2026-04-01a"})
    '2026-04-01b'
    """
    for letter in ascii_lowercase:
        if (name := f"{day.isoformat()}{letter}") not in taken:
            return name
    raise BadConfig(f"{len(ascii_lowercase)} calibrations on {day} are enough")


def check(record: CalibrationRecord, microphone: str, gain: Gain | None) -> None:
    """Refuse to measure with another microphone than the record's, or at another gain.

    Parameters
    ----------
    record : CalibrationRecord
        The one in use.
    microphone : str
        What is to be measured with; an empty name is not known, and fits.
    gain : tuple of str or None
        How its inputs are set now; None: it cannot be told, and fits.

    Raises
    ------
    Unavailable
        One line; until the microphone is there, or its gain is set back.
    """
    anew = "calibrate anew, which holds from the agent's next start"
    if record.microphone and microphone and record.microphone != microphone:
        raise Unavailable(
            f"calibration {record.name} is of {record.microphone!r}, not of {microphone!r}: {anew}"
        )
    if record.gain is not None and gain is not None and record.gain != gain:
        raise Unavailable(
            f"calibration {record.name} was made at {difference(record.gain, gain)}:"
            f" sudo alsactl restore, or {anew}"
        )


def _share(second: Levels) -> float:
    return float(10 ** ((second.third_octaves_db[_BAND_1K] - second.lzeq_1s_db) / 10))
