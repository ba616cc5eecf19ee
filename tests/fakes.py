"""In-memory adapters and clock: what they share with the real ones is in `tests/contracts.py`."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self

from agents.adapters.link import Message
from agents.adapters.spool import BYTES_PER_LEVELS, BYTES_PER_READING
from agents.batches import CONTEXT_READINGS
from agents.delivery import Stored
from agents.reading import Reading
from schemas.base import SeqRange
from schemas.errors import Unavailable
from schemas.messages import Rejected

# --- agent ---------------------------------------------------------------------------------------


class FakeClock:
    """Time that passes only when somebody waits for it."""

    def __init__(self, now: datetime = datetime(2026, 5, 4, 10, 0, tzinfo=UTC)) -> None:
        self._start = now
        self._passed_s = 0.0
        self.synced = True

    def utc_now(self) -> datetime:
        return self._start + timedelta(seconds=self._passed_s)

    def monotonic_s(self) -> float:
        return self._passed_s

    def is_synced(self) -> bool:
        return self.synced

    def set_forward(self, seconds: float) -> None:
        self._start += timedelta(seconds=seconds)

    async def sleep(self, seconds: float) -> None:
        self._passed_s += max(seconds, 0.0)
        await asyncio.sleep(0)

    async def wait(self, event: asyncio.Event, timeout_s: float) -> None:
        await asyncio.sleep(0)
        if not event.is_set():
            self._passed_s += max(timeout_s, 0.0)


class FakeSpool:
    """A spool that forgets when the process ends."""

    def __init__(self, max_bytes: int = 2**30) -> None:
        self._max_bytes = max_bytes
        self._stored: list[Stored] = []
        self._waiting: set[int] = set()
        self._sent: set[int] = set()
        self._dropped: list[SeqRange] = []
        self._told: list[SeqRange] = []
        self._quarantined = 0
        self._held_after: int | None = None

    def append(self, readings: Sequence[Reading]) -> None:
        for reading in readings:
            position = len(self._stored) + 1
            self._stored.append(Stored(position, reading))
            self._waiting.add(position)
        month_ago = readings[-1].started_at - timedelta(days=30)
        self._drop([each for each in self._unsafe() if each.reading.started_at < month_ago])
        while self._taken() > self._max_bytes and self._thin():
            pass
        while self._taken() > self._max_bytes and len(self._waiting) > 1:
            self._drop(self._unsafe()[: min(60, len(self._waiting) // 2)])

    def sent(self, seqs: SeqRange) -> None:
        wanted = range(seqs.first_seq, seqs.first_seq + seqs.count)
        self._sent |= {
            each.position
            for each in self._stored
            if each.reading.session == seqs.session and each.reading.seq in wanted
        }

    def acknowledge_dropped(self, ranges: Sequence[SeqRange]) -> None:
        for told in ranges:
            for n, lost in enumerate(self._dropped):
                if (lost.session, lost.first_seq) == (told.session, told.first_seq):
                    after = lost.first_seq + told.count
                    rest = lost.count - told.count
                    self._dropped[n : n + 1] = (
                        [lost.model_copy(update={"first_seq": after, "count": rest})]
                        if rest
                        else []
                    )
                    self._told.append(told)

    def waiting(self, after: int, limit: int) -> list[Stored]:
        left = [stored for stored in self._unsafe() if not self._is_held(stored)]
        return [stored for stored in left if stored.position > after][:limit]

    def hold(self) -> None:
        self._held_after = self.newest()

    def restamp(self, by: timedelta) -> None:
        for n, stored in enumerate(self._stored):
            if self._is_held(stored) and stored.reading.clock == "unsynced":
                at = stored.reading.started_at + by
                known = replace(stored.reading, started_at=at, clock="synced")
                self._stored[n] = replace(stored, reading=known)
        self._held_after = None

    def release(self) -> None:
        self._held_after = None

    def _is_held(self, stored: Stored) -> bool:
        return self._held_after is not None and stored.position > self._held_after

    def _unsafe(self) -> list[Stored]:
        return [stored for stored in self._stored if stored.position in self._waiting]

    def before(self, reading: Reading) -> list[Reading]:
        earlier = range(reading.seq - CONTEXT_READINGS, reading.seq)
        return [
            stored.reading
            for stored in self._stored
            if stored.reading.session == reading.session and stored.reading.seq in earlier
        ]

    def newest(self) -> int:
        return len(self._stored)

    def kept(self) -> int:
        return len(self._stored)

    def acknowledge(self, ranges: Iterable[SeqRange]) -> int:
        done = {
            stored.position
            for seqs in ranges
            for stored in self._stored
            if stored.reading.session == seqs.session
            and seqs.first_seq <= stored.reading.seq < seqs.first_seq + seqs.count
        }
        newly = done & self._waiting
        self._waiting -= newly
        return len(newly)

    def quarantine(self, seqs: SeqRange, rejected: Rejected) -> None:  # noqa: ARG002
        self._quarantined += seqs.count
        self.acknowledge([seqs])

    def depth(self) -> int:
        return len(self._waiting)

    def quarantined(self) -> int:
        return self._quarantined

    def dropped(self) -> tuple[SeqRange, ...]:
        return (*self._dropped, *self._told)

    def heard_until(self) -> datetime | None:
        ends = [stored.reading.started_at + timedelta(seconds=1) for stored in self._stored]
        return ends[-1] if ends else None

    def _taken(self) -> int:
        whole = sum(bool(each.reading.codes) for each in self._unsafe())
        return BYTES_PER_READING * whole + BYTES_PER_LEVELS * (len(self._waiting) - whole)

    def _thin(self) -> bool:
        thick = [
            each
            for each in self._unsafe()
            if each.reading.codes
            and each.position not in self._sent
            and each.position <= len(self._stored) - 64
        ]
        for each in thick[:60]:
            thin = replace(each.reading, codes=b"")
            self._stored[each.position - 1] = Stored(each.position, thin)
        return bool(thick)

    def _drop(self, doomed: Sequence[Stored]) -> None:
        for stored in doomed:
            self._waiting.discard(stored.position)
            session, seq = stored.reading.session, stored.reading.seq
            last = self._dropped[-1] if self._dropped else None
            if last and (last.session, last.first_seq + last.count) == (session, seq):
                self._dropped[-1] = last.model_copy(update={"count": last.count + 1})
            else:
                self._dropped.append(SeqRange(session=session, first_seq=seq, count=1))


@dataclass
class FakeBroker:
    """A broker in memory that can be cut off; `published` is what it took."""

    published: list[Message] = field(default_factory=list)
    wills: list[Message] = field(default_factory=list)
    refused: bool = False
    links: list["FakeLink"] = field(default_factory=list)

    def connect(
        self,
        *,
        will: Message,
        topics: Sequence[str],
        received: Callable[[str, bytes], None],
        changed: Callable[[], None],
    ) -> "FakeLink":
        return FakeLink(self, will, tuple(topics), received, changed)

    def deliver(self, topic: str, payload: bytes) -> None:
        for link in self.links:
            if topic in link.topics:
                link.received(topic, payload)

    async def receive(self, topic: str) -> bytes:
        queue = self.wills if any(m.topic == topic for m in self.wills) else self.published
        message = next(m for m in queue if m.topic == topic)
        queue.remove(message)
        return message.payload

    def cut(self) -> None:
        for link in tuple(self.links):
            link.lose()


@dataclass(eq=False)
class FakeLink:
    """One connection to a `FakeBroker`."""

    broker: FakeBroker
    will: Message
    topics: tuple[str, ...]
    received: Callable[[str, bytes], None]
    changed: Callable[[], None]
    lost: bool = False

    async def __aenter__(self) -> Self:
        if self.broker.refused:
            raise Unavailable("the broker is away")
        self.broker.links.append(self)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self in self.broker.links:
            self.broker.links.remove(self)

    def check(self) -> None:
        if self.lost:
            raise Unavailable("connection lost")

    def publish(self, message: Message) -> None:
        self.check()
        self.broker.published.append(message)

    async def confirmed(self) -> None:
        self.check()

    def lose(self) -> None:
        self.lost = True
        self.broker.links.remove(self)
        self.broker.wills.append(self.will)
        self.changed()
