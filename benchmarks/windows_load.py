"""The job of the windows benchmark: the same readings for everybody, and what must come of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final

from aiokafka import AIOKafkaProducer

from schemas import topics
from schemas.base import LabelScores
from schemas.codec import encode
from schemas.envelopes import LabelledBatch, ReadingEnvelope
from schemas.messages import Levels

BEGAN_AT: Final = datetime(2026, 5, 4, 10, 0, tzinfo=UTC)
BASE_S: Final = 10
LATE_S: Final = 2
_BANDS: Final = 25
_KINDS: Final = 500


@dataclass(frozen=True)
class Load:
    """How much: every device is heard for so long, in batches of so many readings.

    Attributes
    ----------
    devices, seconds : int
        400 thousand readings by default.
    size : int
        Readings in a batch, 1 to 60.
    packed : int
        Batches in an envelope, as many as were waiting at the bridge: 1 to 64.
    """

    devices: int = 2000
    seconds: int = 200
    size: int = 1
    packed: int = 1

    @property
    def readings(self) -> int:
        """Number of readings."""
        return self.devices * self.seconds

    @property
    def windows(self) -> int:
        """Number of base windows that become final."""
        return self.devices * ((self.seconds - LATE_S) // BASE_S)


def batches(load: Load) -> Iterator[LabelledBatch]:
    """Batches in the order in which a bridge would hear them."""
    chance = Random(7)  # noqa: S311  # the same for everybody, not a secret
    known = [_levels(chance) for _ in range(_KINDS)]
    labels = [_labels(chance) for _ in range(_KINDS)]
    for first_seq in range(0, load.seconds, load.size):
        count = min(load.size, load.seconds - first_seq)
        for device in range(load.devices):
            at = [chance.randrange(_KINDS) for _ in range(count)]
            started_at = BEGAN_AT + timedelta(seconds=first_seq)
            yield LabelledBatch.model_construct(
                version=1,
                site="harbour",
                device=f"device-{device:04d}",
                session=f"01BENCH{device:019d}",
                first_seq=first_seq,
                started_at=started_at,
                clock="synced",
                calibration="simulated",
                levels=tuple(known[n] for n in at),
                received_at=started_at + timedelta(seconds=count),
                digest=f"{first_seq:032x}",
                model="street8-0.3.0@0123456789ab",
                labels=tuple(labels[n] for n in at),
            )


def records(load: Load) -> Iterator[tuple[int, bytes]]:
    """Partition and value of each record of `readings.v1`."""
    waiting: dict[int, list[LabelledBatch]] = {}
    for batch in batches(load):
        partition = topics.partition(batch.device)
        some = waiting.setdefault(partition, [])
        some.append(batch)
        if len(some) == load.packed:
            yield partition, encode(ReadingEnvelope.model_construct(batches=tuple(some)))
            some.clear()
    for partition, some in waiting.items():
        if some:
            yield partition, encode(ReadingEnvelope.model_construct(batches=tuple(some)))


async def prepare(bootstrap: str, load: Load) -> int:
    """Fill `readings.v1`, which must exist; how many records that took."""
    count = 0
    producing = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", linger_ms=50)
    async with producing as producer:
        for partition, value in records(load):
            await producer.send(topics.READINGS, value, partition=partition)
            count += 1
        await producer.flush()
    return count


def _levels(chance: Random) -> Levels:
    laeq_db = round(chance.uniform(45, 85), 2)
    bands: Sequence[float] = [round(laeq_db - chance.uniform(5, 30), 2) for _ in range(_BANDS)]
    return Levels(
        laeq_1s_db=laeq_db,
        lceq_1s_db=round(laeq_db + 4.2, 2),
        lzeq_1s_db=round(laeq_db + 5.1, 2),
        lafmax_db=round(laeq_db + 6.3, 2),
        lasmax_db=round(laeq_db + 2.7, 2),
        lcpeak_db=round(laeq_db + 18.4, 2),
        overload=False,
        floor=False,
        third_octaves_db=tuple(bands),
    )


def _labels(chance: Random) -> LabelScores:
    """Traffic nearly always, sometimes something else, and what is not active."""
    scores = {"traffic": chance.randrange(400, 1000), "wind": chance.randrange(100, 500)}
    if chance.random() < 0.2:  # noqa: PLR2004  # a fifth
        scores[chance.choice(["siren", "birds", "dog_bark"])] = chance.randrange(300, 1000)
    return scores
