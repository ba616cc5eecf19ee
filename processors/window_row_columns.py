"""Rows of many windows in columns, as they are made of sums in columns and copied to the table."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict

from acoustics.decibels import CLASSES_PER_DB, FLOOR_DB
from hearing.taxonomy import ORIGINS
from processors import window_seconds
from processors.event_time import SECOND_US, microseconds
from processors.exact import Ints
from processors.window_batch import Labelled, Summed
from processors.window_keys import Key
from processors.window_rows import PERCENTS, Place, WindowRow, named, started_at
from processors.window_seconds import LABELS
from schemas.base import Frozen
from schemas.results import LabelLevel

Floats = NDArray[np.float64]

LEVELS: Final = (
    *("laeq_db", "lceq_db", "lzeq_db", "lafmax_db", "lasmax_db", "lcpeak_db"),
    *("l10_db", "l50_db", "l90_db"),
)
COUNTS: Final = ("coverage_s", "overload_s", "floor_s")
LABEL_COUNTS: Final = ("active_s", "events", "mean_score", "max_score")
_label_counts: Final = attrgetter(*LABEL_COUNTS)
_UNSURE: Final = 1e-6
"""So close to a half, in units of the last digit, floats are asked one by one."""


@dataclass(frozen=True, slots=True)
class LabelRows:
    """Columns of `label_window`, by window and label; `source_db`: an upper bound if not `own`."""

    window: Ints
    label: Ints
    counts: Ints
    laeq_active_db: Floats
    source_db: Floats
    own: NDArray[np.bool_]
    energy_share: Floats

    def each(self) -> Iterator[tuple[int, LabelLevel]]:
        """Label by label, with its window."""
        floats = np.column_stack((self.laeq_active_db, self.source_db, self.energy_share)).tolist()
        columns = (self.window, self.label, self.counts, self.own)
        for n, place, counts, own, (active_db, source_db, share) in zip(
            *(column.tolist() for column in columns), floats, strict=True
        ):
            yield (
                n,
                LabelLevel.trusted(
                    label=LABELS[place],
                    origin=ORIGINS[LABELS[place]],
                    **dict(zip(LABEL_COUNTS, counts, strict=True)),
                    laeq_active_db=active_db,
                    source_leq_db=source_db if own else None,
                    source_leq_upper_db=None if own else source_db,
                    energy_share=share,
                ),
            )


@dataclass(frozen=True, slots=True)
class RowColumns:
    """Columns of `level_window`; `levels` and `counts` have one for each of `LEVELS`, `COUNTS`."""

    places: Sequence[Place]
    calibrations: Sequence[str | None]
    levels: Floats
    counts: Ints
    stored: Sequence[bytes | None]
    labels: LabelRows

    def each(self) -> Iterator[WindowRow]:
        """Row by row."""
        labels: list[list[LabelLevel]] = [[] for _ in self.places]
        for n, label in self.labels.each():
            labels[n].append(label)
        for n, place in enumerate(self.places):
            yield WindowRow.trusted(
                **named(place),
                calibration=self.calibrations[n],
                **dict(zip(LEVELS, self.levels[n].tolist(), strict=True)),
                **dict(zip(COUNTS, self.counts[n].tolist(), strict=True)),
                labels=tuple(labels[n]),
                final=place.final,
                sums=self.stored[n],
                known=place.known,
            )

    def known(self) -> Iterator[tuple[str, int, datetime, str]]:
        """Keys of windows that had a row before, and their labels as they are now."""
        labels: list[list[str]] = [[] for _ in self.places]
        for n, place in zip(self.labels.window.tolist(), self.labels.label.tolist(), strict=True):
            labels[n].append(LABELS[place])
        for one, names in zip(self.places, labels, strict=True):
            if one.known:
                yield one.device, one.key.length_s, started_at(one.key), ",".join(names)


class WindowPage(Frozen):
    """The rows that a commit writes of windows: no two of the same."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    base: RowColumns | None = None
    larger: tuple[WindowRow, ...] = ()

    def each(self) -> list[WindowRow]:
        """Row by row."""
        return [*(self.base.each() if self.base is not None else ()), *self.larger]

    def columns(self) -> list[RowColumns]:
        """All rows, in columns."""
        base = [] if self.base is None else [self.base]
        return [*base, columns_of(self.larger)] if self.larger else base


