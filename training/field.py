"""What a live city taught: the features around judged alerts, as examples and pieces of a pool.

The features are those that the devices sent, 32 bands 8 times a second: nothing finer exists. A
place and a day are one source, so that they never lie on both sides of a split. Verdicts may
change: an example follows the newest one, also after its features have left the log.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from hearing import taxonomy
from processors.judgement import JudgedAlert
from schemas.messages import CONTEXT_FRAMES, FRAMES_PER_READING, NO_FRAME
from training.pools import DISTRACTOR, SIREN, Pool

SHORTEST: Final = FRAMES_PER_READING
_SIREN: Final = "siren"
_GROUPS: Final = 3

Codes = NDArray[np.uint8]


class HeardReading(NamedTuple):
    """A reading with its patch, uint8 [32, 32]: its own 8 frames behind the 24 before them.

    `own` is False of what follows an alert's own seconds: the model still remembered its sound.
    """

    session: str
    seq: int
    patch: Codes
    own: bool = True


@dataclass(frozen=True, eq=False)
class Example:
    """An unbroken stretch of frames from a judged alert.

    Attributes
    ----------
    alert_id, rule, label : str
        Which alert, and what it claimed to hear.
    heard : bool
        Whether that was right. Of all other labels nobody knows.
    device : str
    day : date
        UTC day of the onset.
    codes : ndarray of uint8, shape (n, 32), n >= 8
    own_from, own_until : int
        Which of the frames are the alert's own seconds, 0 <= own_from <= own_until <= n: all that
        may stay of them if it was a true one.
    """

    alert_id: str
    rule: str
    label: str
    heard: bool
    device: str
    day: date
    codes: Codes
    own_from: int
    own_until: int

    @property
    def source(self) -> str:
        """What never lies on both sides of a split."""
        return f"{self.device} {self.day}"

    @property
    def group(self) -> int:
        """Fold 1 to 3 that it is held out with: the same for the same source, for ever."""
        return 1 + crc32(self.source.encode()) % _GROUPS


def examples(alert: JudgedAlert, label: str, readings: Sequence[HeardReading]) -> Iterator[Example]:
    """Stretches of a judged alert that teach.

    Parameters
    ----------
    alert : JudgedAlert
        With a verdict of true or false.
    label : str
        What its rule listens for.
    readings : sequence of HeardReading
        Those that are left of it, in the order of time; its own ones come first.

    Yields
    ------
    Example
        One for each unbroken run. A false alert teaches by all that the model heard, what went
        before it included; a true one by the alert's own seconds only.
    """
    name, day = str(alert.alert_id), alert.onset_at.date()
    for run in _runs(readings):
        codes = np.concatenate(
            [run[0].patch[:CONTEXT_FRAMES], *(reading.patch[CONTEXT_FRAMES:] for reading in run)]
        )
        own = CONTEXT_FRAMES, CONTEXT_FRAMES + FRAMES_PER_READING * sum(each.own for each in run)
        for first, end in _present(codes):
            found = Example(
                *(name, alert.rule, label),
                heard=False,
                device=alert.device,
                day=day,
                codes=codes[first:end],
                own_from=min(max(own[0], first), end) - first,
                own_until=min(max(own[1], first), end) - first,
            )
            yield from _judged(found, heard=alert.verdict == "true")


def _judged(one: Example, *, heard: bool) -> Iterator[Example]:
    """An example by a verdict; a true one loses all but its own seconds, for ever."""
    if not heard:
        yield replace(one, heard=False)
    elif (length := one.own_until - one.own_from) >= SHORTEST:
        own = one.codes[one.own_from : one.own_until]
        yield replace(one, heard=True, codes=own, own_from=0, own_until=length)


def renewed(known: Iterable[Example], alerts: Iterable[JudgedAlert]) -> list[Example]:
    """Examples with the verdicts of today, cut as these would have cut them.

    Parameters
    ----------
    known : iterable of Example
        Of a folder.
    alerts : iterable of JudgedAlert
        All that began since the first of these days.

    Returns
    -------
    list of Example
        In their order; without those whose alert is gone, or no longer surely true or false.
    """
    said = {str(alert.alert_id): alert.verdict for alert in alerts}
    return [
        each
        for one in known
        if (verdict := said.get(one.alert_id)) in {"true", "false"}
        for each in _judged(one, heard=verdict == "true")
    ]


def since(known: Iterable[Example], first: date) -> list[Example]:
    """Examples of a day and of later ones."""
    return [one for one in known if one.day >= first]


def with_field(pool: Pool, several: Sequence[Example]) -> Pool:
    """A pool that mixes in what the city taught.

    Parameters
    ----------
    pool : Pool
        As `pools.load` gives it; its pieces stay where they are.
    several : sequence of Example
        Of true ones only sirens are taken: they are mixed in like other sirens. False ones of any
        label are heard as what must not be taken for it.

    Returns
    -------
    Pool
        With one more piece for each.
    """
    taken = [one for one in several if one.label == _SIREN or not one.heard]
    if not taken:
        return pool
    sources = sorted({one.source for one in taken})
    first = int(pool.source.max(initial=-1)) + 1
    length = np.array([len(one.codes) for one in taken])
    return replace(
        pool,
        codes=np.concatenate([pool.codes, *(one.codes for one in taken)]),
        start=np.concatenate([pool.start, len(pool.codes) + np.cumsum(length) - length]),
        length=np.concatenate([pool.length, length]),
        heard=np.concatenate([pool.heard, [_flags(one, claimed=one.heard) for one in taken]]),
        perhaps=np.concatenate([pool.perhaps, [~_flags(one, claimed=True) for one in taken]]),
        group=np.concatenate([pool.group, [one.group for one in taken]]),
        kind=np.concatenate([pool.kind, [SIREN if one.heard else DISTRACTOR for one in taken]]),
        clip=np.concatenate([pool.clip, [-1] * len(taken)]),
        source=np.concatenate([pool.source, [first + sources.index(o.source) for o in taken]]),
        scene=np.concatenate([pool.scene, [-1] * len(taken)]),
    )


def _runs(readings: Sequence[HeardReading]) -> Iterator[list[HeardReading]]:
    """Readings that follow one another in one session."""
    run: list[HeardReading] = []
    for reading in readings:
        if run and (reading.session, reading.seq) != (run[-1].session, run[-1].seq + 1):
            yield run
            run = []
        run.append(reading)
    if run:
        yield run


def _present(codes: Codes) -> Iterator[tuple[int, int]]:
    """Stretches without a missing frame, a second and longer: first frame and end of each."""
    there = np.flatnonzero((codes != NO_FRAME).any(axis=1))
    for part in np.split(there, np.flatnonzero(np.diff(there) > 1) + 1):
        if len(part) >= SHORTEST:
            yield int(part[0]), int(part[-1]) + 1


def _flags(one: Example, *, claimed: bool) -> NDArray[np.bool_]:
    return np.array([claimed and label == one.label for label in taxonomy.LABELS])
