"""A whole sound heard as a device hears it: level, labels and silence of each second. Pure."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from acoustics import levels, mel
from hearing import clips, decide, patches
from hearing.clips import Listener
from schemas.messages import Levels


class Listened(NamedTuple):
    """One item for each second; levels re full scale, scores in per mille."""

    measured: list[Levels]
    told: list[Mapping[str, int]]
    silent: list[bool]


def listened(
    sound: NDArray[np.float64], listener: Listener, full_band: NDArray[np.float64]
) -> Listened:
    """Hear a sound; what is shorter than a second is repeated to fill it.

    Parameters
    ----------
    sound : ndarray of float64, shape (n,), n >= 1
        At 16 kHz, full scale 1.0.
    listener : Listener
        Gives the labels.
    full_band : ndarray of float64, shape (m,), m >= 1
        The same at `clips.rate_of(listener.manifest.input)`.

    Returns
    -------
    Listened
    """
    seconds = max(1, len(sound) // mel.RATE_HZ)
    whole = np.resize(sound, seconds * mel.RATE_HZ)
    heard = np.resize(full_band, seconds * clips.rate_of(listener.manifest.input))
    _, measured = levels.step(levels.start(mel.RATE_HZ), whole)
    silent = [bool(quiet) for quiet in patches.is_silent(clips.session_patches(whole))]
    told = decide.reported(clips.second_scores(heard, listener), silent, listener.manifest)
    return Listened(list(measured), told, silent)
