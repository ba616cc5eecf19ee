"""Sums of many windows at once, in columns: of base windows, or of minutes of several.

The same as one second after the other: what is heard of a label in a window is a segment of the
columns, sorted by window and label. Energies are exact (`exact`), whoever is added to whom.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from processors import exact, sources
from processors.exact import Ints, Limbs
from processors.window_keys import BASE_S
from processors.window_seconds import LABELS, MIXED, Heard, Last
from processors.window_sums import CLASS, GAP_MS, Sounded, Sums

_BASE_MS: Final = 1000 * BASE_S
_LABELS: Final = 256
"""More than there are."""

_WEIGHTS: Final = np.array([sources.weight(score) for score in range(1001)], np.int64)


class Asked(NamedTuple):
    """A base window whose sums are wanted; at least one reading.

    `background`: energy of a second of the running background, if known: see `sources.background`.
    `before`: the last second of the window before, if that has any: an event that it holds already
    does not begin here.
    """

    heard: Heard
    background: int | None
    before: Last | None


@dataclass(frozen=True, slots=True)
class Labelled:
    """Columns of the labels that windows have heard, by window and label."""

    window: Ints
    label: Ints
    active_s: Ints
    events: Ints
    score_sum: Ints
    score_max: Ints
    energy: Sequence[int]
    own: Sequence[int]

    def bounds(self, windows: int) -> list[int]:
        """Where the labels of each window begin, and the end."""
        return [int(at) for at in np.searchsorted(self.window, np.arange(windows + 1))]

    def each(self) -> Iterator[tuple[str, Sounded]]:
        """Label by label."""
        columns = (self.active_s, self.events, self.score_sum, self.score_max)
        numbers = zip(*(column.tolist() for column in columns), self.energy, self.own, strict=True)
        for label, values in zip(self.label.tolist(), numbers, strict=True):
            yield LABELS[label], Sounded(*values)


@dataclass(frozen=True, slots=True)
class Summed:
    """Columns of windows: readings, A-weighted energy, and the classes of levels, ascending."""

    heard: Sequence[Sequence[Heard]]
    count: Ints
    energy: Sequence[int]
    classes: Ints
    labels: Labelled

    def each(self) -> Iterator[Sums]:
        """Window by window."""
        labels = list(self.labels.each())
        bounds = self.labels.bounds(len(self.heard))
        classes = self.classes.tolist()
        ends = np.append(0, np.cumsum(self.count)).tolist()
        for n, heard in enumerate(self.heard):
            yield Sums(
                ends[n + 1] - ends[n],
                (self.energy[n], sum(h.c_energy for h in heard), sum(h.z_energy for h in heard)),
                maxima(heard),
                sum(one.overload_s for one in heard),
                sum(one.floor_s for one in heard),
                calibration(heard),
                _counted(classes[ends[n] : ends[n + 1]]),
                dict(labels[bounds[n] : bounds[n + 1]]),
            )


def maxima(heard: Sequence[Heard]) -> tuple[int, int, int]:
    """Maxima of base windows together."""
    if len(heard) == 1:
        return heard[0].maxima
    f, s, p = zip(*(one.maxima for one in heard), strict=True)
    return max(f), max(s), max(p)


def calibration(heard: Sequence[Heard]) -> str | None:
    """The calibration of base windows together."""
    names = {one.calibration for one in heard}
    return names.pop() if len(names) == 1 else MIXED


def _counted(ascending: Sequence[int]) -> dict[int, int]:
    found: dict[int, int] = {}
    for one in ascending:
        found[one] = found.get(one, 0) + 1
    return found


def summed(windows: Sequence[Sequence[Asked]]) -> Summed:
    """Sums of windows.

    Parameters
    ----------
    windows : sequence of sequence of Asked, not empty
        The base windows of each, in the order of time; all calibrated, or all relative.
    """
    asked = [one for window in windows for one in window]
    owner = np.repeat(np.arange(len(windows)), [len(window) for window in windows])
    seconds = _seconds(asked)
    count = np.bincount(owner[seconds.base], minlength=len(windows))
    begins = np.cumsum(count) - count
    classes = (seconds.laeq + CLASS // 2) // CLASS
    return Summed(
        [[one.heard for one in window] for window in windows],
        count,
        exact.integers(exact.sums(seconds.energy[:-1], begins)),
        classes[np.lexsort((classes, owner[seconds.base]))],
        _labelled(_entries(asked, seconds), owner),
    )


class _Seconds(NamedTuple):
    """Columns of seconds; `energy` has one more, of silence; `excess`: above the background."""

    base: Ints
    at_ms: Ints
    laeq: Ints
    energy: Limbs
    excess: Limbs


def _seconds(asked: Sequence[Asked]) -> _Seconds:
    numbers = np.frombuffer(b"".join([one.heard.seconds for one in asked]), "<i2")
    at_ms, laeq = numbers.reshape(-1, 2).T.astype(np.int64)
    base = np.repeat(np.arange(len(asked)), [one.heard.readings for one in asked])
    energy = exact.energies(laeq)
    # who knows no background is given no excess
    known = exact.limbs([one.background or 0 for one in asked])
    excess = exact.excess(energy, known[base])
    excess[np.array([one.background is None for one in asked])[base]] = 0
    silence = np.zeros((1, exact.COUNT), np.int64)
    return _Seconds(
        base, at_ms, laeq, np.concatenate((energy, silence)), np.concatenate((excess, silence))
    )


class _Entries(NamedTuple):
    """Columns of labels active in seconds; before them those of `before`, with no energy."""

    before: int
    base: Ints
    label: Ints
    at_ms: Ints
    score: Ints
    energy: Limbs
    own: Limbs


def _entries(asked: Sequence[Asked], seconds: _Seconds) -> _Entries:
    heard = [one.heard for one in asked]
    active = np.frombuffer(b"".join([one.active for one in heard]), "u1")
    label = np.frombuffer(b"".join([one.labels for one in heard]), "u1")
    score = np.frombuffer(b"".join([one.scores for one in heard]), "<u2")
    second = np.repeat(np.arange(len(active)), active)
    weight = _WEIGHTS[score]
    claimed = np.bincount(second, weight, len(active)).astype(np.int64)  # exact below 2^53
    own = exact.share(seconds.excess[second], weight, claimed[second])
    # what was active just before: no second of the window, but an event may go on from it
    last = [(n, one.before) for n, one in enumerate(asked) if one.before and one.before.labels]
    places = np.frombuffer(b"".join([before.labels for _, before in last]), "u1")
    sizes = [len(before.labels) for _, before in last]
    base = np.repeat(np.array([n for n, _ in last], np.int64), sizes)
    at_ms = np.repeat(np.array([b.at_ms - _BASE_MS for _, b in last], np.int64), sizes)
    none = np.zeros(len(places), np.int64)
    return _Entries(
        len(places),
        np.concatenate((base, seconds.base[second])),
        np.concatenate((places, label)).astype(np.int64),
        np.concatenate((at_ms, seconds.at_ms[second])),
        np.concatenate((none, score.astype(np.int64))),
        seconds.energy[np.concatenate((none - 1, second))],
        np.concatenate((seconds.energy[none - 1], own)),
    )


def _labelled(entries: _Entries, owner: Ints) -> Labelled:
    key = owner[entries.base] * _LABELS + entries.label
    order = np.lexsort((entries.base, key))  # stable: those just before come first
    base, key, at_ms, score = (
        column[order] for column in (entries.base, key, entries.at_ms, entries.score)
    )
    real = order >= entries.before
    follows = (np.diff(key, prepend=-1) == 0) & (np.diff(base, prepend=-1) == 0)
    begun = real & ~(follows & (np.diff(at_ms, prepend=0) <= GAP_MS))
    begins = np.flatnonzero(np.diff(key, prepend=-1))
    if not len(begins):
        none = np.empty(0, np.int64)
        return Labelled(none, none, none, none, none, none, (), ())
    active_s = np.add.reduceat(real.astype(np.int64), begins)
    heard = np.flatnonzero(active_s)
    return Labelled(
        key[begins][heard] // _LABELS,
        key[begins][heard] % _LABELS,
        active_s[heard],
        np.add.reduceat(begun.astype(np.int64), begins)[heard],
        np.add.reduceat(score, begins)[heard],
        np.maximum.reduceat(score, begins)[heard],
        exact.integers(exact.sums(entries.energy[order], begins)[heard]),
        exact.integers(exact.sums(entries.own[order], begins)[heard]),
    )
