"""What the profile does not protect: which of a few known things was said.

Reported, not judged. An attacker who knows that one of ten digits, or one of ten sentences, was
spoken finds out which far more often than by luck, though the voice is new to him.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from acoustics import mel
from benchmarks import privacy_attack as attack
from benchmarks.privacy_speech import Clip

_DIGIT_FRAMES: Final = 6
_RIDGE: Final = 100.0

Table = NDArray[np.float64]


def digit_accuracy(clips: Sequence[Clip]) -> float:
    """Share of digits that a linear classifier names right, of speakers it did not learn from."""
    speakers = sorted({clip.speaker for clip in clips})
    inputs = np.stack([_digit(clip) for clip in clips])
    labels = np.array([clip.text for clip in clips])
    who = np.array([clip.speaker for clip in clips])
    right = [
        _named(inputs[who != each], labels[who != each], inputs[who == each]) == labels[who == each]
        for each in speakers
    ]
    return float(np.concatenate(right).mean())


def sentence_accuracy(clips: Sequence[Clip]) -> float:
    """Share of sentences whose nearest one in another voice has the same words."""
    shapes = [_shape(clip) for clip in clips]
    right = 0
    for n, clip in enumerate(clips):
        others = [k for k, other in enumerate(clips) if other.speaker != clip.speaker]
        nearest = min(others, key=lambda k: _warped_distance(shapes[n], shapes[k]))
        right += clips[nearest].text == clip.text
    return right / len(clips)


def _named(known: Table, labels: NDArray[np.str_], unknown: Table) -> NDArray[np.str_]:
    """One-against-all ridge regression."""
    mean, spread = known.mean(axis=0), known.std(axis=0) + 1e-6
    inputs, names = (known - mean) / spread, np.unique(labels)
    wanted = (labels[:, None] == names).astype(float)
    square = inputs.T @ inputs + _RIDGE * np.eye(inputs.shape[1])
    weights = np.linalg.solve(square, inputs.T @ (wanted - wanted.mean(axis=0)))
    scores = (unknown - mean) / spread @ weights + wanted.mean(axis=0)
    return np.asarray(names[scores.argmax(axis=1)])


def _digit(clip: Clip) -> Table:
    """The first 0.75 s as levels about their mean, [6 * 32]."""
    return np.asarray(_levels_db(clip.sound, _DIGIT_FRAMES).ravel())


def _levels_db(sound: attack.Samples, frames: int) -> Table:
    padded = np.pad(sound, (0, max(0, 2000 * frames - len(sound))))[: 2000 * frames]
    levels_db = mel.codes_to_db(attack.profile_codes(padded)).astype(np.float64)
    levels_db = np.maximum(levels_db, levels_db.max() - 60)
    return np.asarray(levels_db - levels_db.mean())


def _shape(clip: Clip) -> Table:
    """Levels without what the voice adds to each band, [frames, 32]."""
    levels_db = _levels_db(clip.sound, len(clip.sound) // 2000)
    return np.asarray(levels_db - levels_db.mean(axis=0))


def _warped_distance(one: Table, other: Table) -> float:
    """Mean distance along the best way of stretching one over the other."""
    cost = np.linalg.norm(one[:, None] - other[None], axis=2)
    best = np.full((len(one) + 1, len(other) + 1), np.inf)
    best[0, 0] = 0.0
    for i, j in np.ndindex(cost.shape):
        before = min(best[i, j], best[i, j + 1], best[i + 1, j])
        best[i + 1, j + 1] = cost[i, j] + before
    return float(best[-1, -1] / (len(one) + len(other)))
