"""What becomes of a record that came through Kafka and cannot be read."""

from datetime import datetime

from processors import dead_letters
from processors.partitions import Key
from processors.verdicts import Record
from schemas import topics
from schemas.codec import digest
from schemas.errors import BadMessage, NewerMessage
from schemas.results import DeadLetter


def newer(key: Key, offset: int, found: NewerMessage) -> NewerMessage:
    """What to end with: a record of our own stays in its place until we can read it."""
    where = f"{key.topic}/{key.partition} at {offset}"
    return NewerMessage(f"{where}: {found.detail}; upgrade this program")


def dead_letter(
    key: Key, offset: int, payload: bytes, bad: BadMessage, received_at: datetime
) -> Record:
    """Record of `dead-letters.v1` with the original as its value."""
    letter = DeadLetter(
        reason=bad.reason,
        detail=bad.detail[:256],
        source=f"{key.topic}/{key.partition}/{offset}",
        digest=digest(payload),
        size_bytes=len(payload),
        received_at=received_at,
    )
    headers = dead_letters.headers(letter)
    return Record(topics.DEAD_LETTERS, key.partition, None, payload, headers)
