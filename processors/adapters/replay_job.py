"""One partition of a replay: read, fold, write into the shadow, remember where it stands."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from processors import alerts, windows
from processors.adapters import replay_catalog, replay_source
from processors.adapters.replay_log import Slice
from processors.adapters.replay_shadow import Kept, Shadow
from processors.adapters.replay_source import Interpret
from processors.folds import Fold
from processors.partitions import Key
from processors.replay import Request
from processors.replay_run import FoldReplay, PartitionReplay
from processors.settings import ProcessorSettings

ROWS: Final = 20_000
"""In one transaction."""


@dataclass(frozen=True)
class Job:
    """What one process is to do; sent to it.

    Attributes
    ----------
    partition : int
        Of all topics that are read.
    parts : sequence of (Key, Slice)
        What is read of each topic.
    cluster_id : str
        Of the Kafka it lies in.
    """

    settings: ProcessorSettings
    request: Request
    partition: int
    parts: Sequence[tuple[Key, Slice]]
    cluster_id: str

    @property
    def records(self) -> int:
        """How many records are to be read."""
        return sum(part.end - part.begin for _, part in self.parts)


class Told(NamedTuple):
    """How far a partition is."""

    partition: int
    records: int = 0
    readings: int = 0
    in_span: int = 0
    covered_s: float = 0.0
    unreadable: int = 0


Tell = Callable[[Told], None]


def folds_of(request: Request) -> Sequence[Fold[Any]]:
    """The live programs, under the rules of a replay."""
    return windows.fold(), alerts.fold(request.rules)


def from_cold(request: Request) -> list[FoldReplay]:
    """All folds with no state."""
    return [FoldReplay(fold, request.span, {}) for fold in folds_of(request)]


def from_kept(request: Request, kept: Kept) -> list[FoldReplay]:
    """All folds where they were left."""
    return [
        FoldReplay(
            fold, request.span, kept.states.get(fold.program, {}), kept.next_offset[fold.program]
        )
        for fold in folds_of(request)
    ]


async def replay_cold(job: Job, interpret: Interpret, tell: Tell) -> None:
    """Replay a partition from cold to where its slices end."""
    folds = from_cold(job.request)
    end = max(part.end for _, part in job.parts)
    ends = {fold.program: end for fold in folds}
    async with replay_catalog.opened(job.settings, job.request.name) as connection:
        await replay(
            job, PartitionReplay(folds, ends, job.request), Shadow(connection), interpret, tell
        )


async def replay(
    job: Job, partition: PartitionReplay, shadow: Shadow, interpret: Interpret, tell: Tell
) -> None:
    """Replay a partition; its folds may have heard some of it."""
    records = unreadable = 0
    rows = []
    async for reads in replay_source.records(job.settings, job.parts):
        for heard in interpret(reads):
            if heard.envelope is None:
                unreadable += 1
            else:
                partition.apply(heard.offset, heard.envelope)
        records += len(reads)
        rows += partition.taken()
        if len(rows) >= ROWS:
            await shadow.write(rows)
            rows = []
        tell(
            Told(
                job.partition,
                records,
                partition.readings,
                partition.in_span,
                partition.covered_s,
                unreadable,
            )
        )
        await asyncio.sleep(0)  # Kafka's heartbeat and Ctrl-C have their turn
    await shadow.write(rows)
    partition.finish()
    await shadow.keep(Key(job.parts[0][0].topic, job.partition), job.cluster_id, partition.folds)
