"""Runs a program over partitions: state, offset, rows and outbox become true together.

Whatever ends this process, and whenever: what was committed stays, the rest is read again. Kafka
is acknowledged only after the database has committed, and even that is a mere hint.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from math import inf
from typing import Final, TypeVar

from processors.adapters import figures
from processors.adapters.clock import utc_now
from processors.adapters.durable_ports import Bury, Log, Received, Seek, Store
from processors.adapters.standstill import standing_still
from processors.partitions import (
    SEEK_AGAIN_S,
    Checkpoint,
    Key,
    Program,
    Progress,
    Span,
    judged,
    patience_s,
    starting_point,
)
from processors.unreadable import dead_letter, newer
from schemas import metrics
from schemas.base import DeviceId
from schemas.codec import encode
from schemas.errors import BadMessage, NewerMessage, Unavailable
from schemas.readings import AnyBatch, whole

_FIRST_WAIT_S: Final = 0.5
_LONGEST_WAIT_S: Final = 5.0
_ATTEMPT_S: Final = 10.0
"""So long it may take to see that what was away still is: twice as long as locks are waited for."""
_REVOKE_WITHIN_S: Final = 3.0
_AT_ONCE: Final = 256
_WAITING_RECORDS: Final = 1024

Result = TypeVar("Result")

log = logging.getLogger(__name__)


class Durable:
    """A program at work on the partitions that this process was given; `clock` tells seconds."""

    def __init__(
        self,
        program: Program,
        *,
        store: Store,
        log: Log,
        bury: Bury,
        seek: Seek,
        clock: Callable[[], float],
    ) -> None:
        self._program = program
        self._store = store
        self._log = log
        self._bury = bury
        self._seek = seek
        self._clock = clock
        self._partitions: dict[Key, Progress] = {}
        self._assigned = False
        self._unacknowledged: list[Received] = []
        self._received: asyncio.Queue[Received] = asyncio.Queue(_WAITING_RECORDS)
        self._sought: dict[Key, float] = {}
        self._pending_since: float | None = None
        self._busy = asyncio.Lock()
        self._waiting_until_s = -inf
        self._closed = False
        figures.begin(program.name)

    @property
    def positions(self) -> Mapping[Key, int] | None:
        """Next offset of each partition; None until they have been assigned."""
        if not self._assigned:
            return None
        return {key: one.next_offset for key, one in self._partitions.items()}

    async def assign(self, positions: Mapping[Key, int]) -> Mapping[Key, int]:
        """Drop everything, load these partitions, and say where each is to be read on."""
        wanted = sorted(positions)  # where the group would read on does not matter
        async with self._busy:
            self._forget()
            if wanted:  # else we stand by
                await self._open_all(wanted)
            self._assigned = True
        return self.positions or {}

    async def revoke(self) -> None:
        """Commit what was applied, if that is possible now: others may take over."""
        with suppress(TimeoutError):  # then it is applied again, by whoever reads on
            async with asyncio.timeout(_REVOKE_WITHIN_S), self._busy:
                try:
                    await self._commit()
                finally:  # half a commit must not be finished: it has taken the states already
                    self._forget()

    async def close(self) -> None:
        """Commit what was applied and take nothing more."""
        async with self._busy:
            self._closed = True
            await self._commit()

    async def receive(self, records: AsyncIterator[Received]) -> None:
        """Queue records; waits while the queue is full, which holds Kafka back."""
        async for record in records:
            await self._received.put(record)

    async def run(self) -> None:
        """Work for ever."""
        while not self._closed:
            await self.work()

    async def work(self) -> None:
        """Apply what waits, as soon as there is anything, and commit if that is due."""
        batch = await self._next()
        async with self._busy:
            for record in batch:
                await self._take(record)
            if self._patience_s() == 0:
                await self._commit()

    async def watch(self) -> Sequence[Key]:
        """Return the partitions that stand still although there is more to read, once any do."""
        return await standing_still(self._moving, self._log, self._clock)

    def _moving(self) -> Mapping[Key, int]:
        """Where each partition is; none while we wait for somebody, or look whether it is back."""
        waiting = self._clock() < self._waiting_until_s
        return {} if waiting else self.positions or {}

    async def _open_all(self, wanted: Sequence[Key]) -> None:
        stored = await self._patiently(lambda: self._store.load(self._program.name, wanted))
        spans = await self._patiently(lambda: self._log.spans(wanted))
        for key in wanted:
            checkpoint, states = stored[key]
            await self._open(key, checkpoint, states, spans[key])

    async def _open(
        self, key: Key, stored: Checkpoint | None, states: Mapping[DeviceId, bytes], span: Span
    ) -> None:
        start = starting_point(key, stored, span)
        if stored is not None and start.epoch != stored.epoch:
            metrics.LOGS_BEGUN_ANEW.labels(self._program.name).inc()
            where = {**key._asdict(), "epoch": start.epoch, "was_at": stored.next_offset}
            log.error("log_began_anew", extra={**where, **span._asdict()})
        claimed = await self._patiently(lambda: self._store.claim(self._program.name, key, start))
        run = self._program.topics[key.topic](states)
        self._partitions[key] = Progress(key, claimed, run)

    async def _next(self) -> list[Received]:
        """All that waits, at most until the next commit is due."""
        if self._received.empty():
            try:
                async with asyncio.timeout(self._patience_s()):
                    first = await self._received.get()
            except TimeoutError:
                return []
        else:
            first = self._received.get_nowait()
        more = min(self._received.qsize(), _AT_ONCE)
        return [first, *(self._received.get_nowait() for _ in range(more))]

    async def _take(self, record: Received) -> None:
        progress = self._partitions.get(record.key)
        if progress is None or self._closed:
            return  # no longer ours
        match judged(record.key, progress.next_offset, record.offset):
            case "past":
                record.ack()
            case "ahead":
                await self._seek_again(progress, record.offset)
            case "next":
                await self._apply(progress, record)

    async def _apply(self, progress: Progress, record: Received) -> None:
        try:
            readings = progress.apply(record.offset, record.value)
        except NewerMessage as found:
            await self._commit()  # else other partitions would stand still until the upgrade
            raise newer(record.key, record.offset, found) from None
        except BadMessage as bad:
            await self._skip(progress, record, bad)
        else:
            metrics.APPLIED_READINGS.labels(self._program.name).inc(readings)
            for batch in progress.conflicts:
                await self._keep_conflict(record, batch)
        self._sought.pop(record.key, None)
        self._unacknowledged.append(record)
        if self._pending_since is None:
            self._pending_since = self._clock()

    async def _skip(self, progress: Progress, record: Received, bad: BadMessage) -> None:
        """Keep a record that we cannot read, and go on."""
        log.error("bad_record", extra=_named(record, bad))
        await self._bury_letter(record, record.value, bad)
        progress.skip(record.offset)

    async def _keep_conflict(self, record: Received, batch: AnyBatch) -> None:
        """Keep what came before with other content; the first has counted."""
        seqs = f"{batch.device} {batch.session} {batch.first_seq}+{batch.count}"
        bad = BadMessage("conflict", f"{seqs} came before with other content")
        log.warning("conflict", extra={**_named(record, bad), **_seqs(batch)})
        await self._bury_letter(record, encode(whole(batch)), bad)

    async def _bury_letter(self, record: Received, value: bytes, bad: BadMessage) -> None:
        letter = dead_letter(record.key, record.offset, value, bad, utc_now())
        await self._patiently(lambda: self._bury(letter))
        metrics.DEAD_LETTERS.labels(bad.reason).inc()

    async def _seek_again(self, progress: Progress, offset: int) -> None:
        """Ask for the record that we need; LogGap if it is gone."""
        key, now = progress.key, self._clock()
        if now - self._sought.get(key, -SEEK_AGAIN_S) < SEEK_AGAIN_S:
            return  # it is on its way
        wanted = Checkpoint(progress.next_offset, "")
        span = (await self._patiently(lambda: self._log.spans([key])))[key]
        starting_point(key, wanted, span._replace(cluster_id=""))
        log.warning(
            "seek_again",
            extra={**key._asdict(), "offset": offset, "next_offset": progress.next_offset},
        )
        self._sought[key] = now
        await self._seek(key, progress.next_offset)

    async def _commit(self) -> None:
        pending = [one for one in self._partitions.values() if one.pending]
        if pending:
            commits = [one.commit() for one in pending]
            began_s = self._clock()
            await self._patiently(lambda: self._store.commit(self._program.name, commits))
            figures.committed(self._program.name, pending, self._clock() - began_s, utc_now())
            for one, commit in zip(pending, commits, strict=True):
                one.committed(commit)
        for record in self._unacknowledged:
            record.ack()
        self._unacknowledged = []
        self._pending_since = None

    async def _patiently(self, attempt: Callable[[], Awaitable[Result]]) -> Result:
        """Try until it is available again; a database that is away is no reason to end."""
        wait_s = _FIRST_WAIT_S
        try:
            while True:
                try:
                    return await attempt()
                except Unavailable as error:
                    log.warning("waiting", extra={"why": str(error), "again_in_s": wait_s})
                    self._waiting_until_s = self._clock() + wait_s + _ATTEMPT_S
                    await asyncio.sleep(wait_s)
                    wait_s = min(2 * wait_s, _LONGEST_WAIT_S)
        finally:
            self._waiting_until_s = -inf

    def _forget(self) -> None:
        self._assigned = False
        self._partitions = {}
        self._unacknowledged = []
        self._pending_since = None
        self._sought = {}
        while not self._received.empty():
            self._received.get_nowait()

    def _patience_s(self) -> float | None:
        """How long until a commit is due; None if nothing waits for one."""
        if self._pending_since is None:
            return None
        behind = not self._received.empty()
        due_s = self._pending_since + patience_s(self._partitions.values(), behind=behind)
        return max(0.0, due_s - self._clock())


def _named(record: Received, bad: BadMessage) -> Mapping[str, object]:
    where = {**record.key._asdict(), "offset": record.offset}
    return {**where, "reason": bad.reason, "detail": bad.detail}


def _seqs(batch: AnyBatch) -> Mapping[str, object]:
    names = ("device", "session", "first_seq", "count")
    return {name: getattr(batch, name) for name in names}
