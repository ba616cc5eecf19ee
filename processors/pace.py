"""How fast one device is heard: a bucket of tokens, one a message. Pure.

What comes faster waits at the bridge, unacknowledged: a device that drains its spool is slowed down
by that, for it has few messages on their way. What comes on top of those that wait is no device of
ours: it is dropped without an answer, so that even then a device that keeps a spool sends it again.
Time is a monotonic clock in seconds, given by the caller.
"""

from dataclasses import dataclass, replace
from typing import Final, Literal

MAX_HELD: Final = 16
"""Messages of a device that may wait; more than a device of ours has on their way."""
_BURST_S: Final = 20.0

Turn = Literal["now", "later", "never"]


@dataclass(frozen=True, slots=True)
class Limit:
    """Messages of one device a second, in the long run; 20 seconds' worth may come at once.

    A live device sends one. Full batches of a backlog, 20 a second, are 1,200 readings a second.
    """

    messages_per_s: float = 20.0

    @property
    def burst(self) -> float:
        """Tokens of a full bucket."""
        return _BURST_S * self.messages_per_s


@dataclass(frozen=True, slots=True)
class Pace:
    """One device's bucket at a moment, and how many of its messages wait."""

    tokens: float
    at_s: float
    held: int = 0


def first(limit: Limit, now_s: float) -> Pace:
    """A device that nobody has heard for long: its bucket is full."""
    return Pace(limit.burst, now_s)


def refilled(pace: Pace, limit: Limit, now_s: float) -> Pace:
    """The bucket with the tokens that have come in since."""
    since_s = max(0.0, now_s - pace.at_s)
    tokens = min(limit.burst, pace.tokens + limit.messages_per_s * since_s)
    return Pace(tokens, max(now_s, pace.at_s), pace.held)


def arrived(pace: Pace, limit: Limit, now_s: float) -> tuple[Pace, Turn]:
    """A message of the device has come: whether it is taken now, later, or never.

    Those that wait go first, so a device's messages keep their order.

    Examples
    --------
    >>> arrived(Pace(tokens=1.5, at_s=0.0), Limit(), now_s=0.0)
    (Pace(tokens=0.5, at_s=0.0, held=0), 'now')
    >>> arrived(Pace(tokens=0.5, at_s=0.0), Limit(), now_s=0.0)
    (Pace(tokens=0.5, at_s=0.0, held=1), 'later')
    """
    pace = refilled(pace, limit, now_s)
    if pace.held >= MAX_HELD:
        return pace, "never"
    if pace.held or pace.tokens < 1:
        return replace(pace, held=pace.held + 1), "later"
    return replace(pace, tokens=pace.tokens - 1), "now"


def released(pace: Pace, limit: Limit, now_s: float) -> tuple[Pace, int]:
    """How many of those that wait, the oldest first, are taken now."""
    pace = refilled(pace, limit, now_s)
    count = min(pace.held, int(pace.tokens))
    return Pace(pace.tokens - count, pace.at_s, pace.held - count), count


def due_s(pace: Pace, limit: Limit) -> float:
    """When the next one that waits is to be taken."""
    return pace.at_s + max(0.0, 1 - pace.tokens) / limit.messages_per_s
