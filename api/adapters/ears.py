"""Sounds from memory into memory: decoded piece by piece, so that a small file cannot grow."""

import io
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Final

import soundfile

from acoustics.decibels import leq
from api import sounds
from api.sounds import BadSound, Heard
from hearing.adapters import runtime, sound_files
from hearing.adapters.sound_files import StraightRead
from hearing.listening import SHORTEST_S, ByRate, listened, rates_of

_LOWEST_HZ: Final = 1000
"""Slower ones hold no sound of a street, and grow at the models' rates."""
_HIGHEST_HZ: Final = 192_000


class ModelEars:
    """`api.ports.Ears` with a model of the shelf; one sound at a time.

    Raises
    ------
    BadConfig
        If there is no such model.
    """

    def __init__(self, model: str) -> None:
        self._model = runtime.load(model)
        self._one_at_a_time = threading.Lock()

    def hear(self, sound: bytes) -> Heard:
        """See `api.ports.Ears`."""
        with self._one_at_a_time, opened(sound) as file:
            levels_hz = sound_files.levels_hz(file.samplerate)
            pieces = decoded(file, rates_of(self._model, levels_hz))
            heard = listened(pieces, self._model, levels_hz)
            return sounds.told(
                heard.told,
                duration_s=heard.length_s,
                laeq_dbfs=leq([second.laeq_1s_db for second in heard.measured]),
                model=self._model.manifest.identity,
            )


@contextmanager
def opened(sound: bytes) -> Iterator[StraightRead]:
    """Open what may be the bytes of a sound file.

    Raises
    ------
    BadSound
        If it is none, also where it is damaged, or of a rate that is not taken.
    """
    try:
        with StraightRead(io.BytesIO(sound)) as file:
            if file.samplerate < _LOWEST_HZ:
                raise BadSound(f"{file.samplerate} Hz: at least {_LOWEST_HZ} Hz")
            if file.samplerate > _HIGHEST_HZ:
                raise BadSound(f"{file.samplerate} Hz: at most {_HIGHEST_HZ} Hz")
            yield file
    except soundfile.LibsndfileError as error:
        reason = error.error_string.rstrip(".")
        raise BadSound(f"not a sound that can be read (WAV, FLAC, Ogg, MP3): {reason}") from None


def decoded(file: StraightRead, rates_hz: Collection[int]) -> Iterator[ByRate]:
    """Mean of the channels at each rate, piece by piece.

    Raises
    ------
    BadSound
        If it is too long or too short.
    """
    frames = 0
    for piece in sound_files.pieces(file, rates_hz):
        frames += piece.frames
        if frames > sounds.LONGEST_S * file.samplerate:
            raise BadSound(f"longer than {sounds.LONGEST_S} s")
        yield piece.mono
    if frames < SHORTEST_S * file.samplerate:
        raise BadSound("holds less than an eighth of a second of sound")
