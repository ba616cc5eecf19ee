"""The folds of a replay over one partition: cold or from stored states, without side effects."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from processors.folds import Fold, Outputs, Tick, Ticks
from processors.replay import Request, Span
from schemas.base import DeviceId, Frozen
from schemas.envelopes import Dropped
from schemas.readings import AnyBatch, AnyRecord


class Heard(NamedTuple):
    """One record of the log; no envelope if nobody can read it, which live found too."""

    offset: int
    envelope: AnyRecord | None


class FoldReplay:
    """One fold at work. It hears what a live run heard and keeps the rows of the span.

    `epoch` is that of the live fold, whose log this is.
    """

    def __init__(
        self,
        fold: Fold[Any],
        span: Span,
        states: Mapping[DeviceId, bytes],
        next_offset: int = 0,
        epoch: int = 0,
    ) -> None:
        self.program = fold.program
        self.epoch = epoch
        self.next_offset = next_offset
        self.rows: list[Frozen] = []
        self._at_work = fold.at_work(states)
        self._needs = span.needs

    def hear(self, batches: Iterable[AnyBatch], ticks: Ticks | None) -> None:
        """Hear what a live run heard."""
        self._keep(self._at_work.hear(batches, ticks))

    def taken(self) -> list[Frozen]:
        """Rows since the last call."""
        self._keep(self._at_work.settle())
        rows, self.rows = self.rows, []
        return rows

    def states(self) -> Mapping[DeviceId, bytes]:
        """Stored form of all states."""
        return self._at_work.states()

    def _keep(self, outputs: Outputs) -> None:
        if outputs.rows:
            needs = self._needs
            self.rows += [row for row in outputs.rows if needs(row)]


class PartitionReplay:
    """All folds over the records of one partition, decoded once.

    Parameters
    ----------
    folds : sequence of FoldReplay
        Each with the offset that it needs next.
    ends : mapping of str to int
        Offset at which each program ends.
    request : Request
        Its devices are heard, and readings of its span are counted.
    """

    def __init__(
        self, folds: Sequence[FoldReplay], ends: Mapping[str, int], request: Request
    ) -> None:
        self.folds = folds
        self.readings = 0
        self.in_span = 0
        self._begins = {fold.program: fold.next_offset for fold in folds}
        self._ends = ends
        self._reached = 0
        self._begin, self._end = request.span
        self._devices = frozenset(request.devices)
        self._oldest: datetime | None = None
        self._newest: datetime | None = None

    def apply(self, heard: Heard) -> bool:
        """Let every fold that has not heard this record hear it; False if nobody can read it."""
        offset, envelope = heard
        self._reached = offset + 1
        if envelope is None:
            return False
        batches: Sequence[AnyBatch] = envelope.batches
        if self._devices:
            batches = [batch for batch in batches if batch.device in self._devices]
        for batch in batches:
            self._count(batch)
        ticks = None if envelope.tick is None else self._ticks(envelope.tick, envelope.dropped)
        for fold in self.folds:
            if self._begins[fold.program] <= offset < self._ends[fold.program]:
                fold.hear(batches, ticks)
        return True

    def finish(self) -> None:
        """Say that every record was read up to where each program ends."""
        for fold in self.folds:
            fold.next_offset = self._ends[fold.program]

    def taken(self) -> list[Frozen]:
        """Rows of all folds since the last call; where they stand moves on with these."""
        for fold in self.folds:
            reached = min(self._reached, self._ends[fold.program])
            fold.next_offset = max(fold.next_offset, reached)
        return [row for fold in self.folds for row in fold.taken()]

    @property
    def covered_s(self) -> float:
        """Seconds of event time between the first and the last reading of the span."""
        if self._oldest is None or self._newest is None:
            return 0.0
        return (self._newest - self._oldest).total_seconds()

    def _ticks(self, at: datetime, dropped: Sequence[Dropped]) -> Ticks | None:
        marks = [one for one in dropped if not self._devices or one.device in self._devices]
        if dropped and not marks:
            return None
        return Ticks(Tick(at), {one.device: Tick(at, one.ranges) for one in marks})

    def _count(self, batch: AnyBatch) -> None:
        count, at = len(batch.levels), batch.started_at
        self.readings += count
        if self._begin <= at < self._end:
            self.in_span += count
            if self._newest is None or at > self._newest:
                self._newest = at
            if self._oldest is None or at < self._oldest:
                self._oldest = at
