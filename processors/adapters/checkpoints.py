"""Where every fold is in the log, and a way on where the log has gone ahead of it."""

from collections.abc import Sequence
from typing import Any, Final, LiteralString, NamedTuple

import psycopg

from processors.adapters.offsets import opened_offsets
from processors.adapters.postgres import conninfo, unavailable
from processors.adapters.store import PostgresStore
from processors.partitions import Checkpoint, Key, Span, starting_point
from processors.settings import ProcessorSettings
from schemas.errors import LogGap

_ALL: Final[LiteralString] = """
SELECT program, topic, partition, next_offset, cluster_id, epoch, version, updated_at
FROM checkpoint ORDER BY program, topic, partition"""


class Place(NamedTuple):
    """A program's checkpoint in a partition, and what Kafka holds of that."""

    program: str
    key: Key
    checkpoint: Checkpoint
    span: Span

    @property
    def gone(self) -> int:
        """How many records were removed from the log before they were applied."""
        try:
            starting_point(self.key, self.checkpoint, self.span)
        except LogGap:
            return self.span.begin - self.checkpoint.next_offset
        return 0

    @property
    def waiting(self) -> int:
        """How many records are still to be applied."""
        if self.gone:
            return self.span.end - self.span.begin
        start = starting_point(self.key, self.checkpoint, self.span)
        return self.span.end - start.next_offset


async def places(settings: ProcessorSettings) -> Sequence[Place]:
    """Every program's place in every partition it has begun.

    Raises
    ------
    Unavailable
        If PostgreSQL or Kafka does not answer.
    """
    stored = _stored(settings)
    async with opened_offsets(settings) as offsets:
        spans = await offsets.spans({key for _, key, _ in stored})
    return [Place(program, key, checkpoint, spans[key]) for program, key, checkpoint in stored]


async def go_on(settings: ProcessorSettings, program: str) -> Sequence[Place]:
    """Let a program begin at the oldest record where what it needed is gone; those places."""
    stuck = [one for one in await places(settings) if one.program == program and one.gone]
    async with PostgresStore(settings) as store:
        for one in stuck:
            oldest = Checkpoint(
                one.span.begin,
                one.span.cluster_id,
                one.checkpoint.epoch,
                one.checkpoint.version,
            )
            await store.claim(program, one.key, oldest)
    return stuck


def _stored(settings: ProcessorSettings) -> Sequence[tuple[str, Key, Checkpoint]]:
    with unavailable(), psycopg.connect(conninfo(settings)) as connection:
        rows: list[tuple[Any, ...]] = connection.execute(_ALL).fetchall()
    return [(row[0], Key(row[1], row[2]), Checkpoint(*row[3:])) for row in rows]
