"""Which seconds of a simulated device nobody has acknowledged: ranges of seqs, in order. Pure."""

from collections.abc import Iterator, Sequence
from itertools import islice

Ranges = tuple[range, ...]
"""Without overlap, oldest first."""


def extended(waiting: Ranges, until: int, said: int) -> Ranges:
    """Add the seconds `said` to `until` (exclusive).

    >>> extended((range(0, 2),), 5, 2)
    (range(0, 5),)
    """
    if until <= said:
        return waiting
    if waiting and waiting[-1].stop == said:
        return (*waiting[:-1], range(waiting[-1].start, until))
    return (*waiting, range(said, until))


def without(waiting: Ranges, first: int, count: int) -> Ranges:
    """Let go of some seconds, wherever they are.

    >>> without((range(0, 9),), 2, 3)
    (range(0, 2), range(5, 9))
    """
    end = first + count
    parts = (
        part
        for held in waiting
        for part in (
            range(held.start, min(held.stop, first)),
            range(max(held.start, end), held.stop),
        )
    )
    return tuple(part for part in parts if part)


def count(waiting: Ranges, since: int = 0) -> int:
    """How many of them there are from a seq on.

    >>> count((range(0, 4), range(6, 8)), since=3)
    3
    """
    return sum(max(0, held.stop - max(held.start, since)) for held in waiting)


def oldest(waiting: Ranges, since: int, limit: int) -> Sequence[int]:
    """The oldest ones from a seq on.

    >>> oldest((range(0, 4), range(6, 8)), since=2, limit=3)
    [2, 3, 6]
    """
    return list(islice(_since(waiting, since), limit))


def _since(waiting: Ranges, since: int) -> Iterator[int]:
    for held in waiting:
        yield from range(max(held.start, since), held.stop)
