"""What is judged: labelled recordings, and the scores that a model gave them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hearing.decide import Scores


@dataclass(frozen=True, eq=False)
class Heard:
    """A labelled recording, or a window of one, and its scores.

    Attributes
    ----------
    labels : frozenset of str
        Truth; empty: none that anybody looks for.
    group : str
        The source it was cut from ("" if nobody says).
    seconds : float
        How long it is, or how much of it no window before it holds, s.
    scores : ndarray of float32, shape (looks, labels), looks >= 1
        Calibrated; one row a look, a second apart.
    recording : str
        What a window was cut from; "" of a whole recording.
    start_s : float
        Where the window begins in it, s.
    """

    labels: frozenset[str]
    group: str
    seconds: float
    scores: Scores
    recording: str = ""
    start_s: float = 0.0


def truth(heard: Sequence[Heard], labels: Sequence[str]) -> NDArray[np.bool_]:
    """Which clip has which label, shape (clips, labels)."""
    rows = [[label in clip.labels for label in labels] for clip in heard]
    return np.array(rows, np.bool_).reshape(len(heard), len(labels))
