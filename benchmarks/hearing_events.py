"""Onset and offset on rendered streets whose true events are known, by `sed_scores_eval`.

Decisions are made once a second by a model that looks back for seconds, so an onset is right to a
second at best: the collar of 200 ms is the field's, and shows what that costs; the one of 2 s is
what a rule that counts seconds can use. Every rendered call counts as true, also one that the
street drowns.
"""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
import soxr
from numpy.typing import NDArray
from tqdm import tqdm

from acoustics import mel
from agents.street import Scene, TrueEvent, city
from hearing import clips, decide
from hearing.clips import Listener
from hearing.manifest import Manifest
from hearing.patches import is_silent

Span = tuple[float, float, str]
"""Onset and offset, s, and label: one event."""

SEED: Final = 9000
"""Cities that nothing was trained on: training takes 4000 and the next ones."""
_DEVICES: Final = 20
_UNTIL_S: Final = 76
_SHORT_COLLAR_S, _LONG_COLLAR_S = 0.2, 2.0
_DECIDED: Final = 0.5
_PSDS: Final[Mapping[str, Mapping[str, float]]] = {
    # DCASE's two scenarios, quick to react and not confused, without their penalty for labels that
    # differ: it takes both of any model that hears sirens better than birds to zero
    "psds1": {"dtc_threshold": 0.7, "gtc_threshold": 0.7},
    "psds2": {"dtc_threshold": 0.1, "gtc_threshold": 0.1, "cttc_threshold": 0.3, "alpha_ct": 0.5},
}


class Street(NamedTuple):
    """One device's street."""

    sound: NDArray[np.float64]
    """At 16 kHz."""
    truth: Sequence[TrueEvent]


class Row(NamedTuple):
    """One label, or the mean of all, as one model decided."""

    model: str
    label: str
    events: int
    segment_f1: float
    segment_best_f1: float
    event_f1_200_ms: float
    event_f1_2_s: float


class Sweep(NamedTuple):
    """All thresholds at once: polyphonic sound detection scores, 0 to 1."""

    model: str
    psds1: float
    psds2: float


def streets(cities: int, devices: int = _DEVICES) -> list[Street]:
    """Render streets.

    Parameters
    ----------
    cities, devices : int
        How many, and how many streets each.

    Returns
    -------
    list of Street
        76 s each.
    """
    scenes = [scene for n in range(cities) for scene in city(SEED + n, _DEVICES)[:devices]]
    return [_street(scene) for scene in tqdm(scenes, desc="streets", unit="street")]


def judge(name: str, listener: Listener, heard: Sequence[Street]) -> tuple[list[Row], Sweep]:
    """Decide as the stream does, and compare with what was rendered.

    Parameters
    ----------
    name : str
        Of the model.
    listener : Listener
        Who listens.
    heard : sequence of Street
        As `streets` gives them.

    Returns
    -------
    rows : list of Row
        One a label that occurs, and their mean, `all`.
    sweep : Sweep
    """
    labels = _labels(heard, listener.manifest)
    truth = {str(n): spans(street.truth, labels) for n, street in enumerate(heard)}
    told = [_told(street, listener) for street in heard]
    scores = {str(n): _frames(each, labels) for n, each in enumerate(told)}
    decided = {str(n): _decided(each, labels) for n, each in enumerate(told)}
    seconds = dict.fromkeys(truth, float(_UNTIL_S))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what it imports still speaks of pkg_resources
        figures = _figures(scores, decided, truth, seconds)
    rows = [
        Row(name, label, _count(truth, label), *(round(of[key], 4) for of in figures[:4]))
        for label, key in [*((label, label) for label in labels), ("all", "macro_average")]
    ]
    return rows, Sweep(name, *(round(float(value), 4) for value in figures[4]))


