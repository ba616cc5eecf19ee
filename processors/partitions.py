"""What becomes of a partition of the log: where to begin, which record is next, what to commit.

Pure: `adapters.durable` does the reading and writing. A checkpoint's `next_offset` is the only
truth about progress; the offset that the consumer group remembers is a hint.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from math import inf
from typing import Any, Final, Generic, Literal, NamedTuple, Protocol, TypeVar

from processors.folds import NOTHING, Fold, Outputs, Tick, Ticks, joined
from processors.window_questions import Touched
from schemas import topics
from schemas.base import DeviceId, Frozen
from schemas.codec import decode
from schemas.errors import LogGap
from schemas.readings import AnyBatch
from schemas.results import Alert, Window

Message = TypeVar("Message", bound=Frozen)

MAX_READINGS: Final = 60_000
MAX_WAIT_S: Final = 0.5
BEHIND_WAIT_S: Final = 1.5
"""While more is waiting: a backlog costs less in few large commits."""
URGENT_WAIT_S: Final = 0.1
"""For an alert; a large city has many a second, and they share a commit."""
STUCK_S: Final = 15.0
STUCK_ALONE_S: Final = 180.0
"""Without progress for so long: all partitions of a program, or one of them while others go on."""
LOOK_EVERY_S: Final = 3.0
SEEK_AGAIN_S: Final = 5.0
"""So long a record that was asked for may be on its way."""
COMPACTED: Final = frozenset({topics.STATUS})
"""Topics in which Kafka may remove a record that a later one of the same key replaces."""


class Key(NamedTuple):
    """A partition of a topic."""

    topic: str
    partition: int


class Span(NamedTuple):
    """What Kafka holds of a partition: offsets `begin` to `end`, exclusive."""

    cluster_id: str
    begin: int
    end: int
    oldest_at: datetime | None = None
    """When the first of its records was appended."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far a program is in a partition, and how often replays took the place of its rows."""

    next_offset: int
    cluster_id: str
    epoch: int = 0
    version: int = 0
    committed_at: datetime | None = field(default=None, compare=False)
    promotions: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Commit:
    """What becomes true at once: rows, messages, states and the checkpoint."""

    key: Key
    before: Checkpoint
    after: Checkpoint
    states: Mapping[DeviceId, bytes]
    rows: Sequence[Frozen]
    messages: Sequence[Alert | Window | Touched]


class Heard(NamedTuple):
    """What a record held: how many readings, and when each batch began, if its clock was set."""

    readings: int
    began_at: Sequence[datetime] = ()


class Run(Protocol):
    """A program at work on one partition."""

    def apply(self, payload: bytes) -> tuple[Outputs, Heard]:
        """Take a record; return its outputs and what it held, or raise BadMessage."""

    def settle(self) -> Outputs:
        """Outputs that have waited until now, the next commit."""

    def changed(self) -> Mapping[DeviceId, bytes]:
        """Stored form of the states that changed since the last call."""


Open = Callable[[Mapping[DeviceId, bytes]], Run]
"""Start at stored states."""


@dataclass(frozen=True, slots=True)
class Program:
    """A named consumer: what it does with the records of each of its topics."""

    name: str
    topics: Mapping[str, Open]


def starting_point(key: Key, stored: Checkpoint | None, span: Span) -> Checkpoint:
    """Where to read on.

    Raises
    ------
    LogGap
        If retention has removed records that were not applied yet.
    """
    if stored is None:
        return Checkpoint(span.begin, span.cluster_id)
    if _is_another_log(key, stored, span):  # its records are new, the ledgers stay
        return replace(
            stored,
            next_offset=span.begin,
            cluster_id=span.cluster_id,
            epoch=stored.epoch + 1,
        )
    if stored.next_offset < span.begin:
        raise LogGap(
            f"{key.topic}/{key.partition}: offsets {stored.next_offset} to {span.begin - 1} "
            "were removed before they were applied"
        )
    return stored


def _is_another_log(key: Key, stored: Checkpoint, span: Span) -> bool:
    """Whether it is another cluster's, or one that began anew: then our offset says nothing.

    A topic that was deleted and made again keeps the cluster's id, and may have grown beyond our
    offset; but what we have applied of a log was appended before we committed it.
    """
    if stored.cluster_id != span.cluster_id or stored.next_offset > span.end:
        return True
    if key.topic in COMPACTED or span.oldest_at is None or stored.committed_at is None:
        return False
    return stored.next_offset > span.begin and span.oldest_at > stored.committed_at


def judged(key: Key, next_offset: int, offset: int) -> Literal["past", "next", "ahead"]:
    """Whether a record was applied already, is the next one, or comes too early.

    >>> judged(Key("readings.v1", 0), next_offset=7, offset=8)
    'ahead'
    """
    if offset < next_offset:
        return "past"
    return "next" if offset == next_offset or key.topic in COMPACTED else "ahead"


