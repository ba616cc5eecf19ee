"""What a window of any length has heard, in a form that merges: energies, maxima, histogram.

Sums of base windows and minutes come from their seconds (`window_batch`); those of larger windows
are the `merged` sums of the windows in them. Merging is commutative and associative with `EMPTY` as
its neutral element. Decibels are never averaged: energies are integers, exact in any sum.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

import orjson

from acoustics.decibels import CLASSES_PER_DB
from processors.window_seconds import MIXED, NO_LEVEL

CLASS: Final = 100 // CLASSES_PER_DB
GAP_MS: Final = 1500
"""Active seconds whose middles are further apart than this are two events."""


class Sounded(NamedTuple):
    """One label within a window; scores in per mille, energies as integers.

    `energy`: of all sound in the active seconds; `own`: what is the label's own of it.
    """

    active_s: int
    events: int
    score_sum: int
    score_max: int
    energy: int
    own: int


class Sums(NamedTuple):
    """Sums over a set of readings; all calibrated, or all relative. Maxima: LAF, LAS, LCpeak."""

    seconds: int = 0
    energies: tuple[int, int, int] = (0, 0, 0)  # A, C, Z
    maxima: tuple[int, int, int] = (NO_LEVEL, NO_LEVEL, NO_LEVEL)
    overload_s: int = 0
    floor_s: int = 0
    calibration: str | None = None
    classes: Mapping[int, int] = MappingProxyType({})
    labels: Mapping[str, Sounded] = MappingProxyType({})

    @property
    def residual(self) -> int:
        """Energy that no label was given."""
        return self.energies[0] - sum(one.own for one in self.labels.values())


EMPTY: Final = Sums()


def class_of(level: int) -> int:
    """Class of 0.1 dB that a level in hundredths of a dB falls into.

    >>> class_of(6123), class_of(6125)
    (612, 613)
    """
    return (level + CLASS // 2) // CLASS


def merged(them: Iterable[Sums]) -> Sums:
    """Sums of all; beside calibrated readings the relative ones are left out."""
    parts = [one for one in them if one.seconds]
    if any(one.calibration is not None for one in parts):
        parts = [one for one in parts if one.calibration is not None]
    if not parts:
        return EMPTY
    names = {one.calibration for one in parts}
    classes: dict[int, int] = {}
    for one in parts:
        for index, seconds in one.classes.items():
            classes[index] = classes.get(index, 0) + seconds
    a, c, z = zip(*(one.energies for one in parts), strict=True)
    f, s, p = zip(*(one.maxima for one in parts), strict=True)
    return Sums(
        sum(one.seconds for one in parts),
        (sum(a), sum(c), sum(z)),
        (max(f), max(s), max(p)),
        sum(one.overload_s for one in parts),
        sum(one.floor_s for one in parts),
        names.pop() if len(names) == 1 else MIXED,
        dict(sorted(classes.items())),
        _merged_labels(parts),
    )


def _merged_labels(parts: list[Sums]) -> dict[str, Sounded]:
    by_label: dict[str, list[Sounded]] = {}
    for one in parts:
        for label, sounded in one.labels.items():
            by_label.setdefault(label, []).append(sounded)
    return {label: _all(by_label[label]) for label in sorted(by_label)}


def _all(them: list[Sounded]) -> Sounded:
    if len(them) == 1:
        return them[0]
    return Sounded(
        sum(one.active_s for one in them),
        sum(one.events for one in them),
        sum(one.score_sum for one in them),
        max(one.score_max for one in them),
        sum(one.energy for one in them),
        sum(one.own for one in them),
    )


def dump(sums: Sums) -> bytes:
    """Stored form as JSON, the same for the same sums; `load` reads it back.

    Integers beyond 64 bits are text, classes are told as steps from the one before.
    """
    steps, at = [], 0
    for index in sorted(sums.classes):
        steps += [index - at, sums.classes[index]]
        at = index
    labels = [
        [name, s.active_s, s.events, s.score_sum, s.score_max, str(s.energy), str(s.own)]
        for name, s in sums.labels.items()
    ]
    return orjson.dumps(
        [
            1,
            sums.seconds,
            *map(str, sums.energies),
            *sums.maxima,
            sums.overload_s,
            sums.floor_s,
            sums.calibration,
            steps,
            labels,
        ]
    )


def load(stored: bytes) -> Sums:
    """Sums of what `dump` gave."""
    _, count, a, c, z, f, s, p, overload, floor, calibration, steps, labels = orjson.loads(stored)
    classes, at = {}, 0
    for n in range(0, len(steps), 2):
        at += steps[n]
        classes[at] = steps[n + 1]
    return Sums(
        count,
        (int(a), int(c), int(z)),
        (f, s, p),
        overload,
        floor,
        calibration,
        classes,
        {
            name: Sounded(n, events, total, most, int(e), int(own))
            for name, n, events, total, most, e, own in labels
        },
    )
