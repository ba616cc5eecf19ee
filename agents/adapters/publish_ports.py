"""What the publisher needs around it: a spool, a way to the broker, and what is sent beside."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from agents.adapters.link import Message
from agents.delivery import Stored
from agents.reading import Reading
from schemas.base import SeqRange
from schemas.messages import Ack, Rejected


class Spool(Protocol):
    """What the publisher needs of a spool; see `tests/contracts.py` for what it must do."""

    def waiting(self, after: int, limit: int) -> Sequence[Stored]:
        """Unacknowledged readings stored after a position, oldest first."""

    def before(self, reading: Reading) -> Sequence[Reading]:
        """Up to three readings of its session just before this one, oldest first."""

    def newest(self) -> int:
        """Position of the reading stored last; 0 if there never was one."""

    def acknowledge(self, ranges: Iterable[SeqRange]) -> int:
        """Let go of what is safe at the other end; how many readings that newly were."""

    def sent(self, seqs: SeqRange) -> None:
        """Note that these readings may have reached the bridge: none of them is thinned."""

    def acknowledge_dropped(self, ranges: Sequence[SeqRange]) -> None:
        """Note that the other end knows which readings are lost."""

    def quarantine(self, seqs: SeqRange, rejected: Rejected) -> None:
        """Stop sending what will never be accepted."""

    def depth(self) -> int:
        """Number of unacknowledged readings."""


class Connection(Protocol):
    """An open connection to the broker."""

    def check(self) -> None:
        """Raise what ended the connection, if anything has."""

    def publish(self, message: Message) -> None:
        """Hand over a message."""

    async def confirmed(self) -> None:
        """Return once the broker has confirmed everything that was published."""


class Connect(Protocol):
    """Opens connections; `agents.adapters.link.Link` with a login is one."""

    def __call__(
        self,
        *,
        will: Message,
        topics: Sequence[str],
        received: Callable[[str, bytes], None],
        changed: Callable[[], None],
    ) -> AbstractAsyncContextManager[Connection]:
        """Connect, subscribe, and call back."""


class Lane(Protocol):
    """What is sent beside the readings; `agents.adapters.indices_lane` is one."""

    @property
    def next_due_s(self) -> float | None:
        """When something is to be sent again."""

    def renew(self) -> None:
        """Begin with a new connection, on which nothing was sent."""

    def due(self, now_s: float) -> Sequence[Message]:
        """What is to be sent now."""

    def answered(self, ack: Ack) -> None:
        """Let go of what is safe, and of what will never be accepted."""

    def depth(self) -> int:
        """How much waits to be acknowledged."""
