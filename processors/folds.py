"""What a processor is: a pure step over the events of one device, and what may come out of it.

`durable` (adapters) runs a fold over a partition: it keeps one state per device, and commits
states, rows, outbox and the next offset in one transaction.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, NamedTuple, TypeVar

from processors.window_questions import Touched
from schemas.base import DeviceId, Frozen, SeqRange
from schemas.readings import AnyBatch
from schemas.results import Alert, Window

State = TypeVar("State")


class Tick(NamedTuple):
    """Received time, as the bridge wrote it into every partition. Folds know no other clock.

    `dropped`: readings of this device that will never come, as its status said at that time.
    """

    at: datetime
    dropped: tuple[SeqRange, ...] = ()


Event = AnyBatch | Tick


@dataclass(frozen=True, slots=True)
class Outputs:
    """What a step wants to be true outside: rows to upsert and messages to deliver.

    `Touched` stands for the rows of windows that the store will make of it and of what it holds.
    `conflicts` are batches that came before with other content: kept as dead letters, not counted.
    """

    rows: tuple[Frozen, ...] = ()
    messages: tuple[Alert | Window | Touched, ...] = ()
    conflicts: tuple[AnyBatch, ...] = ()

    @property
    def urgent(self) -> bool:
        """Whether somebody waits: an alert is committed at once."""
        return any(isinstance(message, Alert) for message in self.messages)


NOTHING = Outputs()


@dataclass(frozen=True, slots=True)
class Fold(Generic[State]):
    """A named pure step, with the stored form of its state."""

    program: str
    empty: Callable[[DeviceId], State]
    step: Callable[[State, Event], tuple[State, Outputs]]
    dump: Callable[[State], bytes]
    load: Callable[[bytes], State]
