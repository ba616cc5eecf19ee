"""Sound files: any format, rate and channels that libsndfile reads, as one channel."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np
import soundfile
from numpy.typing import NDArray

from hearing.adapters.sound_files import StraightRead, pieces
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
    with opened(path) as file:
        mono = np.concatenate([piece.mono[rate_hz] for piece in pieces(file, {rate_hz})])
    if len(mono) == 0:
        raise BadConfig(f"{path}: holds no sound")
    return mono


@contextmanager
def opened(path: Path) -> Iterator[StraightRead]:
    """Open a sound file that holds sound.

    Parameters
    ----------
    path : Path
        WAV, FLAC, Ogg, MP3 and what else libsndfile knows.

    Yields
    ------
    StraightRead

    Raises
    ------
    BadConfig
        If there is no such file, it is no sound, or it holds no samples; also later, where it is
        damaged.
    """
    try:
        if not path.is_file():
            raise BadConfig(f"{path}: {'is no file' if path.exists() else 'no such file'}")
        if path.stat().st_size == 0:
            raise BadConfig(f"{path}: is empty")
        with _straight(path) as file:
            if file.frames == 0:
                raise BadConfig(f"{path}: holds no sound")
            yield file
    except OSError as error:
        raise BadConfig(f"{str(path)[:_SHOWN]}: {error.strerror or error}") from error
    except soundfile.LibsndfileError as error:
        raise BadConfig(f"{path}: not a sound file: {error.error_string.rstrip('.')}") from error


def _straight(path: Path) -> StraightRead:
    try:
        return StraightRead(path)
    except TypeError as error:  # samples without a header
        raise BadConfig(f"{path}: not a sound file: {str(error).rstrip('.')}") from error
