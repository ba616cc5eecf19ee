"""When readings leave the device: as they come, in batches, or on a schedule. Pure."""

from dataclasses import dataclass
from typing import Final, Literal

Upload = Literal["live", "batched", "scheduled"]

UPLOAD_PATIENCE_S: Final = 300.0
"""A scheduled connection is given up after so long, and tried again at the next time."""
_JITTER: Final = 0.1
_GRACE_S: Final = 1.5  # readings count themselves: the clock is for what no reading follows


@dataclass(frozen=True, slots=True)
class Uploads:
    """How long new readings wait for others, and how often the device connects."""

    together: int = 1
    """So many new readings, one a second, are sent as one batch."""
    every_s: float | None = None
    """None: stay connected. Else connect so often, send, wait for answers, disconnect."""


LIVE: Final = Uploads()


def uploads(upload: Upload, interval_s: int, every_s: int) -> Uploads:
    """What settings say.

    >>> uploads("batched", 60, 3600)
    Uploads(together=60, every_s=None)
    """
    return {
        "live": LIVE,
        "batched": Uploads(together=interval_s),
        "scheduled": Uploads(together=interval_s, every_s=every_s),
    }[upload]


def due_s(plan: Uploads, sent_s: float) -> float:
    """When new readings go out even if they are few; `sent_s`: when some last did, s."""
    return sent_s + plan.together + _GRACE_S


def pause_s(every_s: float, chance: float) -> float:
    """How long to stay away, s; `chance` from 0 to 1: a city's devices must not call in step.

    >>> pause_s(3600, 0.5)
    3600.0
    """
    return every_s * (1 + _JITTER * (chance - 0.5))
