"""What a durable program needs around it: a store, a log, records, and where bad ones go."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Protocol

from processors.partitions import Checkpoint, Commit, Key, Span
from processors.verdicts import Record
from schemas.base import DeviceId

Stored = Mapping[Key, tuple[Checkpoint | None, Mapping[DeviceId, bytes]]]


class TakenOver(RuntimeError):
    """Another worker has claimed the partition: what we hold is stale, so end this process."""


class Store(Protocol):
    """Where checkpoints, states, rows and messages are kept. Raises Unavailable when away."""

    async def load(self, program: str, keys: Iterable[Key]) -> Stored:
        """Checkpoint and states of each partition."""

    async def claim(self, program: str, key: Key, checkpoint: Checkpoint) -> Checkpoint:
        """Write a starting point with its next version: earlier holders can no longer commit."""

    async def commit(self, program: str, commits: Sequence[Commit]) -> None:
        """Make all commits true in one transaction, or none; TakenOver if a version differs."""


class Log(Protocol):
    """What Kafka holds."""

    async def spans(self, keys: Iterable[Key]) -> Mapping[Key, Span]:
        """First and last offset of each partition; Unavailable if Kafka is away."""

    async def ends(self, keys: Iterable[Key]) -> Mapping[Key, int]:
        """Offset behind the last record of each partition; Unavailable if Kafka is away."""


class Received(Protocol):
    """A record from Kafka; `ack` says that it need not come again."""

    key: Key
    offset: int
    value: bytes

    def ack(self) -> None:
        """Tell Kafka."""


Bury = Callable[[Record], Awaitable[None]]
Seek = Callable[[Key, int], Awaitable[None]]
