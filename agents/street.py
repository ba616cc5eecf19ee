"""A simulated street at one device: from a seed, second by second, with its true events.

Second k is the same whatever was rendered before. A scene remembers what still sounds and
forgets the rest, so playing on without end takes bounded memory; its seconds are cheapest in
order. One scene serves one thread at a time.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Final

import numpy as np
from pydantic import Field

from agents.street_kinds import RAIN, STREETS, Street
from agents.street_levels import RATE_HZ, Samples, a_power, level_of
from agents.street_passage import Passage
from agents.street_plan import MINUTE_S, everyday, passages
from agents.street_routes import BLOCK_S, visits
from agents.street_sounds import Bed, BedBlock, Call, CarPass, Sound
from agents.street_weather import Shower, rain, showers
from schemas.base import Frozen

_BEDS: Final = 100  # streams of chance of the beds, apart from those of the plan
_SLOT_S: Final = 30  # divides minute and block: one plan holds for a slot
_AUDIBLE_S: Final = 5  # a siren counts as heard when it dominates at least so many seconds


class TrueEvent(Frozen):
    """Something that sounded at a device, known because we rendered it."""

    device_index: int = Field(ge=0)
    street: str
    label: str
    kind: str
    onset_s: float = Field(
        ge=0,
        description="seconds of the scene; of a siren: beginning of the first second in which its "
        "A-weighted energy is at least that of all the rest",
    )
    offset_s: float = Field(ge=0, description="of a siren: end of the last such second")
    peak_laeq_1s_db: float = Field(
        description="of the event alone, in its loudest second, dB re 20 µPa"
    )


@dataclass(frozen=True)
class Scene:
    """What one simulated microphone hears.

    Attributes
    ----------
    seed : int
        Of the city, >= 0.
    device_index : int
        Which of its devices.
    devices : int
        How many it has.
    """

    seed: int
    device_index: int
    devices: int
    _rendered: dict[Sound, Samples] = field(default_factory=dict, repr=False, compare=False)
    _planned: dict[int, tuple[Sound, ...]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def street(self) -> Street:
        """The kind of street."""
        return STREETS[self.device_index % len(STREETS)]

    def second(self, k: int) -> Samples:
        """Render one second.

        Parameters
        ----------
        k : int
            Which, >= 0.

        Returns
        -------
        ndarray of float32, shape (16000,)
            Full scale 1.0; 94 dB re 20 µPa is -26 dBFS.

        Examples
        --------
        >>> city(seed=7, devices=20)[4].second(30).shape
        (16000,)
        """
        return _sum(self.stems(k).values())

    def stems(self, k: int) -> dict[str, Samples]:
        """Render one second, apart by label.

        Parameters
        ----------
        k : int
            Which, >= 0.

        Returns
        -------
        dict of str to ndarray of float32, shape (16000,)
            Labels that sound in this second; they add up to `second(k)`.
        """
        sounds = tuple(self._sounding(k))
        for over in self._rendered.keys() - set(sounds):
            del self._rendered[over]
        stems: dict[str, Samples] = {}
        for sound in sounds:
            if sound not in self._rendered:
                self._rendered[sound] = sound.render()
            stem = stems.setdefault(sound.label, np.zeros(RATE_HZ, dtype=np.float32))
            _mix(stem, self._rendered[sound], sound.start - k * RATE_HZ)
        return stems

    def events(self, until_s: float) -> tuple[TrueEvent, ...]:
        """What truly begins before a time, by onset; sirens only where they are clearly heard.

        Parameters
        ----------
        until_s : float
            Seconds of the scene.

        Returns
        -------
        tuple of TrueEvent
            Calls, sirens and showers; their ends may come later than `until_s`.
        """
        blocks, minutes = (range(int(until_s // span) + 1) for span in (BLOCK_S, MINUTE_S))
        passed = chain.from_iterable(map(self._passages, blocks))
        heard = [self._siren_event(passage) for passage in passed]
        sounds = chain.from_iterable(map(self._everyday, minutes))
        called = [self._call_event(sound) for sound in sounds if isinstance(sound, Call)]
        wet = [self._rain_event(shower) for shower in showers(self.seed, until_s)]
        found = (*heard, *called, *wet)
        events = [event for event in found if event and event.onset_s < until_s]
        return tuple(sorted(events, key=lambda event: event.onset_s))

    def _sounding(self, k: int) -> Iterator[Sound]:
        """What is to be heard in a second, in a fixed order: float sums depend on it."""
        for n, bed in enumerate(self._beds(k)):
            key = (self.seed, _BEDS + n, self.device_index)
            yield from (BedBlock(bed, key, index) for index in (k, k + 1))
        begin, end = k * RATE_HZ, (k + 1) * RATE_HZ
        for sound in self._plan_around(k):
            if sound.start < end and begin < sound.start + sound.length:
                yield sound

    def _beds(self, k: int) -> tuple[Bed, ...]:
        """What never stops in this street, and the rain while it falls."""
        falls = rain(self.seed, np.arange(k - 1.0, k + 3)).any()
        return (*self.street.beds, RAIN) if falls else self.street.beds

    def _plan_around(self, k: int) -> tuple[Sound, ...]:
        """Sounds of the minutes and the blocks that may reach into a second."""
        slot = k // _SLOT_S
        if slot not in self._planned:
            self._planned.clear()
            minute = k // MINUTE_S
            block = k // BLOCK_S
            near = (self._everyday(m) for m in (minute - 1, minute) if m >= 0)
            passed = (self._passages(b) for b in (block - 1, block) if b >= 0)
            self._planned[slot] = tuple(chain(*near, *passed))
        return self._planned[slot]

    def _everyday(self, minute: int) -> tuple[Call | CarPass, ...]:
        return everyday(self.street, self.seed, self.device_index, minute)

    def _passages(self, block: int) -> tuple[Passage, ...]:
        here = [v for v in visits(self.seed, self.devices, block) if v.device == self.device_index]
        return passages(self.street, self.seed, tuple(here))

    def _siren_event(self, passage: Passage) -> TrueEvent | None:
        """When a siren truly dominates; none where it hardly does."""
        afresh = replace(self, _rendered={}, _planned={})
        first, last = passage.start // RATE_HZ, (passage.start + passage.length) // RATE_HZ
        shares = [_share(afresh.stems(k), passage.label) for k in range(first, last + 1)]
        dominant = [first + n for n, (own, rest) in enumerate(shares) if own >= rest]
        if len(dominant) < _AUDIBLE_S:
            return None
        peak = max(own for own, _ in shares)
        return self._event(passage, dominant[0], dominant[-1] + 1, peak)

    def _call_event(self, call: Call) -> TrueEvent:
        peak = max(map(a_power, _seconds(call)))
        end_s = (call.start + call.length) / RATE_HZ
        return self._event(call, call.start / RATE_HZ, end_s, peak)

    def _rain_event(self, shower: Shower) -> TrueEvent:
        return TrueEvent(
            device_index=self.device_index,
            street=self.street.name,
            label=RAIN.label,
            kind=RAIN.kind,
            onset_s=round(shower.onset_s, 3),
            offset_s=round(shower.offset_s, 3),
            peak_laeq_1s_db=round(RAIN.laeq_db + 20 * float(np.log10(shower.strength)), 2),
        )

    def _event(self, sound: Sound, onset_s: float, offset_s: float, power: float) -> TrueEvent:
        return TrueEvent(
            device_index=self.device_index,
            street=self.street.name,
            label=sound.label,
            kind=sound.kind,
            onset_s=round(onset_s, 3),
            offset_s=round(offset_s, 3),
            peak_laeq_1s_db=round(level_of(power), 2),
        )


def city(seed: int, devices: int) -> tuple[Scene, ...]:
    """Streets of a whole city, with emergency vehicles that pass several of them.

    Parameters
    ----------
    seed : int
        Chooses everything, >= 0.
    devices : int
        How many, >= 1.

    Returns
    -------
    tuple of Scene
        One for each device.

    Examples
    --------
    >>> [scene.street.name for scene in city(seed=7, devices=20)][3:5]
    ['harbour', 'busy']
    """
    return tuple(Scene(seed, index, devices) for index in range(devices))


def true_events(scenes: Iterable[Scene], until_s: float) -> tuple[TrueEvent, ...]:
    """Events of several scenes, by onset.

    Parameters
    ----------
    scenes : iterable of Scene
        Any of a city.
    until_s : float
        Events that begin before this second are listed.

    Returns
    -------
    tuple of TrueEvent
        `model_dump()` of each makes the file of true events.
    """
    found = chain.from_iterable(scene.events(until_s) for scene in scenes)
    return tuple(sorted(found, key=lambda event: (event.onset_s, event.device_index)))


def _sum(stems: Iterable[Samples]) -> Samples:
    total = np.zeros(RATE_HZ, dtype=np.float32)
    for stem in stems:
        total += stem
    return total


def _mix(stem: Samples, sound: Samples, offset: int) -> None:
    """Add the part of a sound that falls into a second, `offset` samples after its begin."""
    begin, end = max(offset, 0), min(offset + len(sound), len(stem))
    stem[begin:end] += sound[begin - offset : end - offset]


def _seconds(call: Call) -> Iterator[Samples]:
    """The call alone, in the whole seconds that it falls into."""
    sound = call.render()
    for k in range(call.start // RATE_HZ, (call.start + len(sound) - 1) // RATE_HZ + 1):
        second = np.zeros(RATE_HZ, dtype=np.float32)
        _mix(second, sound, call.start - k * RATE_HZ)
        yield second


def _share(stems: dict[str, Samples], label: str) -> tuple[float, float]:
    """A-weighted mean square of one label and of all the rest together."""
    own = a_power(stems[label]) if label in stems else 0.0
    return own, a_power(_sum(stem for other, stem in stems.items() if other != label))
