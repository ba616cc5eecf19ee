"""The readings of one base window, second by second: what everything else is computed from.

`merged` is commutative and associative with `NOTHING_HEARD` as its neutral element, so a window is
the same whatever the order. Levels count in hundredths of a decibel, as they travel; energies are
integers, exact in any sum.
"""

from collections.abc import Iterator
from functools import lru_cache
from itertools import chain
from struct import Struct
from typing import Final, NamedTuple

from acoustics.decibels import energy_of
from hearing.taxonomy import ORIGINS
from schemas.base import LabelScores

NO_LEVEL: Final = -20_000
"""Hundredths of a dB; no message carries less: the maximum of nothing."""

MIXED: Final = "mixed"
FORMAT: Final = 1

_HEAD: Final = Struct("<BHHHhhhHBB")
_SECOND: Final = Struct("<Hh")
_SCORE: Final = Struct("<HH")
_NO_CALIBRATION: Final = 0xFFFF


class Second(NamedTuple):
    """One reading: when its middle is, ms into the window; LAeq; the labels active in it."""

    at_ms: int
    laeq: int
    scores: tuple[tuple[str, int], ...] = ()


class Heard(NamedTuple):
    """The readings of a base window, all calibrated or all relative; maxima: LAF, LAS, LCpeak."""

    seconds: tuple[Second, ...] = ()
    c_energy: int = 0
    z_energy: int = 0
    maxima: tuple[int, int, int] = (NO_LEVEL, NO_LEVEL, NO_LEVEL)
    overload_s: int = 0
    floor_s: int = 0
    calibration: str | None = None


NOTHING_HEARD: Final = Heard()


@lru_cache(maxsize=1 << 15)  # levels travel with 0.01 dB, so few of them are new
def energy(level: int) -> int:
    """Energy of a level in hundredths of a dB.

    >>> energy(-10_000)
    100
    """
    return energy_of(level / 100)


def active(scores: LabelScores, least: int) -> tuple[tuple[str, int], ...]:
    """Labels of ours that score at least so much, in their order."""
    found = [one for one in scores.items() if one[1] >= least and one[0] in ORIGINS]
    if len(found) > 1:
        found.sort()
    return tuple(found)


def merged(one: Heard, other: Heard) -> Heard:
    """Readings of both.

    Calibrated and relative levels have no common reference: beside calibrated readings the
    relative ones are left out, whichever came first.
    """
    if not one.seconds:
        return other
    if not other.seconds:
        return one
    if (one.calibration is None) != (other.calibration is None):
        return one if other.calibration is None else other
    (f, s, p), (f2, s2, p2) = one.maxima, other.maxima
    in_order = one.seconds[-1] <= other.seconds[0]
    both = one.seconds + other.seconds
    return Heard(
        both if in_order else tuple(sorted(both)),
        one.c_energy + other.c_energy,
        one.z_energy + other.z_energy,
        (max(f, f2), max(s, s2), max(p, p2)),
        one.overload_s + other.overload_s,
        one.floor_s + other.floor_s,
        one.calibration if one.calibration == other.calibration else MIXED,
    )


def dump(one: Heard) -> bytes:
    """Stored form, the same for the same readings; `load` reads it back. About 60 bytes."""
    c, z = _integer(one.c_energy), _integer(one.z_energy)
    calibration = None if one.calibration is None else one.calibration.encode()
    head = _HEAD.pack(
        FORMAT,
        len(one.seconds),
        one.overload_s,
        one.floor_s,
        *one.maxima,
        _NO_CALIBRATION if calibration is None else len(calibration),
        len(c),
        len(z),
    )
    numbers = chain.from_iterable(second[:2] for second in one.seconds)
    seconds = _seconds(len(one.seconds)).pack(*numbers)
    return b"".join([head, calibration or b"", c, z, seconds, *_label_parts(one)])


def load(stored: bytes) -> Heard:
    """Readings of what `dump` gave."""
    _, count, overload, floor, f, s, p, named, c_size, z_size = _HEAD.unpack_from(stored)
    at = _HEAD.size
    calibration = None
    if named != _NO_CALIBRATION:
        calibration = stored[at : at + named].decode()
        at += named
    c = int.from_bytes(stored[at : at + c_size], "little")
    at += c_size
    z = int.from_bytes(stored[at : at + z_size], "little")
    at += z_size
    end = at + count * _SECOND.size
    scores = _scores(stored, end) if end < len(stored) else {}
    seconds = tuple(
        Second(ms, laeq, tuple(scores.get(n, ())))
        for n, (ms, laeq) in enumerate(_SECOND.iter_unpack(stored[at:end]))
    )
    return Heard(seconds, c, z, (f, s, p), overload, floor, calibration)


@lru_cache(maxsize=64)
def _seconds(count: int) -> Struct:
    return Struct("<" + "Hh" * count)


@lru_cache(maxsize=64)
def _seconds_scores(count: int) -> Struct:
    return Struct(f"<{count}H")


def _integer(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "little")


def _label_parts(one: Heard) -> Iterator[bytes]:
    """Per label: its name, and its seconds with their scores."""
    found: dict[str, list[int]] = {}
    for n, second in enumerate(one.seconds):
        for label, score in second.scores:
            numbers = found.get(label)
            if numbers is None:
                numbers = found[label] = []
            numbers += (n, score)
    for label in sorted(found):
        name, numbers = label.encode(), found[label]
        yield bytes([len(name)]) + name + (len(numbers) // 2).to_bytes(2, "little")
        yield _seconds_scores(len(numbers)).pack(*numbers)


def _scores(stored: bytes, at: int) -> dict[int, list[tuple[str, int]]]:
    scores: dict[int, list[tuple[str, int]]] = {}
    while at < len(stored):
        begin = at + 1 + stored[at]
        label = stored[at + 1 : begin].decode()
        at = begin + 2 + _SCORE.size * int.from_bytes(stored[begin : begin + 2], "little")
        for n, score in _SCORE.iter_unpack(stored[begin + 2 : at]):
            scores.setdefault(n, []).append((label, score))
    return scores
