"""Sounds from memory into memory: decoded piece by piece, so that a small file cannot grow."""

import io
import threading
from collections.abc import Mapping
from typing import Final

import numpy as np
import soundfile
from numpy.typing import NDArray

from acoustics import mel
from acoustics.decibels import leq
from api import sounds
from api.sounds import BadSound, Heard
from hearing import clips
from hearing.adapters import runtime
from hearing.adapters.sound_files import StraightRead, pieces
from hearing.listening import listened

ByRate = Mapping[int, NDArray[np.float64]]

_HIGHEST_HZ: Final = 192_000
_SHORTEST_S: Final = 0.125


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
        with self._one_at_a_time:
            manifest = self._model.manifest
            full_hz = clips.rate_of(manifest.input)
            duration_s, mono = decoded(sound, {mel.RATE_HZ, full_hz})
            heard = listened(mono[mel.RATE_HZ], self._model, mono[full_hz])
            return sounds.told(
                heard.told,
                duration_s=duration_s,
                laeq_dbfs=leq([second.laeq_1s_db for second in heard.measured]),
                model=manifest.identity,
            )


def decoded(sound: bytes, rates_hz: set[int]) -> tuple[float, ByRate]:
    """Length, s, and the mean of the channels at each rate; decoded piece by piece.

    Raises
    ------
    BadSound
        If it is none, or too long.
    """
    try:
        with StraightRead(io.BytesIO(sound)) as file:
            if file.samplerate > _HIGHEST_HZ:
                raise BadSound(f"{file.samplerate} Hz: at most {_HIGHEST_HZ} Hz")
            return _mono(file, rates_hz)
    except soundfile.LibsndfileError as error:
        reason = error.error_string.rstrip(".")
        raise BadSound(f"not a sound that can be read (WAV, FLAC, Ogg, MP3): {reason}") from None


def _mono(file: StraightRead, rates_hz: set[int]) -> tuple[float, ByRate]:
    parts: dict[int, list[NDArray[np.float64]]] = {rate: [] for rate in rates_hz}
    frames = 0
    for piece in pieces(file, rates_hz):
        frames += piece.frames
        if frames > sounds.LONGEST_S * file.samplerate:
            raise BadSound(f"longer than {sounds.LONGEST_S} s")
        for rate, part in parts.items():
            part.append(piece.mono[rate])
    if frames < _SHORTEST_S * file.samplerate:
        raise BadSound("holds less than an eighth of a second of sound")
    whole = {rate: np.concatenate(part) for rate, part in parts.items()}
    return frames / file.samplerate, whole
