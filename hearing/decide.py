"""From scores to labels and events: calibration, thresholds, the gate, votes."""

from collections.abc import Mapping, Sequence
from math import inf

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hearing.manifest import Manifest
from hearing.taxonomy import OTHER, SILENCE
from schemas.base import Frozen

Scores = NDArray[np.float32]

DECIDED = 500
"""Per mille at which a label is just active, whatever its own threshold is."""

REPORTED = 100
"""Per mille from which on a label is worth telling."""

MEMORY_S = 2
"""A label outlives its sound by about this much, since a patch looks back 4 s."""


def probabilities(outputs: ArrayLike, manifest: Manifest) -> Scores:
    """Calibrated scores of a model's raw outputs.

    Parameters
    ----------
    outputs : array_like, shape (n, labels)
        Logits, or probabilities where the manifest says `none`.
    manifest : Manifest
        Activation, and temperature per label.

    Returns
    -------
    ndarray of float32, shape (n, labels)
        0 to 1.
    """
    raw = np.asarray(outputs, dtype=np.float64)
    if manifest.activation == "none":
        return raw.astype(np.float32)
    scaled = raw / np.array([manifest.temperature[label] for label in manifest.labels])
    if manifest.activation == "softmax":
        exponential = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        return np.asarray(exponential / exponential.sum(axis=1, keepdims=True), dtype=np.float32)
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * scaled)), dtype=np.float32)


def per_mille(scores: ArrayLike, manifest: Manifest) -> NDArray[np.int64]:
    """Scores on one scale for all labels: 0 and 1000 stay, a label's threshold becomes 500.

    Parameters
    ----------
    scores : array_like, shape (n, labels)
        Calibrated, 0 to 1.
    manifest : Manifest
        Threshold per label.

    Returns
    -------
    ndarray of int, shape (n, labels)
        0 to 1000, rising with the score; from 500 on the label is active.
    """
    exact = np.asarray(scores, np.float64)
    thresholds = np.array([manifest.thresholds[label] for label in manifest.labels])
    below = DECIDED * exact / thresholds
    above = DECIDED + (1000 - DECIDED) * (exact - thresholds) / (1 - thresholds)
    return np.asarray(np.rint(np.where(exact < thresholds, below, above)), dtype=np.int64)


def reported(scores: ArrayLike, silent: ArrayLike, manifest: Manifest) -> list[Mapping[str, int]]:
    """Labels that are worth telling of each second.

    Parameters
    ----------
    scores : array_like, shape (n, labels)
        Calibrated, 0 to 1.
    silent : array_like of bool, shape (n,)
        What is silent has no label: see `patches.is_silent`.
    manifest : Manifest
        Names and thresholds.

    Returns
    -------
    list of mapping of str to int
        Per mille, 500 at the label's own threshold.
    """
    told = per_mille(scores, manifest)
    return [
        {}
        if nothing
        else {name: n for name, n in zip(manifest.labels, row, strict=True) if n >= REPORTED}
        for row, nothing in zip(told.tolist(), np.asarray(silent).tolist(), strict=True)
    ]


def active(seconds: Sequence[Mapping[str, int]]) -> list[dict[str, int]]:
    """The labels that are active in each second: those at or above their own threshold.

    Parameters
    ----------
    seconds : sequence of mapping of str to int
        Labels of each second, per mille, as `reported` tells them.

    Returns
    -------
    list of dict of str to int
        One for each second; empty for "other".

    Examples
    --------
    >>> active([{"siren": 500, "car_horn": 499}, {}])
    [{'siren': 500}, {}]
    """
    return [{name: n for name, n in second.items() if n >= DECIDED} for second in seconds]


def named(seconds: Sequence[Mapping[str, int]], silent: Sequence[bool]) -> list[frozenset[str]]:
    """What each second is called: its active labels; without any, silence or "other".

    Parameters
    ----------
    seconds : sequence of mapping of str to int
        The active labels of each second.
    silent : sequence of bool
        Whether there was nothing to hear.

    Returns
    -------
    list of frozenset of str
        None of them empty.

    Examples
    --------
    >>> [sorted(names) for names in named([{"siren": 700}, {}, {}], [False, False, True])]
    [['siren'], ['other'], ['silence']]
    """
    return [
        frozenset(second) or frozenset({SILENCE if quiet else OTHER})
        for second, quiet in zip(seconds, silent, strict=True)
    ]


def soft_vote(scores: ArrayLike) -> Scores:
    """One row for several overlapping patches: their mean.

    Parameters
    ----------
    scores : array_like, shape (n, labels), n >= 1
        Calibrated, 0 to 1.

    Returns
    -------
    ndarray of float32, shape (labels,)
        0 to 1.

    Examples
    --------
    >>> soft_vote([[0.0, 1.0], [0.5, 0.5]]).tolist()
    [0.25, 0.75]
    """
    return np.asarray(np.mean(np.asarray(scores), axis=0), dtype=np.float32)


class Event(Frozen):
    """A label from its beginning to its end, in seconds of the recording.

    The score is the highest of its seconds, on the stream's scale: 0.5 is the label's threshold.
    """

    label: str
    onset_s: float
    offset_s: float
    score: float


def events(
    seconds: Sequence[Mapping[str, int]], bridged_s: int = 2, *, length_s: float = inf
) -> list[Event]:
    """Join the seconds of each label to events.

    Parameters
    ----------
    seconds : sequence of mapping of str to int
        The active labels of each second, per mille.
    bridged_s : int
        Gaps up to this long do not end an event, s.
    length_s : float
        Of the sound, s: it may end within its last second, and no event after it.

    Returns
    -------
    list of Event
        By onset, then label.

    Examples
    --------
    >>> heard = [{}, {"siren": 700}, {"siren": 900}, {"siren": 800}, {"siren": 600}, {}, {}, {}]
    >>> [(e.label, e.onset_s, e.offset_s, e.score) for e in events(heard)]
    [('siren', 1.0, 3.0, 0.9)]
    """
    found = [
        event
        for label in sorted({label for second in seconds for label in second})
        for event in _events_of(
            label, [second.get(label, 0) for second in seconds], bridged_s, length_s
        )
    ]
    return sorted(found, key=lambda event: (event.onset_s, event.label))


def _events_of(label: str, scores: Sequence[int], bridged_s: int, length_s: float) -> list[Event]:
    active = [n for n, score in enumerate(scores) if score > 0]
    spans: list[tuple[int, int]] = []
    for n in active:
        if spans and n - spans[-1][1] <= bridged_s + 1:
            spans[-1] = (spans[-1][0], n)
        else:
            spans.append((n, n))
    return [
        Event(
            label=label,
            onset_s=float(first),
            # what is active in the last second of all has not ended
            offset_s=min(
                length_s,
                float(len(scores) if last + 1 == len(scores) else max(first, last - MEMORY_S) + 1),
            ),
            score=max(scores[first : last + 1]) / 1000,
        )
        for first, last in spans
    ]
