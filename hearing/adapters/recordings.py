"""Sound files: any format, rate and channels that libsndfile reads, as one channel."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from schemas.errors import BadConfig

_SHOWN: Final = 200
"""Of a name that is too long for a file."""


def read_mono(path: Path, rate_hz: int) -> NDArray[np.float64]:
    """Read a sound file, mixed down and resampled.

    Parameters
    ----------
    path : Path
        WAV, FLAC, Ogg, MP3 and what else libsndfile knows.
    rate_hz : int
        Sample rate wanted, Hz.

    Returns
    -------
    ndarray of float64, shape (n,), n >= 1
        Full scale 1.0.

    Raises
    ------
    BadConfig
        If there is no such file, it is no sound, or it holds no samples.
    """
    try:
        if not path.is_file():
            raise BadConfig(f"{path}: {'is no file' if path.exists() else 'no such file'}")
        if path.stat().st_size == 0:
            raise BadConfig(f"{path}: is empty")
        with soundfile.SoundFile(path) as file:
            mono = np.concatenate([np.empty(0), *_minutes(file, rate_hz)])
    except OSError as error:
        raise BadConfig(f"{str(path)[:_SHOWN]}: {error.strerror or error}") from error
    except (soundfile.LibsndfileError, TypeError) as error:  # TypeError: samples without a header
        reason = str(getattr(error, "error_string", error)).rstrip(".")
        raise BadConfig(f"{path}: not a sound file: {reason}") from error
    if len(mono) == 0:
        raise BadConfig(f"{path}: holds no sound")
    return mono


def _minutes(file: soundfile.SoundFile, rate_hz: int) -> Iterator[NDArray[np.float64]]:
    """One channel at the rate wanted, a minute at a time: an hour in stereo is 3 GB."""
    minutes = mono_blocks(file, 60 * file.samplerate)
    if file.samplerate == rate_hz:
        yield from minutes
        return
    resampled = soxr.ResampleStream(file.samplerate, rate_hz, 1, dtype="float64")
    for minute in minutes:
        yield resampled.resample_chunk(minute)
    yield resampled.resample_chunk(np.empty(0), last=True)


def mono_blocks(file: soundfile.SoundFile, frames: int) -> Iterator[NDArray[np.float64]]:
    """Mean of a file's channels, so many frames at a time; what is no number is silence."""
    for block in file.blocks(frames, dtype="float64", always_2d=True):
        yield np.nan_to_num(block.mean(axis=1), posinf=1.0, neginf=-1.0)
