"""Batches of many devices -> columns of readings -> what each base window has heard of them.

Python sees a batch and a window, hardly ever a reading: the levels of all are one array, windows
are its segments. A segment ends where the next reading has another device, window or calibration,
or is not later; `window_seconds.merged` joins those of one window, in whatever order they came.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain, pairwise, repeat
from operator import attrgetter
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from processors import exact
from processors.event_time import SECOND_US
from processors.exact import Ints
from processors.window_keys import BASE_S
from processors.window_seconds import LABELS, Heard
from schemas.base import DeviceId
from schemas.readings import AnyLevels

_BASE_US: Final = BASE_S * SECOND_US
_LEVELS: Final = (
    *("laeq_1s_db", "lceq_1s_db", "lzeq_1s_db", "lafmax_db", "lasmax_db", "lcpeak_db"),
)
_values: Final = attrgetter(*_LEVELS, "overload", "floor")
_owner: Final = attrgetter("device", "calibration")
_levels: Final = attrgetter("levels")
_heard: Final = partial(tuple.__new__, Heard)
"""As `Heard`, which is a function in Python."""

_SILENT: Final = dict[str, int]()
_PLACES: Final = {label: place for place, label in enumerate(LABELS)}


class Part(NamedTuple):
    """Readings of one device in one base window; `end_us`: of the newest of them."""

    device: DeviceId
    start_s: int
    end_us: int
    heard: Heard


def instants_us(times: Sequence[Any]) -> Ints:
    """Microseconds since the epoch.

    Parameters
    ----------
    times : sequence of datetime, length n
        With a zone; a float holds microseconds exactly until the year 2100.

    Returns
    -------
    ndarray of int64, shape (n,)
    """
    seconds = np.fromiter((at.timestamp() for at in times), np.float64, len(times))
    return np.rint(seconds * SECOND_US).astype(np.int64)


def counts_of(batches: Sequence[AnyLevels]) -> Ints:
    """Number of readings of each batch, shape (n,)."""
    return np.fromiter(map(len, map(_levels, batches)), np.int64, len(batches))


def parts(batches: Sequence[AnyLevels], active_score: int) -> Iterator[Part]:
    """What base windows hear of these batches.

    Parameters
    ----------
    batches : sequence of AnyLevels
        In any order; those of a device together make fewer parts.
    active_score : int
        A label is active in a second from this score on.

    Yields
    ------
    Part
        In the order of the batches.
    """
    counts = counts_of(batches)
    middles = _middles_us(batches, counts)
    windows = middles // _BASE_US
    begins = _begins(np.repeat(_owners(batches), counts), windows, middles)
    values = _table(batches, int(counts.sum()))
    levels = np.rint(values[:, : len(_LEVELS)] * 100).astype(np.int64)
    at_ms = (middles - windows * _BASE_US) // 1000
    last = np.append(begins[1:], len(middles))
    packed = _packed(at_ms, levels[:, 0], _active(batches, counts, active_score), begins)
    c, z = (exact.integers(exact.sums(exact.energies(levels[:, n]), begins)) for n in (1, 2))
    maxima = map(tuple, np.maximum.reduceat(levels[:, 3:], begins).tolist())
    flags = np.add.reduceat(values[:, len(_LEVELS) :], begins).astype(np.int64).T.tolist()
    owners = np.repeat(np.arange(len(batches)), counts)[begins].tolist()
    starts = (windows[begins] * BASE_S).tolist()
    ends_us = (middles[last - 1] + SECOND_US // 2).tolist()
    for owner, start_s, end_us, seconds, c_energy, z_energy, maximum, overload, floor in zip(
        owners, starts, ends_us, packed, c, z, maxima, *flags, strict=True
    ):
        batch = batches[owner]
        sums = (c_energy, z_energy, maximum, overload, floor)
        heard = _heard((*seconds, *sums, batch.calibration))
        yield Part(batch.device, start_s, end_us, heard)


class _Active(NamedTuple):
    """Labels that are active: how many in each reading, their places, and their scores."""

    counts: Ints
    places: Ints
    scores: Ints


def _packed(
    at_ms: Ints, laeq: Ints, active: _Active, begins: Ints
) -> Iterator[tuple[bytes, bytes, bytes, bytes]]:
    """Seconds of each segment, as `Heard` has them."""
    seconds = np.empty((len(at_ms), 2), "<i2")
    seconds[:, 0], seconds[:, 1] = at_ms, laeq  # below 10,000 ms: as good without a sign
    told = np.append(0, np.cumsum(active.counts))
    columns = (
        seconds.tobytes(),
        *(
            column.astype(kind).tobytes()
            for column, kind in zip(active, ("u1", "u1", "<u2"), strict=True)
        ),
    )
    of_seconds, of_counts, of_places, of_scores = columns
    bounds = [*begins.tolist(), len(at_ms)]
    for (a, b), (c, d) in zip(pairwise(bounds), pairwise(told[bounds].tolist()), strict=True):
        yield of_seconds[4 * a : 4 * b], of_counts[a:b], of_places[c:d], of_scores[2 * c : 2 * d]


def _middles_us(batches: Sequence[AnyLevels], counts: Ints) -> Ints:
    """Middle of every reading, shape (readings,)."""
    started_us = instants_us([batch.started_at for batch in batches])
    first = np.cumsum(counts) - counts
    nth = np.arange(counts.sum()) - np.repeat(first, counts)
    middles: Ints = np.repeat(started_us, counts) + nth * SECOND_US + SECOND_US // 2
    return middles


def _owners(batches: Sequence[AnyLevels]) -> Ints:
    """A number for each device and calibration, shape (batches,)."""
    numbers: dict[tuple[str, str | None], int] = {}
    found = [numbers.setdefault(owner, len(numbers)) for owner in map(_owner, batches)]
    return np.array(found, np.int64)


def _begins(owners: Ints, windows: Ints, middles: Ints) -> Ints:
    """First reading of each segment."""
    changes = (np.diff(owners) != 0) | (np.diff(windows) != 0) | (np.diff(middles) <= 0)
    return np.concatenate(([0], np.flatnonzero(changes) + 1))


def _table(batches: Sequence[AnyLevels], readings: int) -> NDArray[np.float64]:
    """Levels and flags of all readings, shape (readings, 8)."""
    width = len(_LEVELS) + 2
    flat = chain.from_iterable(map(_values, chain.from_iterable(map(_levels, batches))))
    return np.fromiter(flat, np.float64, readings * width).reshape(readings, width)


def _active(batches: Sequence[AnyLevels], counts: Ints, least: int) -> _Active:
    """Labels of ours that score at least so much, ascending within a reading."""
    readings = int(counts.sum())
    heard = list(
        chain.from_iterable(batch.labels or repeat(_SILENT, len(batch.levels)) for batch in batches)
    )
    sizes = np.fromiter(map(len, heard), np.int64, readings)
    total = int(sizes.sum())
    names = chain.from_iterable(heard)
    places = np.fromiter(map(_PLACES.get, names, repeat(-1)), np.int64, total)
    values = chain.from_iterable(scores.values() for scores in heard)
    scores = np.fromiter(values, np.int64, total)
    owner = np.repeat(np.arange(readings), sizes)
    kept = np.flatnonzero((scores >= least) & (places >= 0))
    kept = kept[np.lexsort((places[kept], owner[kept]))]
    return _Active(np.bincount(owner[kept], minlength=readings), places[kept], scores[kept])
