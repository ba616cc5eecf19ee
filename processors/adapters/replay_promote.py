"""Puts a replay's rows in place of the live ones, as of exactly where the live folds are."""

from collections.abc import Mapping, Sequence
from typing import Final

from psycopg.sql import SQL, Identifier

from processors.adapters import replay_catalog, replay_live, replay_tables
from processors.adapters.postgres import unavailable
from processors.adapters.replay_catalog import Connection, Entry, schema_of
from processors.adapters.replay_edges import check_edges
from processors.adapters.replay_job import Job, Sink, folds_of, from_kept, replay
from processors.adapters.replay_live import Live
from processors.adapters.replay_log import Slice
from processors.adapters.replay_shadow import Shadow
from processors.adapters.replay_source import Source, opened_source
from processors.partitions import Checkpoint, Key
from processors.replay import Request
from processors.replay_run import FoldReplay, PartitionReplay
from processors.settings import ProcessorSettings
from schemas import topics
from schemas.base import Frozen
from schemas.errors import BadConfig

_DURABLY: Final = "SET LOCAL synchronous_commit = on"
_OPEN: Final = SQL("SELECT count(*) FROM {schema}.alert WHERE {inside} AND ended_at IS NULL")


async def promote(settings: ProcessorSettings, name: str) -> None:
    """Catch up with the live folds, hold them for a moment, and swap the span.

    Raises
    ------
    BadConfig
        If the replay is incomplete, was promoted, heard another model or another log, if a live
        fold is behind it, or an alert of the span has not ended or reaches over its edge.
    LogGap
        If retention has removed what came after it.
    """
    async with replay_catalog.opened(settings, name) as connection:
        entry = await replay_catalog.entry_of(connection, name)
        request = promotable(entry)
        await replay_catalog.claim(connection, name)
        async with opened_source(settings, request) as source:
            promotion = Promotion(settings, entry, request, connection, source)
            await promotion.begin()
            with unavailable():
                await promotion.swap()


def promotable(entry: Entry) -> Request:
    """What a replay was asked for; BadConfig if it may not take the place of the live record."""
    request = entry.asked
    if request.model is not None:
        raise BadConfig(
            f"replay {entry.name} heard model {request.model}: only one of readings.v1, whose"
            " labels are the live ones, can be promoted"
        )
    if entry.state != "complete":
        raise BadConfig(f"replay {entry.name} is {entry.state}: only a complete one is promoted")
    return request


class Promotion:
    """A replay on its way to where the live folds are, and into the live tables."""

    def __init__(
        self,
        settings: ProcessorSettings,
        entry: Entry,
        request: Request,
        connection: Connection,
        source: Source,
    ) -> None:
        self._settings = settings
        self._entry = entry
        self._request = request
        self._connection = connection
        self._source = source
        self._programs = folds_of(settings, request)

    async def begin(self) -> None:
        """Catch up without holding anybody; BadConfig if the log is another than it was."""
        shadow = Shadow(self._connection)
        live = await replay_live.places(self._connection, await shadow.places())
        now = await replay_live.epochs(self._settings, live)
        for number, folds in live.items():
            for program, there in folds.items():
                if there.epoch != now[number][program]:
                    raise BadConfig(_began_anew(_named(program, number)))
        await self.catch_up(live, shadow)

    async def catch_up(self, live: Live, sink: Sink) -> None:
        """Replay on to where the live folds are."""
        shadow = Shadow(self._connection)
        for partition in sorted(await shadow.places()):
            folds = from_kept(self._programs, self._request.span, await shadow.kept(partition))
            ends = self._ends(partition, folds, live.get(partition, {}))
            begin = min(fold.next_offset for fold in folds)
            part = Key(topics.READINGS, partition), Slice(begin, max(ends.values()))
            job = Job(self._settings, self._request, partition, [part], self._entry.cluster_id)
            partition_replay = PartitionReplay(folds, ends, self._request)
            await replay(job, partition_replay, self._source, sink, lambda _: None)

    async def catch_up_at_once(self, live: Live) -> None:
        """Replay on within the open transaction."""
        rest = _AtOnce(Shadow(self._connection))
        await self.catch_up(live, rest)
        await rest.finish()

    async def swap(self) -> None:
        """Hold the live folds where they are, take the rest, and swap."""
        async with self._connection.transaction():
            there = await Shadow(self._connection).places()
            await self.catch_up_at_once(await replay_live.held(self._connection, there))
            await self._check_all_ended()
            await check_edges(self._connection, self._request)
            await self._connection.execute(_DURABLY)
            await self._connection.execute("SELECT public.replay_swap(%s)", (self._entry.name,))

    def _ends(
        self, partition: int, folds: Sequence[FoldReplay], live: Mapping[str, Checkpoint]
    ) -> Mapping[str, int]:
        for fold in folds:
            there = live.get(fold.program)
            what = _named(fold.program, partition)
            if there is None:
                raise BadConfig(f"{what} has no checkpoint: cityhum work {fold.program}")
            if there.cluster_id != self._entry.cluster_id:
                raise BadConfig(f"{what} reads another Kafka than the replay did")
            if there.epoch != fold.epoch:
                raise BadConfig(_began_anew(what))
            if there.next_offset < fold.next_offset:
                raise BadConfig(
                    f"{what} is at offset {there.next_offset}, behind the replay, which"
                    f" is at {fold.next_offset}: try again when it has caught up"
                )
        return {program: there.next_offset for program, there in live.items()}

    async def _check_all_ended(self) -> None:
        (alerts,) = [
            one for one in await replay_tables.outputs(self._connection) if one.name == "alert"
        ]
        for schema in (replay_tables.LIVE, schema_of(self._entry.name)):
            query = _OPEN.format(schema=Identifier(schema), inside=alerts.inside(self._request))
            row = await (await self._connection.execute(query)).fetchone()
            if row and row[0]:
                raise BadConfig(
                    f"{row[0]} alerts of the span have not ended: promote it when they have"
                )


class _AtOnce:
    """Keeps rows until the end: a transaction fills each temporary table once only."""

    def __init__(self, shadow: Shadow) -> None:
        self._shadow = shadow
        self._rows: list[Frozen] = []

    async def store(
        self, rows: Sequence[Frozen], key: Key, cluster_id: str, folds: Sequence[FoldReplay]
    ) -> None:
        """Take rows; remember where the folds of a partition stand."""
        self._rows += rows
        await self._shadow.keep(key, cluster_id, folds)

    async def finish(self) -> None:
        """Write all rows."""
        await self._shadow.write(self._rows)


def _named(program: str, partition: int) -> str:
    return f"the live fold {program} of partition {partition}"


def _began_anew(what: str) -> str:
    return f"{what} reads a log that began anew, another than the replay did: replay it again"
