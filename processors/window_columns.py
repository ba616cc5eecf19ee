"""Batches of many devices -> columns of readings -> what each base window has heard of them.

Python sees a batch and a window, hardly ever a reading: the levels of all are one array, windows
are its segments. A segment ends where the next reading has another device, window or calibration,
or is not later; `window_seconds.merged` joins those of one window, in whatever order they came.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain
from operator import attrgetter
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from processors import window_seconds
from processors.event_time import SECOND_US
from processors.window_keys import BASE_S
from processors.window_seconds import Heard, Second
from schemas.base import DeviceId
from schemas.readings import AnyLevels

Ints = NDArray[np.int64]

_BASE_US: Final = BASE_S * SECOND_US
_LEVELS: Final = (
    *("laeq_1s_db", "lceq_1s_db", "lzeq_1s_db", "lafmax_db", "lasmax_db", "lcpeak_db"),
)
_values: Final = attrgetter(*_LEVELS, "overload", "floor")
_owner: Final = attrgetter("device", "calibration")
_levels: Final = attrgetter("levels")
_second: Final = partial(tuple.__new__, Second)
"""As `Second`, which is a function in Python."""


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
    at_ms = ((middles - windows * _BASE_US) // 1000).tolist()
    laeq, c, z = (levels[:, n].tolist() for n in range(3))
    maxima = map(tuple, np.maximum.reduceat(levels[:, 3:], begins).tolist())
    flags = np.add.reduceat(values[:, len(_LEVELS) :], begins).astype(np.int64).tolist()
    active = _active(batches, active_score)
    last = [*begins[1:].tolist(), len(at_ms)]
    ends_us = (middles[np.array(last) - 1] + SECOND_US // 2).tolist()
    owners = np.repeat(np.arange(len(batches)), counts)[begins].tolist()
    starts = (windows[begins] * BASE_S).tolist()
    energy = window_seconds.energy
    for n, (begin, maximum, (overload, floor)) in enumerate(
        zip(begins.tolist(), maxima, flags, strict=True)
    ):
        batch, some = batches[owners[n]], slice(begin, last[n])
        heard = Heard(
            tuple(map(_second, zip(at_ms[some], laeq[some], active[some], strict=True))),
            sum(map(energy, c[some])),
            sum(map(energy, z[some])),
            maximum,
            overload,
            floor,
            batch.calibration,
        )
        yield Part(batch.device, starts[n], ends_us[n], heard)


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


def _active(batches: Sequence[AnyLevels], least: int) -> list[tuple[tuple[str, int], ...]]:
    """Labels that are active in each reading, in their order."""
    found: list[tuple[tuple[str, int], ...]] = []
    for batch in batches:
        if batch.labels:
            found += [window_seconds.active(scores, least) for scores in batch.labels]
        else:
            found += [()] * len(batch.levels)
    return found
