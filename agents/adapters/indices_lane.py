"""Send minutes of indices beside the readings, until the bridge has acknowledged them."""

from dataclasses import dataclass
from random import Random
from typing import Final

from agents import delivery
from agents.adapters.indices_spool import IndicesSpool
from agents.adapters.link import Message
from agents.batches import Origin
from agents.delivery import PATIENCE_S
from schemas import codec, topics
from schemas.base import SeqRange
from schemas.messages import Ack

AT_ONCE: Final = 4
"""Minutes on their way; there is one a minute, and a backlog of days takes seconds all the same."""


@dataclass(frozen=True, slots=True)
class _Sent:
    """A minute on its way."""

    due_s: float
    patience_s: float


class IndicesLane:
    """What one connection has sent of the indices, and what it must send again."""

    def __init__(self, origin: Origin, spool: IndicesSpool, chance: Random) -> None:
        self._topic = topics.device_topic(origin.site, origin.device, "indices")
        self._spool = spool
        self._chance = chance
        self._sent: dict[SeqRange, _Sent] = {}
        self._digests: dict[str, SeqRange] = {}

    @property
    def next_due_s(self) -> float | None:
        """When something is to be sent again."""
        return min((sent.due_s for sent in self._sent.values()), default=None)

    def renew(self) -> None:
        """Begin with a new connection, on which nothing was sent."""
        self._sent.clear()
        self._digests.clear()

    def due(self, now_s: float) -> list[Message]:
        """What is to be sent now; what nobody answers is sent less often each time."""
        waiting = dict(self._spool.waiting(AT_ONCE))
        before = self._sent  # some of it may be gone: the spool has a bound
        self._sent = {minute: before[minute] for minute in waiting if minute in before}
        messages = []
        for minute, payload in waiting.items():
            last = self._sent.get(minute)
            if last is None or last.due_s <= now_s:
                patience_s = delivery.longer(last.patience_s) if last else PATIENCE_S
                due_s = delivery.due_s(now_s, patience_s, self._chance.random())
                self._sent[minute] = _Sent(due_s, patience_s)
                self._digests[codec.digest(payload)] = minute
                messages.append(Message(self._topic, payload))
        return messages

    def answered(self, ack: Ack) -> None:
        """Let go of what is safe, and of what will never be accepted."""
        rejected = [self._digests.get(each.digest) for each in ack.rejected]
        self._let_go([*ack.accepted_indices, *(minute for minute in rejected if minute)])

    def depth(self) -> int:
        """How many minutes wait to be acknowledged."""
        return self._spool.depth()

    def _let_go(self, minutes: list[SeqRange]) -> None:
        if not minutes:
            return
        self._spool.acknowledge(minutes)
        for minute in minutes:
            self._sent.pop(minute, None)
        self._digests = {d: minute for d, minute in self._digests.items() if minute in self._sent}
