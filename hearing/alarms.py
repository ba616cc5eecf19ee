"""What a label costs in false alarms: recall at one an hour, and at the shipped threshold."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from schemas.base import Frozen

SPAN_S: Final = 10
"""A negative recording raises at most one false alarm in so many seconds: long ones count more."""


class Alarms(Frozen):
    """How a label does at one threshold.

    Attributes
    ----------
    threshold : float
        A recording is caught if any of its looks reaches it.
    recall : float
        Share of recordings caught.
    recall_by_source : float
        Mean over their sources, so that a long source counts once.
    false_alarms : int
        Spans of 10 s of negatives with a look that reaches it.
    per_hour : float
        Of them, in an hour of negatives.
    sources : mapping of str to float
        Recall of each source that has a name.
    """

    threshold: float
    recall: float
    recall_by_source: float
    false_alarms: int
    per_hour: float
    sources: Mapping[str, float]


def spans(scores: NDArray[np.floating]) -> NDArray[np.float64]:
    """Highest score of each span of 10 s.

    Parameters
    ----------
    scores : ndarray, shape (n,), n >= 1
        Of one recording, one a second.

    Returns
    -------
    ndarray of float64, shape (ceil(n / 10),)

    Examples
    --------
    >>> spans(np.array([0.1] * 9 + [0.9, 0.2])).tolist()
    [0.9, 0.2]
    """
    starts = np.arange(0, len(scores), SPAN_S)
    return np.asarray(np.maximum.reduceat(np.asarray(scores, np.float64), starts))


def threshold_at(negatives: NDArray[np.float64], hours: float, per_hour: float = 1.0) -> float:
    """Lowest threshold with at most so many false alarms an hour.

    Parameters
    ----------
    negatives : ndarray of float64, shape (n,), n >= 1
        Spans of all negatives, see `spans`.
    hours : float
        Of negatives; less than one allows no false alarm at all.
    per_hour : float
        Allowed.

    Returns
    -------
    float
        Just above the highest span that must stay silent; may exceed 1.

    Examples
    --------
    >>> threshold_at(np.array([0.2, 0.9, 0.5]), hours=1.5) > 0.5
    True
    >>> threshold_at(np.array([0.2, 0.9, 0.5]), hours=1.5) < 0.51
    True
    """
    allowed = int(per_hour * hours)
    if allowed >= len(negatives):
        return 0.0
    return float(np.nextafter(np.sort(negatives)[::-1][allowed], 2.0))


def at(
    threshold: float,
    positives: Sequence[tuple[str, float]],
    negatives: NDArray[np.float64],
    hours: float,
) -> Alarms:
    """Recall and false alarms at a threshold.

    Parameters
    ----------
    threshold : float
        From which on a look raises an alarm.
    positives : sequence of (str, float)
        Source and highest score of each recording that holds the label; at least one.
    negatives : ndarray of float64, shape (n,)
        Spans of recordings without it.
    hours : float
        Length of those, > 0.

    Returns
    -------
    Alarms
    """
    caught = np.array([score >= threshold for _, score in positives])
    source = np.array([name for name, _ in positives])
    shares = {str(name): float(caught[source == name].mean()) for name in np.unique(source)}
    false = int((negatives >= threshold).sum())
    return Alarms(
        threshold=round(threshold, 6),
        recall=round(float(caught.mean()), 4),
        recall_by_source=round(float(np.mean(list(shares.values()))), 4),
        false_alarms=false,
        per_hour=round(false / hours, 2),
        sources={name: round(share, 4) for name, share in shares.items() if name},
    )
