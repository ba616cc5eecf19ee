"""Where the live folds are, for a replay of the log that they have heard."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Final, LiteralString

from psycopg import errors

from processors.adapters.offsets import opened_offsets
from processors.adapters.postgres import unavailable
from processors.adapters.replay_catalog import Connection
from processors.partitions import Checkpoint, Key
from processors.replay import PROGRAMS, epoch_of
from processors.settings import ProcessorSettings
from schemas import topics
from schemas.errors import BadConfig

Live = Mapping[int, Mapping[str, Checkpoint]]
"""Checkpoint of each program, by partition of `readings.v1`."""

_LIVE: Final[LiteralString] = """
SELECT program, partition, next_offset, cluster_id, epoch, version, updated_at
FROM public.checkpoint
WHERE topic = %s AND program = ANY (%s) AND partition = ANY (%s)
ORDER BY program, topic, partition"""
_WAIT: Final = "SET LOCAL lock_timeout = '10s'"


async def places(connection: Connection, partitions: Collection[int]) -> Live:
    """Where the live folds of these partitions are."""
    with unavailable():
        return await _places(connection, _LIVE, partitions)


async def held(connection: Connection, partitions: Collection[int]) -> Live:
    """Hold them there for the rest of the transaction; BadConfig if they do not let us."""
    with unavailable():
        await connection.execute(_WAIT)
        try:
            return await _places(connection, _LIVE + " FOR UPDATE", partitions)
        except errors.LockNotAvailable:
            raise BadConfig("the live folds commit too slowly: try again") from None


async def _places(
    connection: Connection, query: LiteralString, partitions: Collection[int]
) -> Live:
    asked: Sequence[object] = (topics.READINGS, list(PROGRAMS), list(partitions))
    found: dict[int, dict[str, Checkpoint]] = defaultdict(dict)
    async for program, partition, *rest in await connection.execute(query, asked):
        found[partition][program] = Checkpoint(*rest)
    return found


async def epochs(settings: ProcessorSettings, live: Live) -> Mapping[int, Mapping[str, int]]:
    """Which log each live fold is at, or will be once it looks: see `replay.epoch_of`."""
    if not live:
        return {}
    keys = {number: Key(topics.READINGS, number) for number in live}
    async with opened_offsets(settings) as offsets:
        spans = await offsets.spans(keys.values())
    return {
        number: {
            program: epoch_of(keys[number], there, spans[keys[number]])
            for program, there in folds.items()
        }
        for number, folds in live.items()
    }
