"""Which dead letters can be judged once more, and what becomes of them. Pure.

Those that MQTT delivered and whose original was kept. What was refused may be right by now: the
server's clock was wrong, a device was not in the sites file yet. A status tells of its own moment,
and its device has said a newer one since.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from processors import bridge
from processors.archive import dead_letter_row
from processors.privacy import Guard
from processors.registry import Registry
from processors.verdicts import Arrived, Forward, Verdict
from schemas import topics
from schemas.base import Frozen
from schemas.errors import BadMessage, Reason
from schemas.results import DeadLetter


class Letter(NamedTuple):
    """A dead letter with its original, if that was kept."""

    said: DeadLetter
    original: bytes | None

    @property
    def origin(self) -> str:
        """Its device, or the Kafka topic in which it was found."""
        return dead_letter_row(self.said).origin

    @property
    def can_be_redriven(self) -> bool:
        """Whether there is something to judge."""
        try:
            stream = topics.parse(self.said.source).stream
        except BadMessage:
            return False
        return self.original is not None and stream != "status"


class Wanted(NamedTuple):
    """Which letters are meant: received from `begin` to `end`, exclusive; by default, all."""

    begin: datetime
    end: datetime
    reason: str = ""
    device: str = ""

    def names(self, letter: Letter) -> bool:
        """Whether a letter is meant."""
        return (
            self.begin <= letter.said.received_at < self.end
            and self.reason in ("", letter.said.reason)
            and self.device in ("", letter.origin)
        )


class Group(Frozen):
    """Letters of one origin with one reason."""

    origin: str
    reason: Reason
    messages: int
    can_be_redriven: int
    oldest_at: datetime
    newest_at: datetime


def groups(letters: Iterable[Letter]) -> Sequence[Group]:
    """Count letters, by origin and reason."""
    alike: dict[tuple[str, Reason], list[Letter]] = defaultdict(list)
    for letter in letters:
        alike[letter.origin, letter.said.reason].append(letter)
    return [
        Group(
            origin=origin,
            reason=reason,
            messages=len(some),
            can_be_redriven=sum(letter.can_be_redriven for letter in some),
            oldest_at=min(letter.said.received_at for letter in some),
            newest_at=max(letter.said.received_at for letter in some),
        )
        for (origin, reason), some in sorted(alike.items())
    ]


@dataclass
class Redrive:
    """Judges letters as the bridge judges what arrives at `now`, and counts what becomes of them.

    It remembers no frames but those that it lets in itself, as a bridge that has just started.
    """

    registry: Registry
    now: datetime
    left: int = 0
    redriven: int = 0
    refused: Counter[Reason] = field(default_factory=Counter)
    _guards: dict[str, Guard] = field(default_factory=dict)

    def judged(self, letters: Iterable[Letter]) -> Sequence[Verdict]:
        """What is good now; what is not stays where it is."""
        verdicts = []
        for letter in letters:
            if not letter.can_be_redriven:
                self.left += 1
                continue
            verdict = self._judge(letter)
            if isinstance(verdict, Forward):
                self.redriven += 1
                verdicts.append(verdict)
            else:
                self.refused[verdict.letter.reason] += 1
        return verdicts

    def _judge(self, letter: Letter) -> Verdict:
        arrived = Arrived(letter.said.source, letter.original or b"", self.now)
        before = self._guards.get(letter.origin, Guard())
        self._guards[letter.origin], verdict = bridge.judge(before, arrived, self.registry)
        return verdict
