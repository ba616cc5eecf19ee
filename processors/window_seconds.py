"""The readings of one base window, second by second: what everything else is computed from.

`merged` is commutative and associative with `NOTHING_HEARD` as its neutral element, so a window is
the same whatever the order. Levels count in hundredths of a decibel, as they travel; energies are
integers, exact in any sum. Seconds are packed as they are stored: `window_columns` cuts them out of
columns of many devices, and `window_page` makes columns of them again.
"""

from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise
from struct import Struct
from typing import Final, NamedTuple

from hearing.taxonomy import ORIGINS
from processors.window_formats import old_scores, packed_names, renamed

NO_LEVEL: Final = -20_000
"""Hundredths of a dB; no message carries less: the maximum of nothing."""

MIXED: Final = "mixed"
LABELS: Final = tuple(sorted(ORIGINS))
"""A packed label is its place here."""

_FIRST, _FORMAT = 1, 2
_HEAD: Final = Struct("<BHHHhhhHBB")
_SECOND: Final = Struct("<Hh")
_NO_CALIBRATION: Final = 0xFFFF


class Second(NamedTuple):
    """One reading: when its middle is, ms into the window; LAeq; the labels active in it."""

    at_ms: int
    laeq: int
    scores: tuple[tuple[str, int], ...] = ()


class Heard(NamedTuple):
    """The readings of a base window, all calibrated or all relative; maxima: LAF, LAS, LCpeak.

    `seconds`: 2 bytes of `at_ms` and 2 of LAeq each, ascending; `active`: a byte each, how many
    labels; `labels`: a byte for each of these, ascending within a second; `scores`: 2 bytes.
    """

    seconds: bytes = b""
    active: bytes = b""
    labels: bytes = b""
    scores: bytes = b""
    c_energy: int = 0
    z_energy: int = 0
    maxima: tuple[int, int, int] = (NO_LEVEL, NO_LEVEL, NO_LEVEL)
    overload_s: int = 0
    floor_s: int = 0
    calibration: str | None = None

    @property
    def readings(self) -> int:
        """Number of readings."""
        return len(self.active)

    @property
    def levels(self) -> Sequence[int]:
        """LAeq of each second."""
        return memoryview(self.seconds).cast("h")[1::2].tolist()

    @property
    def first_ms(self) -> int:
        """When the first second is."""
        return int.from_bytes(self.seconds[:2], "little")

    @property
    def last(self) -> "Last":
        """The last second."""
        end = len(self.labels)
        labels = self.labels[end - self.active[-1] :]
        return Last(int.from_bytes(self.seconds[-4:-2], "little"), labels)

    def each(self) -> list[Second]:
        """The seconds, unpacked."""
        scores = memoryview(self.scores).cast("H")
        told = [(LABELS[n], score) for n, score in zip(self.labels, scores, strict=True)]
        ends = accumulate(self.active, initial=0)
        return [
            Second(at_ms, laeq, tuple(told[begin:end]))
            for (at_ms, laeq), (begin, end) in zip(
                _SECOND.iter_unpack(self.seconds), pairwise(ends), strict=True
            )
        ]


class Last(NamedTuple):
    """A window's last second: whether an event goes on is decided by it."""

    at_ms: int
    labels: bytes


NOTHING_HEARD: Final = Heard()


def merged(one: Heard, other: Heard) -> Heard:
    """Readings of both.

    Calibrated and relative levels have no common reference: beside calibrated readings the
    relative ones are left out, whichever came first.
    """
    if not one.active:
        return other
    if not other.active:
        return one
    if (one.calibration is None) != (other.calibration is None):
        return one if other.calibration is None else other
    (f, s, p), (f2, s2, p2) = one.maxima, other.maxima
    return Heard(
        *_joined(one, other),
        one.c_energy + other.c_energy,
        one.z_energy + other.z_energy,
        (max(f, f2), max(s, s2), max(p, p2)),
        one.overload_s + other.overload_s,
        one.floor_s + other.floor_s,
        one.calibration if one.calibration == other.calibration else MIXED,
    )


def _joined(one: Heard, other: Heard) -> tuple[bytes, bytes, bytes, bytes]:
    if one.last.at_ms < other.first_ms:
        return tuple(map(bytes.__add__, one[:4], other[:4]))  # type: ignore[return-value]  # four
    return packed(sorted(one.each() + other.each()))


def packed(seconds: Iterable[Second]) -> tuple[bytes, bytes, bytes, bytes]:
    """What `Heard` has of seconds, which are in order."""
    them = list(seconds)
    scores = [score for second in them for score in second.scores]
    return (
        b"".join(_SECOND.pack(second.at_ms, second.laeq) for second in them),
        bytes(len(second.scores) for second in them),
        bytes(LABELS.index(label) for label, _ in scores),
        b"".join(score.to_bytes(2, "little") for _, score in scores),
    )


def dump(one: Heard) -> bytes:
    """Stored form, the same for the same readings; `load` reads it back. About 80 bytes."""
    c, z = _integer(one.c_energy), _integer(one.z_energy)
    calibration = None if one.calibration is None else one.calibration.encode()
    head = _HEAD.pack(
        _FORMAT,
        len(one.active),
        one.overload_s,
        one.floor_s,
        *one.maxima,
        _NO_CALIBRATION if calibration is None else len(calibration),
        len(c),
        len(z),
    )
    names = packed_names(one.labels, LABELS)
    parts = (head, calibration or b"", c, z, *one[:4], names)
    return b"".join(parts)


def load(stored: bytes) -> Heard:
    """Readings of what `dump` gave.

    Raises
    ------
    ValueError
        If a newer version has stored them: an older worker must end, not misread them.
    """
    kind, count, overload, floor, f, s, p, named, c_size, z_size = _HEAD.unpack_from(stored)
    if kind > _FORMAT:
        raise ValueError(f"a window is stored in format {kind}, known is {_FORMAT}")
    at = _HEAD.size
    calibration = None
    if named != _NO_CALIBRATION:
        calibration = stored[at : at + named].decode()
        at += named
    c = int.from_bytes(stored[at : at + c_size], "little")
    at += c_size
    z = int.from_bytes(stored[at : at + z_size], "little")
    at += z_size
    seconds, rest = stored[at : at + 4 * count], stored[at + 4 * count :]
    read = _first_scores if kind == _FIRST else _scores
    return Heard(seconds, *read(rest, count), c, z, (f, s, p), overload, floor, calibration)


def _scores(rest: bytes, count: int) -> tuple[bytes, bytes, bytes]:
    active = rest[:count]
    found = sum(active)
    labels, scores = rest[count : count + found], rest[count + found : count + 3 * found]
    return active, renamed(labels, rest[count + 3 * found :], LABELS), scores


def _first_scores(rest: bytes, count: int) -> tuple[bytes, bytes, bytes]:
    told = old_scores(rest)
    seconds = [Second(0, 0, tuple(sorted(told.get(n, ())))) for n in range(count)]
    return packed(seconds)[1:]


def _integer(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "little")
