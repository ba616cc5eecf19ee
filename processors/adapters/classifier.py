"""Classify at work: what is queued goes into one call of the model, and on to `readings.v1`.

It keeps no state and no offsets of its own: a record is acknowledged after Kafka has its readings.
What a killed worker had produced already comes twice, and the ledgers of the folds drop it.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

import numpy as np

from processors import classify
from processors.adapters.clock import utc_now
from processors.adapters.durable import Received
from processors.adapters.standstill import Ends, standing_still
from processors.classify import Envelope, Patches, Scorer
from processors.partitions import Key
from processors.unreadable import dead_letter
from processors.verdicts import Record
from schemas import metrics, topics
from schemas.base import LabelScores
from schemas.codec import encode
from schemas.errors import BadMessage

AT_ONCE: Final = 64
"""Patches in one call of the model."""

_WAITING_RECORDS: Final = 256

log = logging.getLogger(__name__)


class Log(Protocol):
    """Where readings go."""

    async def append(self, record: Record) -> Awaitable[object]:
        """Hand over a record; what comes back is done when it is safe."""


class Read(NamedTuple):
    """A record with what it holds; a bad one holds nothing."""

    record: Received
    envelope: Envelope | None
    patches: Patches


class Classifier:
    """A model at work on the records of features and results."""

    def __init__(self, scorer: Scorer, *, log: Log, ends: Ends) -> None:
        self._scorer = scorer
        self._log = log
        self._ends = ends
        self._clock = asyncio.get_running_loop().time
        self._received: asyncio.Queue[Received] = asyncio.Queue(_WAITING_RECORDS)
        self._positions: dict[Key, int] = {}
        self._busy = asyncio.Lock()
        self._left: Read | None = None
        self._closed = False

    async def assign(self, positions: Mapping[Key, int]) -> Mapping[Key, int]:
        """Read on where the group does."""
        self._positions = dict(positions)
        return {}

    async def revoke(self) -> None:
        """Leave what waits to others."""
        self._positions = {}
        self._left = None
        while not self._received.empty():
            self._received.get_nowait()

    async def close(self) -> None:
        """Finish what was begun."""
        self._closed = True
        async with self._busy:
            pass

    async def receive(self, records: AsyncIterator[Received]) -> None:
        """Queue records; waits while the queue is full, which holds Kafka back."""
        async for record in records:
            await self._received.put(record)

    async def run(self) -> None:
        """Work for ever."""
        while not self._closed:
            await self.work()

    async def work(self) -> None:
        """Classify what waits, up to one call, as soon as there is anything."""
        first = self._left or await self._read(await self._received.get())
        async with self._busy:
            batch, self._left = await self._drained(first)
            await self._pass_on(batch)

    async def watch(self) -> Sequence[Key]:
        """Return the partitions that stand still although there is more to read, once any do."""
        return await standing_still(lambda: dict(self._positions), self._ends, self._clock)

    async def _drained(self, first: Read) -> tuple[list[Read], Read | None]:
        """Take `first` and what else waits, up to one call; and what was read beyond."""
        batch, patches = [first], len(first.patches)
        while not self._received.empty():
            read = await self._read(self._received.get_nowait())
            patches += len(read.patches)
            if patches > AT_ONCE:
                return batch, read
            batch.append(read)
        return batch, None

    async def _read(self, record: Received) -> Read:
        try:
            envelope = classify.read(record.key.topic, record.value)
        except BadMessage as bad:
            await self._bury(record, bad)
            return Read(record, None, classify.NO_PATCHES)
        return Read(record, envelope, classify.patches_of(envelope))

    async def _pass_on(self, batch: Sequence[Read]) -> None:
        """Append the readings, in order; acknowledge once all are safe."""
        labels = iter(await self._labels(np.concatenate([read.patches for read in batch])))
        safe = [await self._log.append(record) for record in self._readings(batch, labels)]
        for one in safe:
            await one
        for read in batch:
            read.record.ack()
            if read.record.key in self._positions:
                self._positions[read.record.key] = read.record.offset + 1
        done = sum(b.batch.count for read in batch if read.envelope for b in read.envelope.batches)
        metrics.APPLIED_READINGS.labels("classify").inc(done)

    def _readings(self, batch: Sequence[Read], labels: Iterator[LabelScores]) -> Iterator[Record]:
        model = self._scorer.manifest.identity
        for read in batch:
            if read.envelope is not None:
                told = [next(labels) for _ in range(len(read.patches))]
                readings = classify.labelled(read.envelope, told, model)
                yield Record(topics.READINGS, read.record.key.partition, None, encode(readings))

    async def _labels(self, patches: Patches) -> list[LabelScores]:
        labels: list[LabelScores] = []
        for begin in range(0, len(patches), AT_ONCE):
            some = patches[begin : begin + AT_ONCE]
            # beside the event loop, which answers Kafka meanwhile
            scores = await asyncio.to_thread(self._scorer.scores, some)
            labels += classify.reported(scores, some, self._scorer.manifest)
        return labels

    async def _bury(self, record: Received, bad: BadMessage) -> None:
        where = {**record.key._asdict(), "offset": record.offset}
        log.error("bad_record", extra={**where, "reason": bad.reason, "detail": bad.detail})
        letter = dead_letter(record.key, record.offset, record.value, bad, utc_now())
        await (await self._log.append(letter))
        metrics.DEAD_LETTERS.labels(bad.reason).inc()
