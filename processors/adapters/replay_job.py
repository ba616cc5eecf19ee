"""One partition of a replay: read, fold, write into the shadow, remember where it stands."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Protocol
from zoneinfo import ZoneInfo

from processors import alerts, registry, windows
from processors.adapters.replay_log import Slice
from processors.adapters.replay_shadow import Kept
from processors.adapters.replay_source import Source
from processors.folds import Fold
from processors.partitions import Key
from processors.replay import Request, Span
from processors.replay_run import FoldReplay, PartitionReplay
from processors.settings import ProcessorSettings
from schemas.adapters import text_file
from schemas.base import Frozen, SiteId
from schemas.errors import BadConfig

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
    epochs : mapping of str to int
        Of the live programs in this partition; 0 of those that have none.
    """

    settings: ProcessorSettings
    request: Request
    partition: int
    parts: Sequence[tuple[Key, Slice]]
    cluster_id: str
    epochs: Mapping[str, int] = field(default_factory=dict)

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

    def after(self, partition: PartitionReplay, applied: Sequence[bool]) -> "Told":
        """Some records later; those that nobody can read were not applied."""
        return Told(
            self.partition,
            self.records + len(applied),
            partition.readings,
            partition.in_span,
            partition.covered_s,
            self.unreadable + applied.count(False),
        )


class Sink(Protocol):
    """Where rows go, and where the folds of a partition stand."""

    async def store(
        self, rows: Sequence[Frozen], key: Key, cluster_id: str, folds: Sequence[FoldReplay]
    ) -> None:
        """Upsert rows, and remember where the folds of a partition stand with them: both or none.

        Who goes on from there hears nothing twice.
        """


Tell = Callable[[Told], None]


def folds_of(settings: ProcessorSettings, request: Request) -> Sequence[Fold[Any]]:
    """The live programs, under the rules of a replay.

    They raise BadConfig at a reading of a site that is no more in the sites file.
    """
    sites = registry.parse(text_file.read(settings.sites_file), str(settings.sites_file))
    return windows.fold(_Zones(sites.zones)), alerts.fold(request.rules)


class _Zones(dict[SiteId, ZoneInfo]):
    """Time zones of the sites; its days would begin elsewhere where one is not known any more."""

    def get(self, site: SiteId, default: Any = None, /) -> Any:  # noqa: ANN401  # as of a dict
        if site and site not in self:  # a device that was never heard has none
            raise BadConfig(
                f"the log has readings of site {site}, which the sites file names no more:"
                " keep it there, without devices"
            )
        return super().get(site, default)


def from_kept(folds: Sequence[Fold[Any]], span: Span, kept: Kept) -> list[FoldReplay]:
    """All folds where they were left."""
    return [
        FoldReplay(fold, span, kept.states.get(fold.program, {}), *kept.places[fold.program])
        for fold in folds
    ]


async def replay_cold(
    job: Job, programs: Sequence[Fold[Any]], source: Source, sink: Sink, tell: Tell
) -> None:
    """Replay a partition from cold to where its slices end."""
    folds = [
        FoldReplay(fold, job.request.span, {}, epoch=job.epochs.get(fold.program, 0))
        for fold in programs
    ]
    end = max(part.end for _, part in job.parts)
    partition = PartitionReplay(folds, {fold.program: end for fold in folds}, job.request)
    await replay(job, partition, source, sink, tell)


async def replay(
    job: Job, partition: PartitionReplay, source: Source, sink: Sink, tell: Tell
) -> None:
    """Replay a partition; its folds may have heard some of it."""
    told = Told(job.partition)
    key = Key(job.parts[0][0].topic, job.partition)
    rows: list[Frozen] = []
    async for some in source.heard(job.parts):
        told = told.after(partition, [partition.apply(heard) for heard in some])
        rows += partition.taken()
        if len(rows) >= ROWS:
            await sink.store(rows, key, job.cluster_id, partition.folds)
            rows = []
        tell(told)
        await asyncio.sleep(0)  # Kafka's heartbeat and Ctrl-C have their turn
    partition.finish()
    await sink.store(rows, key, job.cluster_id, partition.folds)