def base_rows(places: Sequence[Place], sums: Summed) -> RowColumns:
    """Rows of base windows: the same as `row` makes of each.

    Parameters
    ----------
    places : sequence of Place, length n
        Whose.
    sums : Summed
        What these windows have heard, at least one reading each.
    """
    heard = [one for [one] in sums.heard]
    energies = (sums.energy, [one.c_energy for one in heard], [one.z_energy for one in heard])
    begins = np.cumsum(sums.count) - sums.count
    reached = [sums.count + -sums.count * percent // 100 for percent in PERCENTS]
    maxima = np.array([one.maxima for one in heard], np.float64) / 100
    seconds = [place.key.seconds for place in places]
    counts = (
        np.minimum(sums.count, seconds),
        np.array([one.overload_s for one in heard], np.int64),
        np.array([one.floor_s for one in heard], np.int64),
    )
    return RowColumns(
        places,
        [one.calibration for one in heard],
        np.column_stack(
            (
                *(levels(energy, sums.count) for energy in energies),
                maxima,
                *(sums.classes[begins + quietest] / CLASSES_PER_DB for quietest in reached),
            )
        ),
        np.column_stack(counts),
        list(map(window_seconds.dump, heard)),
        _label_rows(sums.labels, [sums.energy[n] for n in sums.labels.window.tolist()]),
    )


def columns_of(rows: Sequence[WindowRow]) -> RowColumns:
    """Columns of rows, at least one."""
    labels = [(n, label) for n, one in enumerate(rows) for label in one.labels]
    sources_db = [one.source_leq_db for _, one in labels]
    uppers_db = [one.source_leq_upper_db or 0.0 for _, one in labels]
    return RowColumns(
        [_place(one) for one in rows],
        [one.calibration for one in rows],
        np.array(list(map(attrgetter(*LEVELS), rows))),
        np.array(list(map(attrgetter(*COUNTS), rows)), np.int64),
        [one.sums for one in rows],
        LabelRows(
            np.array([n for n, _ in labels], np.int64),
            np.array([LABELS.index(one.label) for _, one in labels], np.int64),
            np.array([_label_counts(one) for _, one in labels], np.int64).reshape(-1, 4),
            np.array([one.laeq_active_db for _, one in labels]),
            np.array([u if s is None else s for s, u in zip(sources_db, uppers_db, strict=True)]),
            np.array([one is not None for one in sources_db], np.bool_),
            np.array([one.energy_share for _, one in labels]),
        ),
    )


def levels(energies: Sequence[int], seconds: Ints) -> Floats:
    """Levels of mean energies, as `decibels.level_of` has them, with two digits; shape (n,)."""
    logs = np.fromiter(map(math.log10, [one or 1 for one in energies]), np.float64, len(energies))
    counts = np.fromiter(map(math.log10, seconds.tolist()), np.float64, len(energies))
    found = 10 * (logs - counts) + FLOOR_DB
    found[[one <= n for one, n in zip(energies, seconds.tolist(), strict=True)]] = FLOOR_DB
    return rounded(found, 2)


def rounded(values: Floats, digits: int) -> Floats:
    """As Python's `round` does it, for values below a million.

    >>> rounded(np.array([2.675, 0.125, 61.204]), 2).tolist(), round(2.675, 2)
    ([2.67, 0.12, 61.2], 2.67)
    """
    scaled = values * 10**digits
    found: Floats = np.rint(scaled) / 10**digits
    unsure = np.flatnonzero(np.abs(scaled - np.floor(scaled) - 0.5) < _UNSURE)
    found[unsure] = [round(value, digits) for value in values[unsure].tolist()]
    return found


def _label_rows(labels: Labelled, totals: Sequence[int]) -> LabelRows:
    pairs = list(zip(labels.own, labels.energy, strict=True))
    own = np.array([2 * mine >= whole for mine, whole in pairs], np.bool_)  # as `sources.told`
    active_db = levels(labels.energy, labels.active_s)
    shares = [
        mine / total if total else 0.0 for mine, total in zip(labels.own, totals, strict=True)
    ]
    mean = (2 * labels.score_sum + labels.active_s) // (2 * labels.active_s)
    return LabelRows(
        labels.window,
        labels.label,
        np.column_stack((labels.active_s, labels.events, mean, labels.score_max)),
        active_db,
        np.where(own, levels(labels.own, labels.active_s), active_db),
        own,
        rounded(np.array(shares, np.float64), 4),
    )


def _place(one: WindowRow) -> Place:
    start_s = microseconds(one.started_at) // SECOND_US
    key = Key(one.length_s, start_s, start_s + one.length_s)
    return Place(one.site, one.device, key, final=one.final, known=one.known)
