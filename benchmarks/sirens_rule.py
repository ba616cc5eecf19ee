"""Where a rule raises alerts: the detector of the stream, led past the seconds that say nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from processors import detector
from processors.detector import Place, Watch
from processors.event_time import SECOND_US, microseconds
from processors.rule_terms import LEVEL_FIELDS, Second
from processors.rules import LabelRule
from schemas.results import Alert

Scores = NDArray[np.int64]

_PLACE: Final = Place("benchmark", "pole-01")
_SESSION: Final = "01JWZZZZZZZZZZZZZZZZZZZZZZ"
_BEGIN_S: Final = 1_000_000
_LEVELS_DB: Final = (60.0,) * len(LEVEL_FIELDS)


@dataclass(frozen=True)
class Raised:
    """An alert, in seconds of its stream: the first that counted, and the one that raised it."""

    onset: int
    raised: int


def alerts(scores: Scores, rule: LabelRule) -> list[Raised]:
    """Every alert that a rule raises on one unbroken stream.

    Parameters
    ----------
    scores : ndarray of int, shape (seconds,)
        Of the rule's label, per mille.
    rule : LabelRule
        What raises and what ends.

    Returns
    -------
    list of Raised
        In order.

    Examples
    --------
    >>> rule = LabelRule(rule="siren", label="siren", on_score=500, off_score=300, on_seconds=2,
    ...                  of_seconds=3, off_seconds=2, cooldown_s=0, max_duration_s=60)
    >>> alerts(np.array([0, 600, 0, 700, 600, 0, 0, 900, 0, 800, 0, 0]), rule)
    [Raised(onset=1, raised=3), Raised(onset=7, raised=9)]
    """
    watch, found = Watch(rule), []
    counts = np.flatnonzero(scores >= rule.on_score)
    second = 0
    while second < len(scores):
        if watch.open is None:  # until one counts, nothing can begin
            ahead = int(np.searchsorted(counts, second))
            if ahead == len(counts):
                break
            second = int(counts[ahead])
        watch, told = detector.hear(watch, _second(second, rule.label, int(scores[second])), _PLACE)
        found += [_raised(alert, second) for alert in told if alert.state == "raised"]
        second += 1
    return found


def first_within(raised: Sequence[Raised], onset_s: float, until_s: float) -> float | None:
    """Delay of an alert on a sound that begins and ends; none if one was open before it.

    Parameters
    ----------
    raised : sequence of Raised
        As `alerts` gives them.
    onset_s, until_s : float
        When the sound begins, and how late an alert may be.

    Returns
    -------
    float or None
        From onset to the end of the second that raised the alert, s.
    """
    if not raised:
        return None
    told_s = raised[0].raised + 1.0
    return told_s - onset_s if onset_s < told_s <= until_s else None


def _second(n: int, label: str, score: int) -> Second:
    start_us = (_BEGIN_S + n) * SECOND_US
    return Second(start_us, _SESSION, n, _LEVELS_DB, overload=False, scores={label: score})


def _raised(alert: Alert, second: int) -> Raised:
    return Raised(microseconds(alert.onset_at) // SECOND_US - _BEGIN_S, second)
