"""The light mode's sound: some scenes, heard once, whose readings many devices then repeat.

A device's reading depends on its index and its seq alone, so nothing needs to be kept to send it
again. Neighbours that share a scene are in different seconds of it.
"""

from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Final

from pydantic import TypeAdapter

from agents import batches, pipeline
from agents.batches import CONTEXT_READINGS, Origin
from agents.calibration import SIMULATED
from agents.pipeline import Block
from agents.reading import NO_CONTEXT, READING_CODE_BYTES, Reading
from agents.street import Scene, TrueEvent, city
from agents.street_levels import RATE_HZ

SCENES: Final = 20
LOOP_S: Final = 80
"""Sirens of a city's first block have passed by then."""

_STRIDE_S: Final = 7  # has no divisor in common with the loop
_SESSION: Final = "0" * 26
_LONG_AGO: Final = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
_SECOND: Final = timedelta(seconds=1)
_TIME: Final = TypeAdapter(datetime)


@dataclass(frozen=True)
class Loop:
    """A scene's readings, repeated without end, and what truly sounds in them."""

    readings: tuple[Reading, ...]
    events: tuple[TrueEvent, ...]

    @cached_property
    def levels(self) -> tuple[str, ...]:
        """Levels of each second, as they travel."""
        rounded = (batches.rounded(reading.levels) for reading in self.readings)
        return tuple(levels.model_dump_json() for levels in rounded)


@dataclass(frozen=True)
class Repeating:
    """One device that repeats a loop from some second of it on.

    Attributes
    ----------
    origin : Origin
        Who publishes.
    session : str
        ULID.
    began_at : datetime
        When its first second began.
    loop : Loop
        What it repeats.
    shift_s : int
        The second of the loop that is its first.
    """

    origin: Origin
    session: str
    began_at: datetime
    loop: Loop
    shift_s: int

    def reading(self, seq: int) -> Reading:
        """Second `seq` of the session."""
        heard = self.loop.readings[(self.shift_s + seq) % len(self.loop.readings)]
        started_at = self.began_at + seq * _SECOND
        return replace(heard, session=self.session, seq=seq, started_at=started_at)

    def payload(self, seq: int, count: int = 1) -> bytes:
        """The message that carries `count` seconds from `seq` on.

        It is what `batches.batch` and `codec.encode` make of them, put together from parts that
        were encoded once: a twentieth of the CPU time.
        """
        length, first = len(self.loop.readings), self.shift_s + seq
        levels = ",".join(self.loop.levels[n % length] for n in range(first, first + count))
        heard = [
            self.loop.readings[n % length].codes
            for n in range(first - min(seq, CONTEXT_READINGS), first + count)
        ]
        unheard = (count + CONTEXT_READINGS - len(heard)) * READING_CODE_BYTES
        codes = urlsafe_b64encode(b"".join((NO_CONTEXT[:unheard], *heard)))
        like, origin = self.loop.readings[first % length], self.origin
        return b"".join(
            (
                f'{{"version":1,"site":"{origin.site}","device":"{origin.device}",'
                f'"session":"{self.session}","first_seq":{seq},"started_at":'.encode(),
                _TIME.dump_json(self.began_at + seq * _SECOND),
                f',"clock":"{like.clock}","calibration":"{like.calibration}",'
                f'"levels":[{levels}],"profile":"mel32x8",'
                '"mel":{"context_frames":24,"codes":"'.encode(),
                codes,
                b'"}}',
            )
        )

    def events(self, device_index: int, until_s: float) -> Iterator[TrueEvent]:
        """What truly begins before a second; what the loop's seam cuts ends there."""
        length_s = len(self.loop.readings)
        for event in self.loop.events:
            offset_s = min(event.offset_s, length_s)
            onset_s = (event.onset_s - self.shift_s) % length_s
            while onset_s < until_s:
                end_s = onset_s + offset_s - event.onset_s
                moved = {"device_index": device_index, "onset_s": onset_s, "offset_s": end_s}
                yield event.model_copy(update=moved)
                onset_s += length_s


def loops(seed: int, scenes: int = SCENES, loop_s: int = LOOP_S) -> tuple[Loop, ...]:
    """Hear the first seconds of a city; about 5 ms of CPU time for each second of a scene.

    Parameters
    ----------
    seed : int
        City.
    scenes : int
        How many of its devices.
    loop_s : int
        How many seconds of each.

    Returns
    -------
    tuple of Loop
    """
    return tuple(_heard(scene, loop_s) for scene in city(seed, scenes))


def loop_of(device_index: int, known: tuple[Loop, ...]) -> tuple[Loop, int]:
    """Which loop a device repeats, and the second of it that is its first.

    Examples
    --------
    >>> loop_of(41, (Loop((), ()),) * 20)[1]
    14
    """
    turn, scene = divmod(device_index, len(known))
    return known[scene], turn * _STRIDE_S % LOOP_S


def _heard(scene: Scene, loop_s: int) -> Loop:
    state = pipeline.start(_SESSION, _LONG_AGO, RATE_HZ, calibration=SIMULATED)
    heard: list[Reading] = []
    for k in range(loop_s):
        state, readings = pipeline.step(state, Block(scene.second(k)))
        heard += readings
    # the first second of a session lacks its first frames: the seam repeats the second one
    return Loop((heard[1], *heard[1:]), scene.events(loop_s))