def _figures(
    scores: Mapping[str, Any],
    decided: Mapping[str, Any],
    truth: Mapping[str, list[Span]],
    seconds: Mapping[str, float],
) -> tuple[Any, Any, Any, Any, tuple[float, float]]:
    from sed_scores_eval import (  # noqa: PLC0415  # it warns when it is imported
        collar_based,
        intersection_based,
        segment_based,
    )

    segments = segment_based.fscore(scores, truth, seconds, _DECIDED, segment_length=1.0)[0]
    best = segment_based.best_fscore(scores, truth, seconds, segment_length=1.0)[0]
    collars = (
        collar_based.fscore(
            decided, truth, _DECIDED, onset_collar=collar, offset_collar=collar,
            offset_collar_rate=0.2,
        )[0]
        for collar in (_SHORT_COLLAR_S, _LONG_COLLAR_S)
    )  # fmt: skip
    sweeps = tuple(
        intersection_based.psds(scores, truth, seconds, max_efpr=100, **settings)[0]
        for settings in _PSDS.values()
    )
    return segments, best, next(collars), next(collars), (sweeps[0], sweeps[1])


def _street(scene: Scene) -> Street:
    sound = np.concatenate([scene.second(k) for k in range(_UNTIL_S)])
    return Street(sound.astype(np.float64), scene.events(_UNTIL_S))


def _labels(heard: Iterable[Street], manifest: Manifest) -> list[str]:
    true = {event.label for street in heard for event in street.truth}
    return [label for label in manifest.labels if label in true]


def spans(truth: Iterable[TrueEvent], labels: Sequence[str]) -> list[Span]:
    """Events of some labels within a street; those of one label that overlap are one.

    Parameters
    ----------
    truth : iterable of TrueEvent
        Of one street.
    labels : sequence of str
        Those that count.

    Returns
    -------
    list of (float, float, str)
        By label, then onset.
    """
    joined: list[Span] = []
    for event in sorted(truth, key=lambda event: (event.label, event.onset_s)):
        onset, offset = event.onset_s, min(event.offset_s, float(_UNTIL_S))
        if event.label not in labels or offset <= onset:
            continue
        if joined and joined[-1][2] == event.label and onset <= joined[-1][1]:
            onset, offset = joined[-1][0], max(offset, joined.pop()[1])
        joined.append((onset, offset, event.label))
    return joined


def _told(street: Street, listener: Listener) -> tuple[Mapping[str, int], ...]:
    rate_hz = clips.rate_of(listener.manifest.input)
    sound = street.sound
    if rate_hz != mel.RATE_HZ:
        sound = soxr.resample(sound, mel.RATE_HZ, rate_hz)
    scores = clips.second_scores(sound, listener)
    silent = is_silent(clips.session_patches(street.sound))
    return tuple(decide.reported(scores, silent[: len(scores)], listener.manifest))


def _frames(told: Sequence[Mapping[str, int]], labels: Sequence[str]) -> pd.DataFrame:
    rows = np.array([[second.get(label, 0) / 1000 for label in labels] for second in told])
    # an active label of exactly 500 per mille must be above the threshold, not at it
    return _table(np.nextafter(rows, 2), np.arange(len(told) + 1.0), labels)


def _decided(told: Sequence[Mapping[str, int]], labels: Sequence[str]) -> pd.DataFrame:
    """Our events as scores of 0 and 1."""
    rows = np.zeros((len(told), len(labels)))
    for event in decide.events(decide.active(told)):
        if event.label in labels:
            rows[int(event.onset_s) : int(event.offset_s), labels.index(event.label)] = 1.0
    return _table(rows, np.arange(len(told) + 1.0), labels)


def _table(
    rows: NDArray[np.float64], times: NDArray[np.float64], labels: Sequence[str]
) -> pd.DataFrame:
    spans = np.column_stack([times[:-1], times[1:], rows])
    return _Writable(spans, columns=["onset", "offset", *labels])


class _Writable(pd.DataFrame):
    """A table whose arrays may be written to, as the library asks for and pandas 3 denies."""

    @property
    def _constructor(self) -> type["_Writable"]:
        return _Writable

    def to_numpy(self, *arguments: Any, **named: Any) -> NDArray[np.float64]:  # noqa: ANN401
        return np.array(super().to_numpy(*arguments, **named))


def _count(truth: Mapping[str, Sequence[Span]], label: str) -> int:
    return sum(label in {span[2], "all"} for street in truth.values() for span in street)
