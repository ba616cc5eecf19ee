"""Sounds from memory into memory: decoded piece by piece, so that a small file cannot grow."""

import io
import threading
from typing import Final

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from acoustics import mel
from acoustics.decibels import leq
from api import sounds
from api.sounds import BadSound, Heard
from hearing import clips
from hearing.adapters import runtime
from hearing.listening import listened

_HIGHEST_HZ: Final = 192_000
_PIECE: Final = 1 << 18
"""Samples decoded at once, all channels together."""
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
            mono, rate_hz = _decoded(sound)
            manifest = self._model.manifest
            heard = listened(
                _at(mono, rate_hz, mel.RATE_HZ),
                self._model,
                _at(mono, rate_hz, clips.rate_of(manifest.input)),
            )
            return sounds.told(
                heard.told,
                duration_s=len(mono) / rate_hz,
                laeq_dbfs=leq([second.laeq_1s_db for second in heard.measured]),
                model=manifest.identity,
            )


def _decoded(sound: bytes) -> tuple[NDArray[np.float64], int]:
    """Mean of the channels, and the rate."""
    try:
        with soundfile.SoundFile(io.BytesIO(sound)) as file:
            if file.samplerate > _HIGHEST_HZ:
                raise BadSound(f"{file.samplerate} Hz: at most {_HIGHEST_HZ} Hz")
            return _mono(file), file.samplerate
    except soundfile.LibsndfileError as error:
        reason = error.error_string.rstrip(".")
        raise BadSound(f"not a sound that can be read (WAV, FLAC, Ogg, MP3): {reason}") from None


def _mono(file: soundfile.SoundFile) -> NDArray[np.float64]:
    pieces: list[NDArray[np.float32]] = []
    left = sounds.LONGEST_S * file.samplerate
    for piece in file.blocks(max(1, _PIECE // file.channels), dtype="float32", always_2d=True):
        left -= len(piece)
        if left < 0:
            raise BadSound(f"longer than {sounds.LONGEST_S} s")
        pieces.append(piece.mean(axis=1))
    mono = np.concatenate([np.empty(0), *pieces])
    if len(mono) < _SHORTEST_S * file.samplerate:
        raise BadSound("holds less than an eighth of a second of sound")
    return np.asarray(np.nan_to_num(mono, posinf=1.0, neginf=-1.0))


def _at(mono: NDArray[np.float64], rate_hz: int, wanted_hz: int) -> NDArray[np.float64]:
    if rate_hz == wanted_hz:
        return mono
    return np.asarray(soxr.resample(mono, rate_hz, wanted_hz), dtype=np.float64)
