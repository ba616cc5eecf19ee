"""The running background of a device: L90 of the last hour, in event time.

Levels go into histograms of five minutes; those of an hour, added up, give the percentile. It
moves once a minute, is there once a minute has been heard, and does not care how readings came.
Calibrated and relative levels have no common reference: from one to the other it begins anew.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from acoustics.decibels import CLASSES_PER_DB, exceeded
from processors.event_time import SECOND_US

SLOT_MINUTES: Final = 5
SLOTS: Final = 12
ENOUGH_S: Final = 60
"""Seconds without which there is no background yet."""

_CLASS: Final = CLASSES_PER_DB // 2  # half a decibel: a tenth would make states five times as big
_MINUTE_US: Final = 60 * SECOND_US

Slot = tuple[int, tuple[tuple[int, int], ...]]
"""Number of five minutes since the epoch; class and count of each level in them."""


@dataclass(frozen=True, slots=True)
class Background:
    """Levels of an hour; `fresh` are those of the minute that has not ended yet.

    `calibrated` is None until a level has come, and in states of the second format.

    Examples
    --------
    >>> quiet = Background()
    >>> for second in range(100):
    ...     quiet = quiet.at(second * SECOND_US).plus(40.0)
    >>> quiet.level_db, quiet.at(120 * SECOND_US).level_db
    (40.0, 40.0)
    """

    minute: int = 0
    level_db: float | None = None
    fresh: tuple[int, ...] = ()
    slots: tuple[Slot, ...] = ()
    calibrated: bool | None = None

    def of(self, *, calibrated: bool) -> "Background":
        """For levels that are calibrated, or relative: empty if those before were the other."""
        if calibrated == self.calibrated:
            return self
        if self.calibrated is None:
            return replace(self, calibrated=calibrated)
        return Background(calibrated=calibrated)

    def at(self, at_us: int) -> "Background":
        """As it stands at an instant: a minute that has ended is taken in."""
        minute = at_us // _MINUTE_US
        if minute == self.minute:
            return self
        slots = _with(self.slots, self.minute // SLOT_MINUTES, self.fresh)
        oldest = minute // SLOT_MINUTES - SLOTS
        slots = tuple(slot for slot in slots if slot[0] > oldest)
        return Background(minute, _l90(slots), (), slots, self.calibrated)

    def plus(self, laeq_1s_db: float) -> "Background":
        """With one more second of the present minute."""
        level_class = round(laeq_1s_db * CLASSES_PER_DB / _CLASS) * _CLASS
        return replace(self, fresh=(*self.fresh, level_class))

    def dump(self) -> list[object]:
        """Form for JSON; `load` reads it back."""
        return [self.minute, self.level_db, self.fresh, self.slots, self.calibrated]


def load(stored: Sequence[Any]) -> Background:
    """Background of what `Background.dump` gave."""
    minute, level_db, fresh, slots, *calibrated = stored
    return Background(
        minute,
        level_db,
        tuple(fresh),
        tuple((number, tuple((a, b) for a, b in counts)) for number, counts in slots),
        *calibrated,
    )


def _with(slots: tuple[Slot, ...], number: int, levels: Sequence[int]) -> tuple[Slot, ...]:
    """Add levels to their slot, which is the newest."""
    if not levels:
        return slots
    before = dict(slots[-1][1]) if slots and slots[-1][0] == number else {}
    counts = Counter(before)
    counts.update(levels)
    older = slots[:-1] if before else slots
    return (*older, (number, tuple(sorted(counts.items()))))


def _l90(slots: Sequence[Slot]) -> float | None:
    counts: Counter[int] = Counter()
    for _, slot in slots:
        counts.update(dict(slot))
    return exceeded(counts, 90) if counts.total() >= ENOUGH_S else None
