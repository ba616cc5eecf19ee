"""Sound files: any format, rate and channels that libsndfile reads, as one channel."""

from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from schemas.errors import BadConfig


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
    if not path.is_file():
        raise BadConfig(f"{path}: {'is no file' if path.exists() else 'no such file'}")
    if path.stat().st_size == 0:
        raise BadConfig(f"{path}: is empty")
    try:
        channels, file_rate_hz = soundfile.read(path, dtype="float64", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        reason = str(getattr(error, "error_string", error)).rstrip(".")
        raise BadConfig(f"{path}: not a sound file: {reason}") from error
    if len(channels) == 0:
        raise BadConfig(f"{path}: holds no sound")
    mono = np.nan_to_num(channels.mean(axis=1), posinf=1.0, neginf=-1.0)
    if file_rate_hz != rate_hz:
        mono = soxr.resample(mono, file_rate_hz, rate_hz)
    if len(mono) == 0:
        raise BadConfig(f"{path}: holds no sound")
    return np.asarray(mono, dtype=np.float64)
