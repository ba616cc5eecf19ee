"""Energies of many seconds at once, exact: integers of up to 120 bits as rows of four limbs.

A level of 200 dB is an energy of 107 bits, too much for one column of int64, and no sum of floats
is the same in every order. Limbs of 30 bits leave room in int64 for sums of any window, and for
the products that `share` divides.
"""

from collections.abc import Sequence
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from acoustics.decibels import energy_of

Ints = NDArray[np.int64]
Limbs = NDArray[np.int64]
"""Shape (n, 4), the least significant first; normal if each is below 2^30."""

BITS: Final = 30
COUNT: Final = 4
_MASK: Final = (1 << BITS) - 1
_HIGHEST: Final = 20_000
"""Hundredths of a dB: no message carries a level beyond, nor one below its negative."""


def limbs(values: Sequence[int]) -> Limbs:
    """Columns of integers from 0 to 2^120 - 1, normal.

    >>> limbs([1 << 30, 5]).tolist()
    [[0, 1, 0, 0], [5, 0, 0, 0]]
    """
    low = [value & ((1 << 60) - 1) for value in values]
    high = [value >> 60 for value in values]
    found = np.empty((len(values), COUNT), np.int64)
    for at, half in ((0, np.array(low, np.int64)), (2, np.array(high, np.int64))):
        found[:, at], found[:, at + 1] = half & _MASK, half >> BITS
    return found


def integers(values: Limbs) -> list[int]:
    """The integers that limbs say, normal or sums of normal ones.

    >>> integers(limbs([7, 10**30]) * 3)
    [21, 3000000000000000000000000000000]
    """
    one, two, three, four = _carried(values).T
    low, high = one | (two << BITS), three | (four << BITS)
    return [a + (b << 60) for a, b in zip(low.tolist(), high.tolist(), strict=True)]


def energies(levels: Ints) -> Limbs:
    """Energies of levels in hundredths of a dB, as `decibels.energy_of` has them.

    >>> integers(energies(np.array([-10_000, 9400])))
    [100, 2511886431509571698688]
    """
    return _table()[levels + _HIGHEST]


def excess(these: Limbs, those: Limbs) -> Limbs:
    """How much these are more than those, or 0; all normal.

    >>> integers(excess(limbs([1 << 31, 5]), limbs([1, 6])))
    [2147483647, 0]
    """
    left = _carried(these - those)
    left[left[:, -1] < 0] = 0
    return left


def share(values: Limbs, parts: Ints, wholes: Ints) -> Limbs:
    """Each value times part divided by whole, rounded down.

    Parameters
    ----------
    values : Limbs, shape (n, 4)
        Normal.
    parts : ndarray of int, shape (n,), 0 to 2^20
    wholes : ndarray of int, shape (n,), at least their part, below 2^32

    Returns
    -------
    Limbs, shape (n, 4)

    Examples
    --------
    >>> integers(share(limbs([10**20]), np.array([1]), np.array([3])))
    [33333333333333333333]
    """
    product = _carried(values * parts[:, None])
    found = np.empty_like(product)
    rest = np.zeros_like(wholes)
    for n in reversed(range(COUNT)):
        found[:, n], rest = np.divmod((rest << BITS) + product[:, n], wholes)
    return found


def sums(values: Limbs, begins: Ints) -> Limbs:
    """Sums of segments, not normal; `begins`: where each begins, ascending."""
    found: Limbs = np.add.reduceat(values, begins, axis=0)
    return found


def _carried(values: Limbs) -> Limbs:
    """The same integers, normal but for the last limb."""
    found = values.copy()
    for n in range(COUNT - 1):
        found[:, n + 1] += found[:, n] >> BITS  # rounds down, also below zero: a borrow
        found[:, n] &= _MASK
    return found


@cache
def _table() -> Limbs:
    levels = range(-_HIGHEST, _HIGHEST + 1)
    return limbs([energy_of(level / 100) for level in levels])
