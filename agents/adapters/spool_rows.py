"""How readings lie in the spool: rows of few bytes, and spans that say what they share.

Every byte of a row is written to a memory card several times a second, so a row holds only what
differs from second to second. A span covers consecutive positions with consecutive seqs; session,
clock and calibration are told once, there.
"""

import sqlite3
import struct
import zlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final, NamedTuple

from agents.batches import rounded
from agents.delivery import Stored
from agents.reading import Reading
from schemas.base import SeqRange
from schemas.messages import Clock, Levels

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_NEVER: Final = 2**62
_OVERLOAD: Final = 1
_FLOOR: Final = 2
_SINGLE: Final = (
    "laeq_1s_db",
    "lceq_1s_db",
    "lzeq_1s_db",
    "lafmax_db",
    "lasmax_db",
    "lcpeak_db",
)
_STEPS_PER_DB: Final = 100  # levels travel with 0.01 dB

Row = tuple[int, int, bytes, bytes, int]
"""Position, start in µs since the epoch, levels, codes, check sum."""


class Damaged(Exception):  # a state, like errors.Unavailable; never leaves the spool
    """The file is no longer what we wrote."""


@dataclass(frozen=True, slots=True)
class Span:
    """Positions from `base` on, up to the next span, hold seqs from `first_seq` on."""

    base: int
    session: str
    first_seq: int
    clock: Clock
    calibration: str | None

    def goes_on(self, position: int, reading: Reading) -> bool:
        """Whether a reading stored at a position belongs to it."""
        theirs = (reading.session, reading.seq, reading.clock, reading.calibration)
        seq = self.first_seq + position - self.base
        return theirs == (self.session, seq, self.clock, self.calibration)


class Stretch(NamedTuple):
    """Consecutive positions, both ends included."""

    first: int
    last: int


def extended(spans: Sequence[Span], first: int, readings: Iterable[Reading]) -> list[Span]:
    """Spans with those that readings begin which are stored from position `first` on."""
    longer = list(spans)
    for position, reading in enumerate(readings, start=first):
        if not longer or not longer[-1].goes_on(position, reading):
            one = reading
            longer.append(Span(position, one.session, one.seq, one.clock, one.calibration))
    return longer


def stretches(spans: Sequence[Span], seqs: SeqRange, newest: int) -> Iterator[Stretch]:
    """Where readings would lie that were stored in a session under these seqs."""
    for n, span in enumerate(spans):
        if span.session != seqs.session:
            continue
        after = spans[n + 1].base if n + 1 < len(spans) else newest + 1
        first = max(span.base, span.base + seqs.first_seq - span.first_seq)
        last = min(after, span.base + seqs.first_seq + seqs.count - span.first_seq) - 1
        if first <= last:
            yield Stretch(first, last)


def ranges(spans: Sequence[Span], positions: Sequence[int]) -> Iterator[SeqRange]:
    """Session and seqs of the readings at some positions, which count up."""
    begun = 0
    for n in range(1, len(positions) + 1):
        if n < len(positions) and positions[n] == positions[n - 1] + 1:
            continue
        yield from _ranges(spans, Stretch(positions[begun], positions[n - 1]))
        begun = n


def forget_spans(db: sqlite3.Connection) -> int:
    """Forget spans of which no row is left; where the oldest other begins, 0 if there is none."""
    db.execute(
        "DELETE FROM span WHERE base < (SELECT max(base) FROM span WHERE base <="
        " (SELECT position FROM present ORDER BY position LIMIT 1))"
    )
    (oldest,) = db.execute("SELECT coalesce(min(base), 0) FROM span").fetchone()
    return int(oldest)


