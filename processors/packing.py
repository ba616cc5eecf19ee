"""Verdicts of the bridge -> records for Kafka and answers for the devices. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from pydantic import TypeAdapter

from processors.verdicts import Answered, Forward, Record, Refuse, Verdict
from schemas import topics
from schemas.base import SeqRange
from schemas.codec import encode
from schemas.envelopes import Dropped, FeatureEnvelope
from schemas.messages import Ack, Rejected

MAX_ENVELOPE_BATCHES: Final = 64
MAX_ENVELOPE_BYTES: Final = 256 * 1024

_TIME: Final = TypeAdapter(datetime)


def gather_s(last: int) -> float:
    """How long messages are gathered before they are taken, s, when so many were taken last time.

    Records cost everybody who reads them by the piece. From 500 messages a second on it pays to
    wait longer, and then there are more.

    >>> gather_s(1), gather_s(100), gather_s(1000)
    (0.05, 0.2, 0.25)
    """
    return min(max(0.002 * last, 0.05), 0.25)


def tick(at: datetime) -> Iterator[Record]:
    """The mark of received time for every partition of `features.v1`."""
    value = b'{"version":1,"tick":%s,"batches":[]}' % _TIME.dump_json(at)
    for partition in range(topics.PARTITIONS):
        yield Record(topics.FEATURES, partition, None, value)


def mark(at: datetime, dropped: Dropped) -> Record:
    """The mark of readings that will never come, for the partition of their device."""
    envelope = FeatureEnvelope(tick=at, dropped=(dropped,))
    return Record(topics.FEATURES, topics.partition(dropped.device), None, encode(envelope))


@dataclass(slots=True)
class _Envelope:
    topic: str
    partition: int
    entries: list[bytes] = field(default_factory=list)
    size: int = 0

    def has_room(self, entry: bytes) -> bool:
        """Whether Kafka would still take the envelope with this batch."""
        return (
            len(self.entries) < MAX_ENVELOPE_BATCHES
            and self.size + len(entry) <= MAX_ENVELOPE_BYTES
        )

    def add(self, entry: bytes) -> None:
        """Append an encoded batch."""
        self.entries.append(entry)
        self.size += len(entry) + 1

    def record(self) -> Record:
        """The envelope, encoded."""
        # spliced: each entry was written by our own codec a moment ago
        value = b'{"version":1,"tick":null,"batches":[%s]}' % b",".join(self.entries)
        return Record(self.topic, self.partition, None, value)


def records(verdicts: Iterable[Verdict]) -> Iterator[Record]:
    """Records of judged messages: those for inner topics joined, each partition in its order.

    Marks come last: readings that have just arrived must not be taken for lost.
    """
    marks: list[Record] = []
    open_envelopes: dict[tuple[str, int], _Envelope] = {}
    for verdict in verdicts:
        record = verdict.record
        if isinstance(verdict, Refuse) or not verdict.enveloped or record.value is None:
            yield record
            marks += () if isinstance(verdict, Refuse) else verdict.marks
            continue
        place = (record.topic, record.partition)
        envelope = open_envelopes.get(place)
        if envelope is not None and not envelope.has_room(record.value):
            yield envelope.record()
            envelope = None
        if envelope is None:
            envelope = open_envelopes[place] = _Envelope(*place)
        envelope.add(record.value)
    yield from (envelope.record() for envelope in open_envelopes.values())
    yield from marks


def answers(verdicts: Iterable[Verdict]) -> dict[Answered, Ack]:
    """What each device is told once these messages are safe; nothing for a status without drops."""
    told: dict[Answered, list[Verdict]] = {}
    for verdict in verdicts:
        answer = isinstance(verdict, Refuse) or verdict.accepted or verdict.dropped
        if verdict.answered is not None and answer:
            told.setdefault(verdict.answered, []).append(verdict)
    return {to: _answer(to.device, about) for to, about in told.items()}


def _answer(device: str, verdicts: list[Verdict]) -> Ack:
    good = [verdict for verdict in verdicts if isinstance(verdict, Forward)]
    bad = [verdict.letter for verdict in verdicts if isinstance(verdict, Refuse)]
    return Ack(
        device=device,
        accepted=tuple(_ranges(v for v in good if v.stream != "indices")),
        accepted_indices=tuple(v.accepted for v in good if v.stream == "indices" and v.accepted),
        accepted_dropped=tuple(dict.fromkeys(each for v in good for each in v.dropped)),
        rejected=tuple(Rejected(digest=b.digest, reason=b.reason, detail=b.detail) for b in bad),
    )


def _ranges(verdicts: Iterable[Forward]) -> list[SeqRange]:
    """Accepted ranges in order, neighbours joined."""
    joined: list[SeqRange] = []
    for accepted in (verdict.accepted for verdict in verdicts if verdict.accepted):
        last = joined[-1] if joined else None
        if last and (last.session, last.first_seq + last.count) == (
            accepted.session,
            accepted.first_seq,
        ):
            joined[-1] = last.model_copy(update={"count": last.count + accepted.count})
        else:
            joined.append(accepted)
    return joined
