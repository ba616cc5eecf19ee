"""What a book of windows remembers of the newest rows of a device, so as not to ask for them.

Nobody else writes rows of a device while its partition is ours, but for promotions of replays. So
once the newest rows have been asked for, those that come after them are known; it is forgotten
whenever a commit fails or a replay was promoted.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from processors.sources import BACKGROUND_MINUTES
from processors.window_keys import BASE_S, MINUTE_S, minute
from processors.window_questions import Span, StoredMinute
from processors.window_seconds import Heard

BACK_S: Final = BACKGROUND_MINUTES * MINUTE_S
"""So much of the minutes before a window bears on its row."""


class BaseRow(NamedTuple):
    """A base window as it is stored."""

    heard: Heard
    final: bool


class Recent:
    """Base windows that begin at `from_s` or later, and minutes from `BACK_S` before that on."""

    def __init__(self) -> None:
        self.from_s: int | None = None
        self.bases: dict[int, BaseRow] = {}
        self.minutes: dict[int, StoredMinute] = {}

    def covers(self, start_s: int) -> bool:
        """Whether all is known that a window which begins then rests on, or is followed by."""
        return self.from_s is not None and self.from_s <= start_s - BASE_S

    def asked(self, spans: Sequence[Span], newest_s: int) -> None:
        """Hear that the rows of these spans are here; none of the device is newer than that."""
        self.from_s = spans[-1].from_s if spans[-1].to_s > newest_s else None

    def trim(self, newest_s: int) -> None:
        """Forget what no window after this one rests on; all of it, if that is unsure."""
        if self.from_s is None:
            self.bases, self.minutes = {}, {}
            return
        from_s = minute(newest_s).start_s - BASE_S
        if from_s > self.from_s:
            self.from_s = from_s
            self.bases = {at: one for at, one in self.bases.items() if at >= from_s}
            self.minutes = {at: one for at, one in self.minutes.items() if at >= from_s - BACK_S}
