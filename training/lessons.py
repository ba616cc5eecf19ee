"""What a fold learns from the teacher: an inner picture, second opinions, and what was not said."""

import csv
import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.preprocessing import StandardScaler

from hearing import taxonomy
from training.config import DataConfig
from training.pools import FOREGROUND, Pool
from training.teacher import EMBEDDING, Taught

_PARTS: Final = 5
_AUDIBLE: Final = 0.3
"""From this score on the teacher's word is enough to leave a label open that nobody annotated."""
_SURELY: Final = {"speech": 0.4, "birds": 0.4}
"""Of labels that nobody annotated: from here on heard,"""
_SURELY_NOT: Final = {"speech": 0.05, "birds": 0.03, "traffic": 0.03, "wind": 0.02}
"""below these not heard; traffic and wind are too diffuse for the teacher to be sure of them."""
_OUTLIER: Final = 4.0


@dataclass(frozen=True, eq=False)
class Lessons:
    """One row for each recorded piece, in the pool's order.

    Attributes
    ----------
    embedding : ndarray of float32, shape (pieces, 384)
        The teacher's, standardised over what the fold may hear.
    opinion : ndarray of float32, shape (pieces, labels)
        Probabilities by a probe of the embedding that never heard the piece's recording.
    has_opinion : ndarray of bool, shape (pieces,)
    """

    embedding: NDArray[np.float32]
    opinion: NDArray[np.float32]
    has_opinion: NDArray[np.bool_]


def lessons(pool: Pool, embedding: NDArray[np.float32], held_out: int) -> Lessons:
    """What the teacher tells a network that may not hear a fold.

    Parameters
    ----------
    pool : Pool
        Its recorded pieces come first.
    embedding : ndarray of float32, shape (pieces, 384)
        As `by_piece` gives them.
    held_out : int
        Fold 1 to 4, or 0.

    Returns
    -------
    Lessons
        Nothing in them rests on a recording of the held-out fold.
    """
    n = len(embedding)
    allowed = (pool.group[:n] != held_out) | (held_out == 0)
    heard = embedding[allowed & (pool.kind[:n] == FOREGROUND)]
    standard = (embedding - heard.mean(axis=0)) / (heard.std(axis=0) + 1e-3)
    one = allowed & (pool.kind[:n] == FOREGROUND) & (pool.heard[:n].sum(axis=1) == 1)
    return Lessons(
        np.clip(standard, -_OUTLIER, _OUTLIER).astype(np.float32),
        _opinions(pool, embedding, np.flatnonzero(one)),
        one,
    )


def without_teacher(pool: Pool) -> Lessons:
    """Lessons that say nothing."""
    n = int((pool.source >= 0).sum())
    return Lessons(
        np.zeros((n, EMBEDDING), np.float32),
        np.zeros((n, len(taxonomy.LABELS)), np.float32),
        np.zeros(n, np.bool_),
    )


def _opinions(
    pool: Pool, embedding: NDArray[np.float32], pieces: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Each fifth of the recordings as the other four fifths see it."""
    found = np.zeros((len(embedding), len(taxonomy.LABELS)), np.float32)
    x = StandardScaler().fit_transform(embedding[pieces])
    y, sources = pool.heard[pieces].argmax(axis=1), pool.source[pieces]
    as_recorded = pool.clip[pieces] >= 0
    split = GroupKFold(min(_PARTS, len(np.unique(sources))), shuffle=True, random_state=0)
    for others, part in split.split(x, y, sources):
        known = others[as_recorded[others]]
        probe = LogisticRegression(C=0.003, max_iter=200, class_weight="balanced")
        probe.fit(x[known], y[known])
        found[np.ix_(pieces[part], probe.classes_)] = probe.predict_proba(x[part])
    return found


def by_piece(config: DataConfig, taught: Taught) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The teacher's answers to each recorded piece of a pool: the mean over its spans.

    Parameters
    ----------
    config : DataConfig
        The speeds that the pool was made with.
    taught : Taught
        As `teacher.load` gives it.

    Returns
    -------
    embedding : ndarray of float32, shape (pieces, 384)
    scores : ndarray of float32, shape (pieces, 527)
    """
    speeds = np.array(config.speeds)
    place = np.abs(taught.speed[:, None] - speeds).argmin(axis=1)
    piece = taught.clip * len(speeds) + place
    return _mean(piece, taught.embedding), _mean(piece, taught.scores)


def _mean(piece: NDArray[np.int64], rows: NDArray[np.float32]) -> NDArray[np.float32]:
    total = np.zeros((piece.max() + 1, rows.shape[1]), np.float32)
    np.add.at(total, piece, rows)
    return np.asarray(total / np.bincount(piece)[:, None], np.float32)


def class_names(teacher: Path) -> list[str]:
    """AudioSet's names of the teacher's outputs, in order."""
    with (teacher / "class_labels_indices.csv").open(newline="") as lines:
        return [row["display_name"] for row in csv.DictReader(lines)]


def settled(pool: Pool, scores: NDArray[np.float32], names: list[str]) -> Pool:
    """The pool with the teacher's word on what nobody annotated.

    Parameters
    ----------
    pool : Pool
        Its recorded pieces come first.
    scores : ndarray of float32, shape (pieces, 527)
        Of those pieces.
    names : list of str
        What the scores are of.

    Returns
    -------
    Pool
        Voices and birds in the background of an event are heard, or surely not; any other label
        that the teacher hears and nobody annotated is left open.
    """
    heard, perhaps, n = pool.heard.copy(), pool.perhaps.copy(), len(scores)
    event = pool.kind[:n] == FOREGROUND
    for k, leaves in enumerate(taxonomy.columns(names, taxonomy.LABELS)):
        label, score = taxonomy.LABELS[k], scores[:, list(leaves)].max(axis=1)
        if label in _SURELY_NOT:
            unknown = event & perhaps[:n, k]
            present = unknown & (score > _SURELY.get(label, np.inf))
            heard[:n, k] |= present
            perhaps[:n, k] &= ~(present | (unknown & (score < _SURELY_NOT[label])))
        else:
            perhaps[:n, k] |= event & ~heard[:n, k] & (score > _AUDIBLE)
    return dataclasses.replace(pool, heard=heard, perhaps=perhaps)
