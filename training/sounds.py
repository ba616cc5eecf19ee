"""The recordings as waveforms, in one order, each at every speed of the configuration."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import soxr
from numpy.typing import NDArray
from tqdm import tqdm

from acoustics import mel
from acoustics.clips import without_silence
from hearing.adapters.recordings import read_mono
from schemas.errors import BadConfig
from training.config import DataConfig
from training.data import Clip, clips

Sound = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Recorded:
    """One clip at one speed.

    Attributes
    ----------
    index : int
        Place of the clip in `data.clips`.
    speed : float
        1.0: as it was recorded; above: faster and higher.
    sound : ndarray of float64, shape (n,)
        16 kHz, without the silence at either end.
    """

    index: int
    clip: Clip
    speed: float
    sound: Sound


def recorded(config: DataConfig) -> Iterator[Recorded]:
    """Every clip at every speed: the recorded pieces of a pool, in its order.

    Parameters
    ----------
    config : DataConfig
        Which recordings, which speeds.

    Yields
    ------
    Recorded
        All speeds of a clip before the next clip.
    """
    for index, clip in enumerate(tqdm(clips(config), desc="recordings", unit="clip")):
        sound = read(clip)
        for speed in config.speeds:
            as_is = speed == 1.0
            played = sound if as_is else soxr.resample(sound, mel.RATE_HZ * speed, mel.RATE_HZ)
            yield Recorded(index, clip, speed, played)


def read(clip: Clip) -> Sound:
    """Samples of a clip at 16 kHz, without the silence at either end.

    Parameters
    ----------
    clip : Clip
        Where it lies; any rate, any number of channels.

    Returns
    -------
    ndarray of float64, shape (n,), n >= 1

    Raises
    ------
    BadConfig
        If it is no sound, or nothing but silence.
    """
    mono = read_mono(clip.file, mel.RATE_HZ)
    if clip.span_s is not None:
        mono = mono[int(clip.span_s[0] * mel.RATE_HZ) : int(clip.span_s[1] * mel.RATE_HZ)]
    if not mono.any():
        raise BadConfig(f"{clip.file}: holds nothing but silence")
    return without_silence(mono)