class FoldRun:
    """A fold over the devices of one partition of `readings.v1`."""

    def __init__(self, fold: Fold[Any], states: Mapping[DeviceId, bytes]) -> None:
        self._read = fold.read
        self._at_work = fold.at_work(states)

    def apply(self, payload: bytes) -> tuple[Outputs, Heard]:
        """Step every batch's device; a tick steps all devices."""
        record = self._read(payload)
        ticks = None
        if record.tick is not None:
            marked = {mark.device: Tick(record.tick, mark.ranges) for mark in record.dropped}
            ticks = Ticks(Tick(record.tick), marked)
        outputs = self._at_work.hear(record.batches, ticks)
        began_at = [batch.started_at for batch in record.batches if batch.clock == "synced"]
        return outputs, Heard(sum(len(batch.levels) for batch in record.batches), began_at)

    def settle(self) -> Outputs:
        """What has waited."""
        return self._at_work.settle()

    def changed(self) -> Mapping[DeviceId, bytes]:
        """States of the devices that changed since the last call."""
        return self._at_work.changed()


class RowsRun(Generic[Message]):
    """A program without state: every message of a topic becomes rows."""

    def __init__(self, kind: type[Message], rows: Callable[[Message], Sequence[Frozen]]) -> None:
        self._kind = kind
        self._rows = rows

    def apply(self, payload: bytes) -> tuple[Outputs, Heard]:
        """Rows of a message."""
        return Outputs(rows=tuple(self._rows(decode(self._kind, payload)))), Heard(1)

    def settle(self) -> Outputs:
        """Nothing waits."""
        return NOTHING

    def changed(self) -> Mapping[DeviceId, bytes]:
        """No state ever."""
        return {}


class Progress:
    """One partition at work: what was applied since the last commit.

    `conflicts` are those of the record that was applied last, `began_at` of all of them.
    """

    def __init__(self, key: Key, checkpoint: Checkpoint, run: Run) -> None:
        self.key = key
        self.next_offset = checkpoint.next_offset
        self.readings = 0
        self.urgent = False
        self.conflicts: Sequence[AnyBatch] = ()
        self.began_at: list[datetime] = []
        self._checkpoint = checkpoint
        self._run = run
        self._outputs: list[Outputs] = []

    @property
    def pending(self) -> bool:
        """Whether there is anything to commit."""
        return self.next_offset != self._checkpoint.next_offset

    def apply(self, offset: int, payload: bytes) -> int:
        """Apply a record and return its number of readings; BadMessage changes nothing."""
        outputs, heard = self._run.apply(payload)
        if outputs is not NOTHING:
            self._outputs.append(outputs)
        self.readings += heard.readings
        self.began_at += heard.began_at
        self.urgent = self.urgent or outputs.urgent
        self.conflicts = outputs.conflicts
        self.next_offset = offset + 1
        return heard.readings

    def skip(self, offset: int) -> None:
        """Go past a record that cannot be read."""
        self.next_offset = offset + 1

    def commit(self) -> Commit:
        """Everything since the last commit; to be written before anything else is applied."""
        before = self._checkpoint
        after = replace(before, next_offset=self.next_offset, version=before.version + 1)
        outputs = joined([*self._outputs, self._run.settle()])
        states = self._run.changed()
        return Commit(self.key, before, after, states, outputs.rows, outputs.messages)

    def committed(self, commit: Commit) -> None:
        """Begin anew after a commit."""
        self._checkpoint = commit.after
        self._outputs = []
        self.began_at = []
        self.readings = 0
        self.urgent = False


def patience_s(partitions: Iterable[Progress], *, behind: bool) -> float:
    """How long what was applied may wait for its commit, s; `behind`: more is waiting already."""
    waiting = [one for one in partitions if one.pending]
    if sum(one.readings for one in waiting) >= MAX_READINGS:
        return 0.0
    if behind:
        return BEHIND_WAIT_S
    return URGENT_WAIT_S if any(one.urgent for one in waiting) else MAX_WAIT_S


@dataclass(frozen=True, slots=True)
class Watch:
    """Since when each partition stands still although there is more to read."""

    since: Mapping[Key, tuple[int, float]]
    moved_at: float = -inf
    """When any of them went on: in a long backlog they wait for each other."""

    def seen(self, now: float, positions: Mapping[Key, int], ends: Mapping[Key, int]) -> "Watch":
        """Look again; beyond the end of a log is no place either: it has begun anew."""
        lagging = {key: at for key, at in positions.items() if at != ends.get(key, at)}
        moved = any(positions.get(key) != at for key, (at, _) in self.since.items())
        return Watch(
            {
                key: before if (before := self.since.get(key, (at, now)))[0] == at else (at, now)
                for key, at in lagging.items()
            },
            now if moved else self.moved_at,
        )

    def stuck(self, now: float) -> Sequence[Key]:
        """Partitions without progress for too long; longer while others go on."""
        patience_s = STUCK_S if now - self.moved_at >= STUCK_S else STUCK_ALONE_S
        return [key for key, (_, since) in self.since.items() if now - since >= patience_s]
