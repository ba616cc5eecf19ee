"""Sounds from memory into memory: decoded piece by piece, so that a small file cannot grow."""

import io
import threading
from collections.abc import Iterator, Mapping
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
from hearing.adapters.recordings import mono_blocks
from hearing.listening import listened

ByRate = Mapping[int, NDArray[np.float64]]

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
        with soundfile.SoundFile(io.BytesIO(sound)) as file:
            if file.samplerate > _HIGHEST_HZ:
                raise BadSound(f"{file.samplerate} Hz: at most {_HIGHEST_HZ} Hz")
            return _resampled(file, rates_hz)
    except soundfile.LibsndfileError as error:
        reason = error.error_string.rstrip(".")
        raise BadSound(f"not a sound that can be read (WAV, FLAC, Ogg, MP3): {reason}") from None


def _resampled(file: soundfile.SoundFile, rates_hz: set[int]) -> tuple[float, ByRate]:
    streams = {
        rate: soxr.ResampleStream(file.samplerate, rate, 1, dtype="float64") for rate in rates_hz
    }
    parts: dict[int, list[NDArray[np.float64]]] = {rate: [] for rate in rates_hz}
    samples = 0
    for piece in _mono(file):
        samples += len(piece)
        for rate, stream in streams.items():
            parts[rate].append(stream.resample_chunk(piece))
    if samples < _SHORTEST_S * file.samplerate:
        raise BadSound("holds less than an eighth of a second of sound")
    for rate, stream in streams.items():
        parts[rate].append(stream.resample_chunk(np.empty(0), last=True))
    whole = {rate: np.concatenate(them) for rate, them in parts.items()}
    return samples / file.samplerate, whole


def _mono(file: soundfile.SoundFile) -> Iterator[NDArray[np.float64]]:
    left = sounds.LONGEST_S * file.samplerate
    for piece in mono_blocks(file, max(1, _PIECE // file.channels)):
        left -= len(piece)
        if left < 0:
            raise BadSound(f"longer than {sounds.LONGEST_S} s")
        yield piece
