"""The partitions that classify was given: how far each is, and which records await their turn."""

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from math import inf
from typing import NamedTuple

from processors.adapters.durable_ports import Received
from processors.classify import Envelope, Patches
from processors.partitions import SEEK_AGAIN_S, Key
from schemas.errors import NewerMessage


class Read(NamedTuple):
    """A record with what it holds, and the assignment it came in; a bad one holds nothing."""

    record: Received
    envelope: Envelope | None
    patches: Patches
    owner: "Assignment"


class Held(NamedTuple):
    """A tick, and where its partition's results ended when it came."""

    read: Read
    results_end: int


class Assignment:
    """Partitions from when they are given to us until they are taken away.

    Records are acknowledged in the order in which they came: Faust commits past a single one that
    is missing, so whatever ends this process would lose one that is held.

    Attributes
    ----------
    positions : dict of Key to int
        Next offset of each partition; what is held has been passed.
    ends : mapping of Key to int
        Where the partitions ended when Kafka was asked last.
    newer : dict of Key to NewerMessage
        Partitions that wait for a newer version of this program.
    ended : bool
        They are no longer ours: nothing is acknowledged any more.
    """

    def __init__(self, positions: Mapping[Key, int]) -> None:
        self.positions = dict(positions)
        self._next = dict(positions)
        self._sought_s: dict[Key, float] = {}
        self.ends: Mapping[Key, int] = {}
        self.newer: dict[Key, NewerMessage] = {}
        self.ended = False
        self._came: defaultdict[Key, deque[Received]] = defaultdict(deque)
        self._safe: set[tuple[Key, int]] = set()
        self._held: defaultdict[Key, deque[Held]] = defaultdict(deque)

    def takes(self, record: Received) -> bool:
        """Take the next record of a partition of ours that does not wait."""
        if record.offset != self._next.get(record.key) or record.key in self.newer:
            return False
        self._next[record.key] += 1
        self._came[record.key].append(record)
        return True

    def missing(self, record: Received, now_s: float) -> int | None:
        """Where to read on if records before this one have not come; None if that was asked lately.

        Where the log has lost them, the partition stands still; the next assignment says which.
        """
        key, wanted = record.key, self._next.get(record.key)
        if wanted is None or record.offset <= wanted or key in self.newer:
            return None
        if now_s - self._sought_s.get(key, -inf) < SEEK_AGAIN_S:
            return None
        self._sought_s[key] = now_s
        return wanted

    def passed(self, record: Received) -> None:
        """Go past a record; one that was held lies behind what has passed it."""
        self.positions[record.key] = max(self.positions[record.key], record.offset + 1)

    def safe(self, record: Received) -> None:
        """Acknowledge a record as soon as all before it are safe too."""
        if self.ended:
            return
        self.passed(record)
        self._safe.add((record.key, record.offset))
        came = self._came[record.key]
        while came and (record.key, came[0].offset) in self._safe:
            first = came.popleft()
            self._safe.discard((record.key, first.offset))
            first.ack()

    def hold(self, tick: Read, results: Key) -> bool:
        """Hold a tick while its partition has results to read from before it; whether it must."""
        end = self.ends.get(results, 0)
        if self.positions.get(results, end) >= end:
            return False
        self._held[results].append(Held(tick, end))
        self.passed(tick.record)  # its partition does not stand still
        return True

    def due(self, moved: Iterable[Key]) -> list[Read]:
        """Take the ticks whose results have been passed on."""
        found = []
        for results in self._held.keys() & set(moved):
            held, position = self._held[results], self.positions[results]
            while held and held[0].results_end <= position:
                found.append(held.popleft().read)
        return found
