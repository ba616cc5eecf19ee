"""A whole replay: what is in the log, the empty shadow, all partitions, and that it is complete."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Final

from pydantic import Field

from processors.adapters import replay_catalog, replay_crew, replay_live, replay_source
from processors.adapters.offsets import opened_offsets
from processors.adapters.replay_job import Job, Tell, Told
from processors.adapters.replay_log import opened_replay_log
from processors.partitions import Key
from processors.replay import TOPICS, Request, check_reaches
from processors.settings import ProcessorSettings
from schemas import topics
from schemas.base import Frozen
from schemas.errors import BadConfig, Unavailable

_TELL_EVERY_S: Final = 5.0


class Progress(Frozen):
    """How far a replay is."""

    records: int
    of_records: int
    readings: int
    in_span: int
    unreadable: int
    covered_s: float
    elapsed_s: float
    cpu_s: float = Field(description="of this process")

    @property
    def readings_per_s(self) -> float:
        """Speed."""
        return self.readings / max(self.elapsed_s, 1e-6)

    @property
    def times_real_time(self) -> float:
        """Event time of a whole site that one second of ours replays."""
        return self.covered_s / max(self.elapsed_s, 1e-6)

    @property
    def left_s(self) -> float | None:
        """Time that the rest will take, at this speed."""
        if not self.records:
            return None
        return self.elapsed_s * (self.of_records - self.records) / self.records


Show = Callable[[Progress], None]


async def replay(
    settings: ProcessorSettings, request: Request, show: Show, *, processes: int = 1
) -> Progress:
    """Replay a span into a shadow of its own.

    Raises
    ------
    LogGap
        If retention has removed what is needed.
    BadConfig
        If there is a replay of that name, nothing in the span, or a reading of a site that is no
        more: then no shadow is left.
    Unavailable
        If Kafka or PostgreSQL is away.
    """
    replay_source.interpreter(settings, request.model)  # no shadow for a model that is not there
    jobs = await planned(settings, request)
    async with replay_catalog.opened(settings, request.name) as connection:
        await replay_catalog.claim(connection, request.name)
        await replay_catalog.create(connection, request, jobs[0].cluster_id)
        account = _Account(jobs, show)
        async with _told(connection, request.name, account):
            try:
                await _done_by(jobs, processes, account.tell)
            except BadConfig:
                await replay_catalog.drop(connection, request.name)
                raise
        done = account.progress()
        if not done.in_span:
            await replay_catalog.drop(connection, request.name)
            raise BadConfig(f"no readings between {_said(request)}")
        await replay_catalog.finish(connection, request.name, done.readings, done.unreadable)
    return done


async def _done_by(jobs: Sequence[Job], processes: int, tell: Tell) -> None:
    if processes == 1:
        await replay_crew.alone(jobs, tell)
    else:
        await replay_crew.together(jobs, processes, tell)


@asynccontextmanager
async def _told(
    connection: replay_catalog.Connection, name: str, account: "_Account"
) -> AsyncIterator[None]:
    """Say in the database, now and then, how far a replay is, for who watches over it."""
    done = asyncio.Event()

    async def tell() -> None:
        while not done.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(done.wait(), _TELL_EVERY_S)
            with suppress(Unavailable):  # if it stays away, the replay itself ends
                await replay_catalog.so_far(connection, name, account.progress().readings)

    telling = asyncio.create_task(tell())
    try:
        yield
    finally:
        done.set()
        await telling


async def planned(settings: ProcessorSettings, request: Request) -> Sequence[Job]:
    """Freeze what is to be read: a job for each partition."""
    keys = _keys(request)
    async with replay_catalog.opened(settings, request.name) as connection:
        live = await replay_live.places(connection, {key.partition for key in keys})
    epochs = await replay_live.epochs(settings, live)
    async with AsyncExitStack() as stack:
        log = await stack.enter_async_context(opened_replay_log(settings))
        offsets = await stack.enter_async_context(opened_offsets(settings))
        cluster_id = next(iter((await offsets.spans(keys[:1])).values())).cluster_id
        ticked = [key for key in keys if key.topic == TOPICS[request.source][0]]
        oldest = await log.oldest(ticked)
        check_reaches(
            request.log_begins_at,
            [
                one._replace(epoch=max(epochs.get(key.partition, {}).values(), default=0))
                for key, one in oldest.items()
            ],
        )
        slices = await log.slices(keys, request.log_begins_at)
    if all(part.begin == part.end for part in slices.values()):
        raise BadConfig(f"no readings between {_said(request)}")
    numbers = sorted({key.partition for key in keys})
    return [
        Job(
            settings,
            request,
            number,
            [(key, slices[key]) for key in keys if key.partition == number],
            cluster_id,
            epochs.get(number, {}),
        )
        for number in numbers
    ]


def _keys(request: Request) -> list[Key]:
    """Partitions that hold the devices of a request, of each topic that is read."""
    numbers = {topics.partition(device) for device in request.devices} or set(
        range(topics.PARTITIONS)
    )
    return [Key(topic, number) for topic in TOPICS[request.source] for number in sorted(numbers)]


def _said(request: Request) -> str:
    return f"{request.begin.isoformat()} and {request.end.isoformat()}"


class _Account:
    """Adds up what the partitions tell."""

    def __init__(self, jobs: Sequence[Job], show: Show) -> None:
        self._records = {job.partition: job.records for job in jobs}
        self._told: dict[int, Told] = {}
        self._show = show
        self._began_s = time.monotonic()
        self._began_cpu_s = time.process_time()

    def tell(self, told: Told) -> None:
        """Hear of a partition."""
        self._told[told.partition] = told
        self._show(self.progress())

    def progress(self) -> Progress:
        """All together."""
        told = self._told.values()
        return Progress(
            records=sum(one.records for one in told),
            of_records=sum(self._records.values()),
            readings=sum(one.readings for one in told),
            in_span=sum(one.in_span for one in told),
            unreadable=sum(one.unreadable for one in told),
            covered_s=self._covered_s(),
            elapsed_s=time.monotonic() - self._began_s,
            cpu_s=time.process_time() - self._began_cpu_s,
        )

    def _covered_s(self) -> float:
        """Mean over the partitions by their records; those that hold nothing do not count."""
        silent = {
            number
            for number, one in self._told.items()
            if not one.in_span and one.records == self._records[number]
        }
        weights = {n: records for n, records in self._records.items() if n not in silent}
        covered = sum(weights.get(n, 0) * one.covered_s for n, one in self._told.items())
        return covered / max(1, sum(weights.values()))
