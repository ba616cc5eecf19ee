"""What a processor is: a pure step over the events of one device, and what may come out of it.

A fold that gains from many events at once is paged: it steps over a page of them, of many devices.

`durable` (adapters) runs a fold over a partition: it keeps one state per device, and commits
states, rows, outbox and the next offset in one transaction.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Final, Generic, NamedTuple, Protocol, TypeVar

from processors.window_questions import Touched
from schemas.base import DeviceId, Frozen, SeqRange
from schemas.readings import AnyBatch, AnyRecord, read
from schemas.results import Alert, Window

State = TypeVar("State")

GARBAGE: Final = 1_000_000
"""Objects before Python looks for cycles: readings and rows are many, and have none."""


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


States = dict[DeviceId, State]


def joined(outputs: Sequence[Outputs]) -> Outputs:
    """All outputs in their order."""
    if len(outputs) == 1:
        return outputs[0]
    return Outputs(
        rows=tuple(chain.from_iterable([one.rows for one in outputs])),
        messages=tuple(chain.from_iterable([one.messages for one in outputs])),
        conflicts=tuple(chain.from_iterable([one.conflicts for one in outputs])),
    )


class Ticks(NamedTuple):
    """A tick for all devices, or those that tell some devices' dropped readings to them alone.

    A mark comes when its device says something: whether others are silent, it does not know.
    """

    plain: Tick
    marked: Mapping[DeviceId, Tick]


class AtWork(Protocol):
    """A fold with the states of some devices."""

    def hear(self, batches: Iterable[AnyBatch], ticks: Ticks | None) -> Outputs:
        """Take batches, then a tick; what comes of them may wait for `settle`."""

    def settle(self) -> Outputs:
        """What has waited."""

    def changed(self) -> Mapping[DeviceId, bytes]:
        """Stored form of the states that changed since the last call."""

    def states(self) -> Mapping[DeviceId, bytes]:
        """Stored form of all states."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold(Generic[State]):
    """A named pure step, with the stored form of its state, and how it reads its log."""

    program: str
    empty: Callable[[DeviceId], State]
    step: Callable[[State, Event], tuple[State, Outputs]]
    dump: Callable[[State], bytes]
    load: Callable[[bytes], State]
    read: Callable[[bytes], AnyRecord] = read

    def at_work(self, stored: Mapping[DeviceId, bytes]) -> AtWork:
        """Begin with stored states."""
        return _OneByOne(self, stored)


@dataclass(frozen=True, slots=True, kw_only=True)
class PagedFold(Fold[State]):
    """A fold that also steps over many batches of many devices, and then the last tick."""

    page: Callable[
        [Mapping[DeviceId, State], Sequence[AnyBatch], Tick | None], tuple[States[State], Outputs]
    ]

    def at_work(self, stored: Mapping[DeviceId, bytes]) -> AtWork:
        """Begin with stored states."""
        return _Paged(self, stored)


class _Known(Generic[State]):
    """States of devices, and which of them have changed."""

    def __init__(self, fold: Fold[State], stored: Mapping[DeviceId, bytes]) -> None:
        self._fold = fold
        self._states = {device: fold.load(state) for device, state in stored.items()}
        self._changed: set[DeviceId] = set()

    def changed(self) -> Mapping[DeviceId, bytes]:
        """Stored form of the states that changed since the last call."""
        found = {device: self._fold.dump(self._states[device]) for device in sorted(self._changed)}
        self._changed.clear()
        return found

    def states(self) -> Mapping[DeviceId, bytes]:
        """Stored form of all states."""
        return {device: self._fold.dump(self._states[device]) for device in sorted(self._states)}


class _OneByOne(_Known[State]):
    """Every batch steps its device, a tick steps all devices."""

    def hear(self, batches: Iterable[AnyBatch], ticks: Ticks | None) -> Outputs:
        """Step at once."""
        outputs = [self._step(batch.device, batch) for batch in batches]
        if ticks is not None:
            devices = sorted(ticks.marked or self._states)
            outputs += [self._step(one, ticks.marked.get(one, ticks.plain)) for one in devices]
        return joined([one for one in outputs if one is not NOTHING])

    def settle(self) -> Outputs:
        """Nothing waits."""
        return NOTHING

    def _step(self, device: DeviceId, event: Event) -> Outputs:
        before = self._states.get(device)
        if before is None:
            before = self._fold.empty(device)
        state, outputs = self._fold.step(before, event)
        if state is not before:
            self._states[device] = state
            self._changed.add(device)
        return outputs


class _Paged(_Known[State]):
    """All that comes until the next commit is one page."""

    def __init__(self, fold: PagedFold[State], stored: Mapping[DeviceId, bytes]) -> None:
        super().__init__(fold, stored)
        self._page = fold.page
        self._batches: list[AnyBatch] = []
        self._tick: Tick | None = None

    def hear(self, batches: Iterable[AnyBatch], ticks: Ticks | None) -> Outputs:
        """Wait."""
        self._batches += batches
        if ticks is not None and not ticks.marked:
            self._tick = ticks.plain
        return NOTHING

    def settle(self) -> Outputs:
        """Step over the page."""
        changed, outputs = self._page(self._states, self._batches, self._tick)
        self._states.update(changed)
        self._changed.update(changed)
        self._batches, self._tick = [], None
        return outputs
