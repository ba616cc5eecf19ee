"""What a window has heard, in a form that merges: integer energies, counts, maxima, histogram.

`merged` is commutative and associative with `EMPTY` as its neutral element, so a window is the same
whatever the order, and an hour is the sum of its minutes. Decibels are never averaged: energies
are integers, exact in any sum.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from itertools import chain
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import orjson

from acoustics.decibels import CLASSES_PER_DB, energy_of, exceeded, level_of
from hearing.taxonomy import ORIGINS
from schemas.base import LabelScores
from schemas.messages import Levels
from schemas.results import LabelLevel, Window

NO_LEVEL_DB: Final = -200.0
"""Below every level that a message may carry: the maximum of nothing."""

MIXED: Final = "mixed"


class Sounded(NamedTuple):
    """One label within a window; scores in per mille."""

    active_s: int
    score_sum: int
    score_max: int
    energy: int


@dataclass(frozen=True, slots=True, eq=False)  # equal if the same: cheap to look up
class Sums:
    """Sums over a set of readings; all calibrated, or all relative."""

    count: int = 0
    energies: tuple[int, int, int] = (0, 0, 0)  # A, C, Z
    maxima_db: tuple[float, float, float] = (
        NO_LEVEL_DB,
        NO_LEVEL_DB,
        NO_LEVEL_DB,
    )  # LAF, LAS, LCpeak
    overload_s: int = 0
    floor_s: int = 0
    calibration: str | None = None
    classes: Mapping[int, int] = field(default_factory=lambda: MappingProxyType({}))
    labels: Mapping[str, Sounded] = field(default_factory=lambda: MappingProxyType({}))

    @lru_cache(maxsize=1 << 13)  # noqa: B019  # bounded; the larger windows change seldom
    def dump(self) -> orjson.Fragment:
        """Stored form as JSON, whose integers end at 64 bits; `load` reads it back."""
        return orjson.Fragment(
            orjson.dumps(
                [
                    self.count,
                    *map(str, self.energies),
                    *self.maxima_db,
                    self.overload_s,
                    self.floor_s,
                    self.calibration,
                    [*chain.from_iterable(self.classes.items())],
                    {label: [*s[:3], str(s.energy)] for label, s in self.labels.items()},
                ]
            )
        )


EMPTY: Final = Sums()


def load(stored: Sequence[Any]) -> Sums:
    """Sums of what `Sums.dump` gave."""
    flat, labels = stored[10], stored[11]
    return Sums(
        count=stored[0],
        energies=(int(stored[1]), int(stored[2]), int(stored[3])),
        maxima_db=(stored[4], stored[5], stored[6]),
        overload_s=stored[7],
        floor_s=stored[8],
        calibration=stored[9],
        classes=dict(zip(flat[::2], flat[1::2], strict=True)),
        labels={
            label: Sounded(n, total, most, int(e)) for label, (n, total, most, e) in labels.items()
        },
    )


# levels travel with 0.01 dB, so few of them are new
energy = lru_cache(maxsize=1 << 15)(energy_of)


def of_readings(
    levels: Sequence[Levels],
    labels: Sequence[LabelScores],
    *,
    calibration: str | None,
    active_score: int,
) -> Sums:
    """Sums of some readings of one batch; `labels` is empty where nothing was classified."""
    classes: dict[int, int] = {}
    for one in levels:
        index = round(one.laeq_1s_db * CLASSES_PER_DB)
        classes[index] = classes.get(index, 0) + 1
    return Sums(
        count=len(levels),
        energies=(
            sum(energy(one.laeq_1s_db) for one in levels),
            sum(energy(one.lceq_1s_db) for one in levels),
            sum(energy(one.lzeq_1s_db) for one in levels),
        ),
        maxima_db=(
            max(one.lafmax_db for one in levels),
            max(one.lasmax_db for one in levels),
            max(one.lcpeak_db for one in levels),
        ),
        overload_s=sum(one.overload for one in levels),
        floor_s=sum(one.floor for one in levels),
        calibration=calibration,
        classes=classes,
        labels=_sounded(levels, labels, active_score),
    )


def merged(one: Sums, other: Sums) -> Sums:
    """Sums of both sets of readings.

    Calibrated and relative levels have no common reference: beside calibrated readings the
    relative ones are left out, whichever came first.
    """
    if not one.count:
        return other
    if not other.count:
        return one
    if (one.calibration is None) != (other.calibration is None):
        return one if other.calibration is None else other
    (a, c, z), (a2, c2, z2) = one.energies, other.energies
    (f, s, p), (f2, s2, p2) = one.maxima_db, other.maxima_db
    return Sums(
        count=one.count + other.count,
        energies=(a + a2, c + c2, z + z2),
        maxima_db=(max(f, f2), max(s, s2), max(p, p2)),
        overload_s=one.overload_s + other.overload_s,
        floor_s=one.floor_s + other.floor_s,
        calibration=one.calibration if one.calibration == other.calibration else MIXED,
        classes=_merged_classes(one.classes, other.classes),
        labels=_merged_labels(one.labels, other.labels) if other.labels else one.labels,
    )


def row(
    sums: Sums, *, site: str, device: str, started_s: int, length_s: int, final: bool
) -> Window:
    """Row of a window that has heard at least one reading."""
    a, c, z = (_level(total, sums.count) for total in sums.energies)
    lafmax, lasmax, lcpeak = sums.maxima_db
    return Window(
        site=site,
        device=device,
        started_at=datetime.fromtimestamp(started_s, UTC),
        length_s=length_s,
        calibration=sums.calibration,
        laeq_db=a,
        lceq_db=c,
        lzeq_db=z,
        lafmax_db=lafmax,
        lasmax_db=lasmax,
        lcpeak_db=lcpeak,
        l10_db=exceeded(sums.classes, 10),
        l50_db=exceeded(sums.classes, 50),
        l90_db=exceeded(sums.classes, 90),
        # a slewed clock can put the middle of one second more into a window
        coverage_s=min(sums.count, length_s),
        overload_s=sums.overload_s,
        floor_s=sums.floor_s,
        labels=tuple(_label_level(label, sums.labels[label]) for label in sorted(sums.labels)),
        final=final,
    )


def _level(total: int, seconds: int) -> float:
    return round(level_of(total, seconds), 2)


def _label_level(label: str, sounded: Sounded) -> LabelLevel:
    seconds = sounded.active_s
    return LabelLevel(
        label=label,
        origin=ORIGINS[label],
        active_s=seconds,
        mean_score=(2 * sounded.score_sum + seconds) // (2 * seconds),
        max_score=sounded.score_max,
        laeq_active_db=_level(sounded.energy, seconds),
    )


def _sounded(
    levels: Sequence[Levels], labels: Sequence[LabelScores], active_score: int
) -> dict[str, Sounded]:
    heard: dict[str, Sounded] = {}
    for one, scores in zip(levels, labels, strict=False):
        for label, score in scores.items():
            if score >= active_score and label in ORIGINS:
                second = Sounded(1, score, score, energy(one.laeq_1s_db))
                heard[label] = _both(heard[label], second) if label in heard else second
    return heard


def _both(one: Sounded, other: Sounded) -> Sounded:
    return Sounded(
        one.active_s + other.active_s,
        one.score_sum + other.score_sum,
        max(one.score_max, other.score_max),
        one.energy + other.energy,
    )


def _merged_classes(one: Mapping[int, int], other: Mapping[int, int]) -> dict[int, int]:
    if len(one) < len(other):
        one, other = other, one
    classes = dict(one)
    for index, seconds in other.items():
        classes[index] = classes.get(index, 0) + seconds
    return classes


def _merged_labels(one: Mapping[str, Sounded], other: Mapping[str, Sounded]) -> dict[str, Sounded]:
    labels = dict(one)
    for label, sounded in other.items():
        labels[label] = _both(labels[label], sounded) if label in labels else sounded
    return labels
