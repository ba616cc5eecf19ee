"""Rendered streets as training material: every sound of a scene apart, aligned in time.

The seeds are not those of the demo or of any test, so that nobody is judged on a scene that the
model has trained on.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from acoustics import mel
from agents import street

DEVICES: Final = 20
BEGIN_S: Final = 16  # emergency vehicles come by between 27 and 60 s
END_S: Final = 76
_HISTORY: Final = 824


def stems(seed: int) -> Iterator[dict[str, NDArray[np.uint8]]]:
    """Mel codes of the scenes of one city, sound by sound.

    Parameters
    ----------
    seed : int
        Of the city.

    Yields
    ------
    dict of str to ndarray of uint8, shape (480, 32)
        Mel codes of each label on its own, at one device; levels as rendered.
    """
    for apart in sounds(seed):
        yield {label: codes_of(sound) for label, sound in apart.items()}


def sounds(seed: int) -> Iterator[dict[str, NDArray[np.float32]]]:
    """Sounds of the scenes of one city.

    Parameters
    ----------
    seed : int
        Of the city.

    Yields
    ------
    dict of str to ndarray of float32, shape (960000,)
        A minute of each label on its own, at one device; they add up to what is heard.
    """
    second = mel.RATE_HZ
    for scene in street.city(seed, DEVICES):
        apart: dict[str, NDArray[np.float32]] = {}
        for n, k in enumerate(range(BEGIN_S, END_S)):
            for label, part in scene.stems(k).items():
                silence = np.zeros((END_S - BEGIN_S) * second, np.float32)
                apart.setdefault(label, silence)[n * second : (n + 1) * second] = part
        yield apart


def codes_of(sound: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Mel codes of a sound that silence went before.

    Parameters
    ----------
    sound : ndarray of float32, shape (n,)
        Samples at 16 kHz.

    Returns
    -------
    ndarray of uint8, shape (n // 2000, 32)
        Without a missing frame.
    """
    return mel.frames(mel.MelState(np.zeros(_HISTORY)), sound)[1]
