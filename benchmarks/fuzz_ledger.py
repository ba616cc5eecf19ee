"""What became of mutated messages: forwarded, dead letters, refused by the broker."""

from collections import Counter, defaultdict
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Final

import orjson

from benchmarks.fuzz_ceiling import Witness
from processors.verdicts import Record
from schemas import topics

_LIMIT: Final = 8
"""Frames of a second that may be told."""


@dataclass
class Tally:
    """What became of what was sent."""

    sent: Counter[str] = field(default_factory=Counter)
    forwarded: Counter[str] = field(default_factory=Counter)
    dead: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    acknowledged: int = 0
    kept: int = 0
    """Dead letters of reason `privacy` whose payload was kept."""
    fullest: int = 0
    """Most frames of a second that were told."""
    crash: str = ""

    @property
    def missing(self) -> int:
        """How many are not accounted for."""
        known = self.forwarded.total() + self.dead.total() + self.refused
        return self.sent.total() - known

    @property
    def passed(self) -> bool:
        """Whether all is well."""
        ours = not (self.missing or self.kept or self.crash)
        return ours and self.fullest <= _LIMIT


class Ledger:
    """Counts what Kafka is given, and lets the witnesses hear it."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._witnesses: defaultdict[str, Witness] = defaultdict(Witness)

    async def append(self, record: Record) -> Awaitable[object]:
        """Hand over a record, which is safe at once."""
        self.note(record.topic, record.value, dict(record.headers))
        return _safe()

    def note(self, topic: str, value: bytes | None, headers: dict[str, bytes]) -> None:
        """Count one record."""
        if topic == topics.DEAD_LETTERS:
            reason = headers["reason"].decode()
            self._tally.dead[reason] += 1
            self._tally.kept += reason == "privacy" and bool(value)
        elif topic in {topics.FEATURES, topics.RESULTS}:
            batches = orjson.loads(value or b"{}")["batches"]
            self._tally.forwarded[topic] += len(batches)
            for entry in batches:
                if topic == topics.FEATURES:
                    self._witnesses[entry["batch"]["device"]].hears(entry["batch"])
        else:
            self._tally.forwarded[topic] += 1

    def close(self) -> None:
        """Ask the witnesses."""
        seen = (witness.most() for witness in self._witnesses.values())
        self._tally.fullest = max((self._tally.fullest, *seen))
        self._witnesses.clear()


async def _safe() -> None:
    pass
