"""How well scores rank: the figures that `evaluate` prints."""

import numpy as np
from numpy.typing import ArrayLike


def area_under_curve(positive: ArrayLike, scores: ArrayLike) -> float | None:
    """Chance that a positive is scored above a negative (area under the ROC curve).

    Parameters
    ----------
    positive : array_like of bool, shape (n,)
        Truth.
    scores : array_like, shape (n,)
        Any monotonic score.

    Returns
    -------
    float or None
        0 to 1, ties counting half; None if one of the classes is missing.

    Examples
    --------
    >>> area_under_curve([True, False, True, False], [0.9, 0.1, 0.5, 0.5])
    0.875
    """
    truth, values = np.asarray(positive, dtype=bool), np.asarray(scores, dtype=np.float64)
    positives, negatives = int(truth.sum()), int((~truth).sum())
    if positives == 0 or negatives == 0:
        return None
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(count) - (count - 1) / 2)[place]
    wins = ranks[truth].sum() - positives * (positives + 1) / 2
    return float(wins / (positives * negatives))


def average_precision(positive: ArrayLike, scores: ArrayLike) -> float | None:
    """Mean precision over the positives, from the highest score down.

    Parameters
    ----------
    positive : array_like of bool, shape (n,)
        Truth.
    scores : array_like, shape (n,)
        Any monotonic score.

    Returns
    -------
    float or None
        0 to 1; equal scores enter together; None without a positive.

    Examples
    --------
    >>> round(average_precision([True, False, True], [0.9, 0.8, 0.7]), 4)
    0.8333
    """
    truth, values = np.asarray(positive, dtype=bool), np.asarray(scores, dtype=np.float64)
    if not truth.any():
        return None
    order = np.argsort(-values, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(values[order]) != 0, True))
    found = np.cumsum(truth[order])[ends]
    gained = np.diff(np.concatenate([[0], found]))
    return float((gained * found / (ends + 1)).sum() / truth.sum())


def f_score(hits: int, told: int, true: int) -> float:
    """Harmonic mean of precision and recall.

    Parameters
    ----------
    hits, told, true : int
        Rightly told, told at all, and true ones.

    Returns
    -------
    float
        0 to 1; 0 where there is nothing to tell.

    Examples
    --------
    >>> f_score(hits=2, told=4, true=2)
    0.6666666666666666
    """
    return 2 * hits / (told + true) if told + true else 0.0


def rounded(value: float | np.floating) -> float:
    """To four digits, as figures are told."""
    return round(float(value), 4)
