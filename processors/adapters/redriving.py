"""Reads dead letters from Kafka, and appends again those that are good now."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Final

from pydantic import ValidationError

from processors import dead_letters, packing
from processors.adapters.kafka import opened_log
from processors.adapters.replay_log import Read, ReplayLog, opened_replay_log
from processors.partitions import Key
from processors.redrive import Letter, Redrive, Wanted
from processors.settings import ProcessorSettings
from schemas import topics

_WRITES: Final = (topics.FEATURES, topics.RESULTS, topics.INDICES)
_OLDEST: Final = datetime(1970, 1, 1, tzinfo=UTC)


async def found(settings: ProcessorSettings, wanted: Wanted) -> Sequence[Letter]:
    """The letters that are meant; of their originals, which are many, only whether they are kept.

    Raises
    ------
    Unavailable
        If Kafka does not answer.
    """
    async with opened_replay_log(settings) as log:
        return [
            letter._replace(original=letter.original and b"")
            async for some in _letters(log, wanted)
            for letter in some
        ]


async def redrive(settings: ProcessorSettings, wanted: Wanted, work: Redrive) -> None:
    """Append what is good now to the topics of the bridge; done when Kafka has it.

    Raises
    ------
    Unavailable
        If Kafka does not answer.
    """
    async with (
        opened_replay_log(settings) as log,
        opened_log(settings, _WRITES, topics.PARTITIONS) as outbox,
    ):
        async for some in _letters(log, wanted):
            records = packing.records(work.judged(some))
            for safe in [await outbox.append(record) for record in records]:
                await safe


async def _letters(log: ReplayLog, wanted: Wanted) -> AsyncIterator[Sequence[Letter]]:
    """Those of each partition in the order in which they came, some at a time."""
    keys = [Key(topics.DEAD_LETTERS, number) for number in range(topics.PARTITIONS)]
    for key, part in (await log.slices(keys, _OLDEST)).items():
        async for reads in log.records(key, part):
            letters = [letter for read in reads if (letter := _letter(read)) is not None]
            yield [letter for letter in letters if wanted.names(letter)]


def _letter(read: Read) -> Letter | None:
    try:
        return Letter(dead_letters.letter(read.headers), read.value)
    except (ValidationError, ValueError):  # none of ours
        return None
