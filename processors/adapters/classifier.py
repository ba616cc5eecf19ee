"""Classify at work: what is queued goes into one call of the model, and on to `readings.v1`.

While the model works, what comes next is read, and what it heard before is sent and acknowledged:
four stages, so that the model hardly waits. Classify keeps no state and no offsets of its own: a
record is acknowledged after Kafka has its readings. What a killed worker had produced already comes
twice, and the ledgers of the folds drop it.

Ticks come with the features only. Where results of an earlier time are still to be read, a tick
waits for them: devices that send results would seem silent.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from typing import Final, NamedTuple, Protocol

import numpy as np

from processors import classify
from processors.adapters import durable_ports, figures
from processors.adapters.assignment import Assignment, Read
from processors.adapters.clock import utc_now
from processors.adapters.durable_ports import Received, Seek
from processors.adapters.standstill import standing_still
from processors.classify import Patches, Scorer, Scores
from processors.partitions import Key, Span
from processors.unreadable import dead_letter, newer
from processors.verdicts import Record
from schemas import metrics, readings, topics
from schemas.base import LabelScores
from schemas.errors import BadMessage, NewerMessage, Unavailable

AT_ONCE: Final = 64
"""Patches in one call of the model."""

_WAITING_RECORDS: Final = 64
_FLIGHTS: Final = 4
"""Calls whose readings are on their way: Kafka may take longer to answer than the model."""

log = logging.getLogger(__name__)


class Log(Protocol):
    """Where readings go."""

    async def append(self, record: Record) -> Awaitable[object]:
        """Hand over a record; what comes back is done when it is safe."""


class Part(NamedTuple):
    """Some patches, and what the model will say of them."""

    patches: Patches
    scores: Awaitable[Scores]


class Call(NamedTuple):
    """Records whose patches the model is given together."""

    reads: Sequence[Read]
    parts: Sequence[Part]


class Flight(NamedTuple):
    """Records whose readings are on their way."""

    reads: Sequence[Read]
    safe: Sequence[Awaitable[object]]


class Classifier:
    """A model at work on the records of features and results."""

    def __init__(self, scorer: Scorer, *, log: Log, offsets: durable_ports.Log, seek: Seek) -> None:
        self._scorer = scorer
        self._hearing = figures.Hearing(scorer.manifest.labels)
        self._log = log
        self._offsets = offsets
        self._seek = seek
        self._loop = asyncio.get_running_loop()
        self._model = ThreadPoolExecutor(1, "model")  # beside the event loop, which answers Kafka
        self._clock = self._loop.time
        self._read: asyncio.Queue[Read] = asyncio.Queue(_WAITING_RECORDS)
        self._calls: asyncio.Queue[Call] = asyncio.Queue(1)
        self._flights: asyncio.Queue[Flight] = asyncio.Queue(_FLIGHTS)
        self._assignment: Assignment | None = None
        self._left: Read | None = None
        self._closed = False
        self._under_way = 0
        self._idle = asyncio.Event()
        self._idle.set()
        figures.begin("classify")

    @property
    def positions(self) -> Mapping[Key, int] | None:
        """Next offset of each partition; None until they have been assigned."""
        return None if self._assignment is None else self._assignment.positions

    async def assign(self, positions: Mapping[Key, int]) -> Mapping[Key, int]:
        """Read on where the group does, or where the log begins if it does not hold that."""
        begins = await self._begins(positions) if positions else {}
        self._give_up()
        self._assignment = Assignment({**positions, **begins})
        return begins

    async def revoke(self) -> None:
        """Leave what waits to others."""
        self._give_up()

    def _give_up(self) -> None:
        if self._assignment is not None:
            self._assignment.ended = True
        self._assignment = None
        self._left = None
        while not self._read.empty():
            self._read.get_nowait()

    async def _begins(self, positions: Mapping[Key, int]) -> Mapping[Key, int]:
        """Where the logs begin that no longer, or not yet, hold what the group would read next."""
        begins = {}
        spans: Mapping[Key, Span] = {}
        with suppress(Unavailable):  # then the group is right
            spans = await self._offsets.spans(positions)
        for key, span in spans.items():
            at = positions[key]
            if at < span.begin:
                metrics.EXPIRED_RECORDS.labels("classify").inc(span.begin - at)
                log.error("expired", extra={**key._asdict(), "from": at, "to": span.begin - 1})
            elif at > span.end:
                metrics.LOGS_BEGUN_ANEW.labels("classify").inc()
                log.error("log_began_anew", extra={**key._asdict(), "was_at": at})
            else:
                continue
            begins[key] = span.begin
        return begins

    async def close(self) -> None:
        """Finish what was begun."""
        self._closed = True
        await self._idle.wait()
        self._model.shutdown(wait=False)

    async def receive(self, records: AsyncIterator[Received]) -> None:
        """Read records and queue them; waits while the queue is full, which holds Kafka back."""
        async for record in records:
            owner = self._assignment
            if owner is None:
                continue
            if not owner.takes(record):  # of before, or Faust has forgotten where we read on
                if (wanted := owner.missing(record, self._clock())) is not None:
                    await self._seek(record.key, wanted)
                continue
            read = await self._opened(record, owner)
            if read is not None and not await self._is_held(read):
                await self._read.put(read)

    async def run(self) -> None:
        """Work for ever."""
        async with asyncio.TaskGroup() as stages:
            stages.create_task(self._score())
            stages.create_task(self._send())
            stages.create_task(self._settle())

    async def _score(self) -> None:
        """Let the model hear what waits, up to one call, as soon as there is anything.

        It is given the next call before it is done with the last, so that it never waits for us.
        """
        while not self._closed:
            reads = self._drained(self._left or await self._read.get())
            if self._closed or not reads:
                continue
            self._under_way += 1
            self._idle.clear()
            patches = np.concatenate([read.patches for read in reads])
            parts = [patches[n : n + AT_ONCE] for n in range(0, len(patches), AT_ONCE)]
            await self._calls.put(Call(reads, [self._given(part) for part in parts]))

    async def _send(self) -> None:
        while True:
            call = await self._calls.get()
            labels = await self._labels(call.parts)
            await self._flights.put(await self._launched(call.reads, labels))

    async def _settle(self) -> None:
        while True:
            await self._landed(await self._flights.get())
            self._under_way -= 1
            if not self._under_way:
                self._idle.set()

    async def watch(self) -> Sequence[Key]:
        """Return the partitions that stand still although there is more to read, once any do.

        Raises
        ------
        NewerMessage
            One does since it waits for a newer version; what others held has been passed on.
        """
        stuck = await standing_still(lambda: self.positions or {}, self._offsets, self._clock)
        for key in stuck:
            if self._assignment and key in self._assignment.newer:
                raise self._assignment.newer[key]
        return stuck

    def _drained(self, first: Read) -> list[Read]:
        """Take `first` and what else waits and is ours, up to one call; what is beyond is left."""
        reads, patches = [first], len(first.patches)
        self._left = None
        while not self._read.empty():
            read = self._read.get_nowait()
            patches += len(read.patches)
            if patches > AT_ONCE:
                self._left = read
                break
            reads.append(read)
        return [read for read in reads if not read.owner.ended]

    async def _opened(self, record: Received, owner: Assignment) -> Read | None:
        """Read a record; None if it waits for a newer version, and all behind it too."""
        try:
            envelope = classify.read(record.key.topic, record.value)
        except NewerMessage as found:
            owner.newer[record.key] = newer(record.key, record.offset, found)
            where = {**record.key._asdict(), "offset": record.offset}
            log.error("newer_record", extra=where)  # noqa: TRY400
            return None
        except BadMessage as bad:
            await self._bury(record, bad)
            return Read(record, None, classify.NO_PATCHES, owner)
        return Read(record, envelope, classify.patches_of(envelope), owner)

    async def _launched(self, reads: Sequence[Read], labels: Iterable[LabelScores]) -> Flight:
        """Append the readings, in order, with what was heard of each patch."""
        safe = [await self._log.append(record) for record in self._readings(reads, labels)]
        return Flight(reads, safe)

    async def _landed(self, flight: Flight) -> None:
        """Acknowledge, once all are safe."""
        for one in flight.safe:
            await one
        for read in flight.reads:
            read.owner.safe(read.record)
        opened = [read.envelope for read in flight.reads if read.envelope]
        done = sum(received.batch.count for each in opened for received in each.batches)
        metrics.APPLIED_READINGS.labels("classify").inc(done)
        if self._assignment and (due := self._assignment.due({r.record.key for r in flight.reads})):
            await self._landed(await self._launched(due, ()))

    async def _is_held(self, read: Read) -> bool:
        """Hold a tick, unacknowledged, while its partition has results to read from before it."""
        key, owner = read.record.key, read.owner
        if read.envelope is None or read.envelope.tick is None or key.topic != topics.FEATURES:
            return False
        if read.record.offset >= owner.ends.get(key, 0):
            with suppress(Unavailable):  # then it goes by what was known
                owner.ends = await self._offsets.ends(list(owner.positions))
        return owner.hold(read, key._replace(topic=topics.RESULTS))

    def _readings(self, reads: Sequence[Read], labels: Iterable[LabelScores]) -> Iterator[Record]:
        model, left = self._scorer.manifest.identity, iter(labels)
        for read in reads:
            if read.envelope is not None:
                told = list(islice(left, len(read.patches)))
                if read.owner.ended:
                    continue  # comes again, behind what was before it
                labelled = classify.labelled(read.envelope, told, model)
                yield Record(
                    topics.READINGS, read.record.key.partition, None, readings.write(labelled)
                )

    def _given(self, patches: Patches) -> Part:
        return Part(patches, self._loop.run_in_executor(self._model, self._scores, patches))

    def _scores(self, patches: Patches) -> Scores:
        with metrics.MODEL_SECONDS.time():
            return self._scorer.scores(patches)

    async def _labels(self, parts: Iterable[Part]) -> list[LabelScores]:
        labels: list[LabelScores] = []
        for patches, scores in parts:
            labels += classify.reported(await scores, patches, self._scorer.manifest)
        self._hearing.heard(labels)
        return labels

    async def _bury(self, record: Received, bad: BadMessage) -> None:
        where = {**record.key._asdict(), "offset": record.offset}
        log.error("bad_record", extra={**where, "reason": bad.reason, "detail": bad.detail})
        letter = dead_letter(record.key, record.offset, record.value, bad, utc_now())
        await (await self._log.append(letter))
        metrics.DEAD_LETTERS.labels(bad.reason).inc()