def restamped(
    db: sqlite3.Connection, spans: Sequence[Span], after: int, by: timedelta
) -> list[Span]:
    """Shift rows after a position in time, up to those that came synced; the spans, synced."""
    shift_us = by // _MICROSECOND
    synced = (span.base for span in spans if span.base > after and span.clock == "synced")
    until = next(synced, _NEVER)
    db.execute(
        "UPDATE reading SET started_us = started_us + ? WHERE position > ? AND position < ?",
        (shift_us, after, until),
    )
    db.execute("UPDATE span SET clock = 'synced' WHERE base > ? AND base < ?", (after, until))
    return [replace(span, clock="synced") if after < span.base < until else span for span in spans]


def row(position: int, reading: Reading) -> Row:
    """A reading as it is stored."""
    started_us = (reading.started_at - _EPOCH) // _MICROSECOND
    levels = packed(reading.levels)
    return position, started_us, levels, reading.codes, _check(position, levels, reading.codes)


def thinned(position: int, started_us: int, levels: bytes) -> Row:
    """A row that keeps its levels only."""
    return position, started_us, levels, b"", _check(position, levels, b"")


def span_at(spans: Sequence[Span], position: int) -> Span | None:
    """The span that covers a position."""
    n = bisect_right(spans, position, key=lambda span: span.base) - 1
    return spans[n] if n >= 0 else None


def stored(spans: Sequence[Span], row: Row) -> Stored:
    """A reading from its row.

    Raises
    ------
    Damaged
        The row is not as it was written, or no span covers it.
    """
    position, started_us, levels, codes, _ = row
    span = span_at(spans, position)
    if span is None or not is_whole(spans, row):
        raise Damaged(f"reading at position {position}")
    reading = Reading(
        session=span.session,
        seq=span.first_seq + position - span.base,
        started_at=utc(started_us),
        clock=span.clock,
        calibration=span.calibration,
        levels=unpacked(levels),
        codes=codes,
    )
    return Stored(position, reading)


def is_whole(spans: Sequence[Span], row: Row) -> bool:
    """Whether a row is as it was written."""
    position, _, levels, codes, check = row
    return span_at(spans, position) is not None and check == _check(position, levels, codes)


def utc(microseconds: int) -> datetime:
    """Time of so many µs since the epoch."""
    return _EPOCH + microseconds * _MICROSECOND


def packed(levels: Levels) -> bytes:
    """Levels as a byte of flags and steps of 0.01 dB, int16 each.

    >>> len(packed(Levels(**dict.fromkeys(_SINGLE, 60.0), overload=False, floor=False,
    ...                   third_octaves_db=(50.0,) * 25)))
    63
    """
    fine = rounded(levels)
    flags = _OVERLOAD * fine.overload | _FLOOR * fine.floor
    every = (*(getattr(fine, name) for name in _SINGLE), *fine.third_octaves_db)
    return struct.pack(f"<B{len(every)}h", flags, *(round(db * _STEPS_PER_DB) for db in every))


def unpacked(content: bytes) -> Levels:
    """Levels from their bytes."""
    flags, *steps = struct.unpack(f"<B{len(content) // 2}h", content)
    decibels = [step / _STEPS_PER_DB for step in steps]
    return Levels(
        **dict(zip(_SINGLE, decibels, strict=False)),
        overload=bool(flags & _OVERLOAD),
        floor=bool(flags & _FLOOR),
        third_octaves_db=tuple(decibels[len(_SINGLE) :]),
    )


def _check(position: int, levels: bytes, codes: bytes) -> int:
    return zlib.crc32(codes, zlib.crc32(levels, position & 0xFFFFFFFF))


def _ranges(spans: Sequence[Span], stretch: Stretch) -> Iterator[SeqRange]:
    ends = [*(span.base for span in spans), stretch.last + 1]
    for span, (base, after) in zip(spans, pairwise(ends), strict=True):
        first, last = max(base, stretch.first), min(after - 1, stretch.last)
        if first <= last:
            seq = span.first_seq + first - span.base
            yield SeqRange(session=span.session, first_seq=seq, count=last - first + 1)
