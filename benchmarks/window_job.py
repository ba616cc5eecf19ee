"""The readings that everybody folds in `benchmarks.window_peers`, and the right windows."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

import orjson

from schemas import topics
from schemas.codec import encode
from schemas.envelopes import LabelledBatch, ReadingEnvelope
from schemas.messages import Levels

START_MS: Final = 1_777_888_800_000
WINDOW_MS: Final = 10_000
BEHIND: Final = 2
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

    def json(self) -> bytes:
        """As the others read it."""
        return orjson.dumps(
            {
                "device": self.device, "at_ms": self.at_ms, "at_s": self.at_ms / 1000,
                "level_db": self.level_db, "label": self.label, "score": self.score,
            }
        )  # fmt: skip


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


def truth(made: Sequence[Event]) -> dict[tuple[str, int], int]:
    """Readings in each window that counts."""
    return Counter(
        (event.device, event.at_ms // WINDOW_MS * WINDOW_MS) for event in made if not event.closing
    )


def envelopes(made: Sequence[Event], batch: int) -> Iterator[tuple[int, bytes]]:
    """The same as records of `readings.v1`: batches of some readings, some batches a record."""
    waiting: dict[int, list[LabelledBatch]] = {}
    by_device: dict[str, list[Event]] = {}
    for event in made:
        mine = by_device.setdefault(event.device, [])
        mine.append(event)
        if len(mine) == batch:
            yield from _joined(waiting, _batch(mine), max(1, 64 // batch))
            mine.clear()
    for left in by_device.values():
        if left:
            yield from _joined(waiting, _batch(left), 1)
    for partition, batches in waiting.items():
        if batches:
            yield partition, encode(ReadingEnvelope(batches=tuple(batches)))


def _joined(
    waiting: dict[int, list[LabelledBatch]], batch: LabelledBatch, at_once: int
) -> Iterator[tuple[int, bytes]]:
    partition = topics.partition(batch.device)
    batches = waiting.setdefault(partition, [])
    batches.append(batch)
    if len(batches) >= at_once:
        yield partition, encode(ReadingEnvelope(batches=tuple(batches)))
        batches.clear()


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
