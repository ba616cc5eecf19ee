"""Sound files read straight through: one channel, at any rates, piece by piece."""

import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from acoustics import decimate, mel
from acoustics.levels import at_full_scale

Samples = NDArray[np.float64]

_NOWHERE: Final = np.empty(0, np.intp)
_PIECE: Final = 1 << 18
"""Samples decoded at once, all channels together: an hour in stereo is 3 GB."""
_PIECE_S: Final = 10
"""And no longer than this: 2 Hz at 16 kHz is 8000 times as much."""


class StraightRead(soundfile.SoundFile):  # type: ignore[misc]  # it comes without types
    """Read from start to end only: soundfile seeks after each read, which garbles MP3."""

    def __init__(self, file: Path | BinaryIO) -> None:
        # as bytes: soundfile encodes names itself, and fails at those that are not UTF-8
        super().__init__(os.fsencode(file) if isinstance(file, Path) else file)

    def seekable(self) -> bool:
        """No, whatever the format says."""
        return False


def levels_hz(file_hz: int) -> int:
    """Rate at which levels of a file are measured: all that it holds must fit.

    Examples
    --------
    >>> levels_hz(8_000), levels_hz(16_000), levels_hz(44_100)
    (16000, 16000, 48000)
    """
    return mel.RATE_HZ if file_hz <= mel.RATE_HZ else decimate.RATE_HZ


class Piece(NamedTuple):
    """The next sound of a file: the mean of its channels, full scale 1.0."""

    frames: int
    """How many of the file were read for it: a header may promise more than there are."""
    clipped: NDArray[np.intp]
    """Which of these had a channel at full scale: mean and resampler hide it, or make it up."""
    mono: Mapping[int, Samples]
    """By rate, Hz. A resampler is some ms late, and catches up in the last piece."""


def pieces(
    file: StraightRead, rates_hz: Collection[int], frames: int | None = None
) -> Iterator[Piece]:
    """Read a file to its end.

    Parameters
    ----------
    file : StraightRead
        Just opened.
    rates_hz : collection of int
        Sample rates wanted, Hz.
    frames : int or None
        How many of the file to read at once; None: as many as take 2 MiB, at most 10 s.

    Yields
    ------
    Piece
        NaN is silence, infinity full scale.

    Raises
    ------
    soundfile.LibsndfileError
        The file is damaged from here on.
    """
    streams = {rate_hz: _Resampler(file.samplerate, rate_hz) for rate_hz in rates_hz}
    at_once = frames or max(1, min(_PIECE // file.channels, _PIECE_S * file.samplerate))
    while len(block := file.read(at_once, dtype="float64", always_2d=True)) > 0:
        # one NaN would stay in the resampler's memory for good
        mono = np.nan_to_num(block, nan=0.0, posinf=1.0, neginf=-1.0).mean(axis=1)
        clipped = np.flatnonzero(at_full_scale(block).any(axis=1))
        yield Piece(len(mono), clipped, {hz: stream.step(mono) for hz, stream in streams.items()})
    yield Piece(0, _NOWHERE, {hz: stream.end() for hz, stream in streams.items()})


class _Resampler:
    """One channel from rate to rate, its memory kept between the pieces."""

    def __init__(self, from_hz: int, to_hz: int) -> None:
        different = from_hz != to_hz
        self._stream = (
            soxr.ResampleStream(from_hz, to_hz, 1, dtype="float64") if different else None
        )

    def step(self, mono: Samples) -> Samples:
        """What can be told of the sound so far."""
        return mono if self._stream is None else self._stream.resample_chunk(mono)

    def end(self) -> Samples:
        """What was still to come."""
        nothing = np.empty(0)
        return nothing if self._stream is None else self._stream.resample_chunk(nothing, last=True)
