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
        exact.integers(exact.sums(seconds.energy, begins)),
        classes[np.lexsort((classes, owner[seconds.base]))],
        _labelled(_before(asked), _active(asked, seconds), owner),
    )


class _Seconds(NamedTuple):
    """Columns of seconds; `excess`: energy above the background."""

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
    return _Seconds(base, at_ms, laeq, energy, excess)


class _Entries(NamedTuple):
    """Columns of labels that are active in seconds."""

    base: Ints
    label: Ints
    at_ms: Ints
    score: Ints
    energy: Limbs
    own: Limbs


def _active(asked: Sequence[Asked], seconds: _Seconds) -> _Entries:
    heard = [one.heard for one in asked]
    active = np.frombuffer(b"".join([one.active for one in heard]), "u1")
    label = np.frombuffer(b"".join([one.labels for one in heard]), "u1")
    score = np.frombuffer(b"".join([one.scores for one in heard]), "<u2").astype(np.int64)
    second = np.repeat(np.arange(len(active)), active)
    weight = _WEIGHTS[score]
    claimed = np.bincount(second, weight, len(active)).astype(np.int64)  # exact below 2^53
    return _Entries(
        seconds.base[second],
        label.astype(np.int64),
        seconds.at_ms[second],
        score,
        seconds.energy[second],
        exact.share(seconds.excess[second], weight, claimed[second]),
    )


def _before(asked: Sequence[Asked]) -> _Entries:
    """What was active just before: nothing of the window, but an event may go on from it."""
    last = [(n, one.before) for n, one in enumerate(asked) if one.before and one.before.labels]
    sizes = [len(before.labels) for _, before in last]
    label = np.frombuffer(b"".join([before.labels for _, before in last]), "u1")
    nothing = np.zeros((len(label), exact.COUNT), np.int64)
    return _Entries(
        np.repeat(np.array([n for n, _ in last], np.int64), sizes),
        label.astype(np.int64),
        np.repeat(np.array([one.at_ms - _BASE_MS for _, one in last], np.int64), sizes),
        np.zeros(len(label), np.int64),
        nothing,
        nothing,
    )


def _labelled(before: _Entries, active: _Entries, owner: Ints) -> Labelled:
    entries = _Entries._make(map(np.concatenate, zip(before, active, strict=True)))
    key = owner[entries.base] * _LABELS + entries.label
    order = np.lexsort((entries.base, key))  # stable: those just before come first
    base, key, at_ms, score = (
        column[order] for column in (entries.base, key, entries.at_ms, entries.score)
    )
    real = order >= len(before.base)
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
