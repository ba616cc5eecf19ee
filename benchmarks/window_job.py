"""The readings that everybody folds in `benchmarks.window_peers`, and the right windows.

All get the very same batches, as JSON of `readings.v1`: ours some in a record, as the bridge packs
what waits; the others one in a record with the device as its key, since they window by key.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from acoustics.decibels import leq
from schemas import topics
from schemas.codec import encode
from schemas.envelopes import LabelledBatch, ReadingEnvelope
from schemas.messages import Levels

START_MS: Final = 1_777_888_800_000
WINDOW_MS: Final = 10_000
PACKED: Final = {1: 64, 32: 16}
"""Batches in a record of ours, by their size: at most 64, and 256 KiB."""
ROUNDED_DB: Final = 0.02
BEHIND: Final = 4
"""Windows of seconds after the last, so that everybody closes what is counted."""
LABELS: Final = ("siren", "traffic", "birds", "speech")
_MODEL: Final = "benchmark-0.0.0@000000000000"
_BANDS: Final = tuple(40.0 + n for n in range(25))


class Event(NamedTuple):
    """One second at one device."""

    device: str
    seq: int
    at_ms: int
    level_db: float
    label: str
    score: int
    closing: bool = False


class Told(NamedTuple):
    """What everybody says of a window."""

    readings: int
    laeq_db: float
    lafmax_db: float

    def agrees(self, other: "Told") -> bool:
        """Whether both say the same, as far as levels are told."""
        return (
            self.readings == other.readings
            and abs(self.laeq_db - other.laeq_db) < ROUNDED_DB
            and abs(self.lafmax_db - other.lafmax_db) < ROUNDED_DB
        )


def events(devices: int, seconds: int) -> Iterator[Event]:
    """Second by second, all devices in turn; then some to close what is open."""
    behind = BEHIND * WINDOW_MS // 1000
    for seq in range(seconds + behind):
        for number in range(devices):
            mixed = number * 7919 + seq * 104729
            yield Event(
                device=f"pole-{number:05d}",
                seq=seq,
                at_ms=START_MS + seq * 1000,
                level_db=40.0 + mixed % 4000 / 100,
                label=LABELS[mixed % len(LABELS)],
                score=500 + mixed % 500,
                closing=seq >= seconds,
            )


def truth(made: Sequence[Event]) -> dict[tuple[str, int], Told]:
    """Each window that counts."""
    levels: dict[tuple[str, int], list[float]] = defaultdict(list)
    for event in made:
        if not event.closing:
            levels[event.device, event.at_ms // WINDOW_MS * WINDOW_MS].append(event.level_db)
    return {key: Told(len(them), leq(them), max(them)) for key, them in levels.items()}


def batches(made: Sequence[Event], size: int) -> Iterator[LabelledBatch]:
    """As they would be heard: each as soon as it is full."""
    waiting: dict[str, list[Event]] = defaultdict(list)
    for event in made:
        mine = waiting[event.device]
        mine.append(event)
        if len(mine) == size:
            yield _batch(mine)
            mine.clear()
    yield from (_batch(left) for left in waiting.values() if left)


def envelopes(made: Sequence[Event], size: int) -> Iterator[tuple[int, None, bytes]]:
    """Records of `readings.v1`, as the bridge packs them under load."""
    waiting: dict[int, list[LabelledBatch]] = defaultdict(list)
    for batch in batches(made, size):
        partition = topics.partition(batch.device)
        waiting[partition].append(batch)
        if len(waiting[partition]) == PACKED[size]:
            yield partition, None, encode(ReadingEnvelope(batches=tuple(waiting.pop(partition))))
    for partition, some in waiting.items():
        yield partition, None, encode(ReadingEnvelope(batches=tuple(some)))


def keyed(made: Sequence[Event], size: int) -> Iterator[tuple[int, str, bytes]]:
    """Records for the others: a batch each, by device."""
    for batch in batches(made, size):
        yield topics.partition(batch.device), batch.device, encode(batch)


def _batch(events_of_one: Sequence[Event]) -> LabelledBatch:
    first = events_of_one[0]
    started_at = datetime.fromtimestamp(first.at_ms / 1000, UTC)
    return LabelledBatch(
        site="harbour",
        device=first.device,
        session=f"01BENCH{int(first.device[5:]):019d}",
        first_seq=first.seq,
        started_at=started_at,
        clock="synced",
        calibration="benchmark",
        levels=tuple(_levels(event.level_db) for event in events_of_one),
        received_at=started_at + timedelta(seconds=len(events_of_one)),
        digest="0" * 32,
        model=_MODEL,
        labels=tuple({event.label: event.score} for event in events_of_one),
    )


def _levels(level_db: float) -> Levels:
    names = ("laeq_1s_db", "lceq_1s_db", "lzeq_1s_db", "lafmax_db", "lasmax_db", "lcpeak_db")
    return Levels(
        **dict.fromkeys(names, level_db), overload=False, floor=False, third_octaves_db=_BANDS
    )
