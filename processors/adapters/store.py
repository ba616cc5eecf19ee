"""The durable store on PostgreSQL: everything of a commit in one transaction."""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from datetime import date
from typing import Any, Final, LiteralString, Self

from psycopg import AsyncConnection, AsyncCursor

from processors.adapters import outbox, window_store
from processors.adapters.durable_ports import Stored, TakenOver
from processors.adapters.postgres import connected, unavailable
from processors.adapters.tables import TABLES, days_of
from processors.partitions import Checkpoint, Commit, Key
from processors.settings import ProcessorSettings
from processors.window_book import Book
from schemas.base import DeviceId, Frozen
from schemas.errors import BadConfig, Unavailable

Cursor = AsyncCursor[Any]

_CHECKPOINTS: Final = """
SELECT topic, partition, next_offset, cluster_id, epoch, version, updated_at, promotions
FROM checkpoint
JOIN unnest(%(topics)s::text[], %(partitions)s::integer[]) AS wanted (topic, partition)
    USING (topic, partition)
WHERE program = %(program)s ORDER BY topic, partition"""
_STATES: Final = """
SELECT topic, partition, device, state FROM fold_state
JOIN unnest(%(topics)s::text[], %(partitions)s::integer[]) AS wanted (topic, partition)
    USING (topic, partition)
WHERE program = %(program)s ORDER BY device"""
_CLAIM: Final = """
INSERT INTO checkpoint (program, topic, partition, next_offset, cluster_id, epoch, version)
VALUES (%(program)s, %(topic)s, %(partition)s, %(next_offset)s, %(cluster_id)s, %(epoch)s, 1)
ON CONFLICT (program, topic, partition) DO UPDATE SET
    next_offset = excluded.next_offset, cluster_id = excluded.cluster_id, epoch = excluded.epoch,
    version = checkpoint.version + 1, updated_at = clock_timestamp()
WHERE checkpoint.version = %(version)s
RETURNING version"""
_ADVANCE: Final = """
UPDATE checkpoint SET next_offset = now.next_offset, version = now.version,
    updated_at = clock_timestamp()
FROM unnest(%(topics)s::text[], %(partitions)s::integer[], %(offsets)s::bigint[],
    %(versions)s::integer[]) AS now (topic, partition, next_offset, version)
WHERE program = %(program)s AND checkpoint.topic = now.topic
    AND checkpoint.partition = now.partition"""
_STATE: Final = """
INSERT INTO fold_state (program, topic, partition, device, state)
SELECT %(program)s, topic, partition, device, state
FROM unnest(%(topics)b::text[], %(partitions)b::integer[], %(devices)b::text[],
    %(states)b::bytea[]) AS changed (topic, partition, device, state)
ON CONFLICT (program, topic, partition, device) DO UPDATE SET state = excluded.state"""
_LOCK_WAIT: Final = "SELECT set_config('lock_timeout', %s, false)"

LOCK_WAIT_S: Final = 5.0
"""Who waits for longer, as while a replay is promoted, says so and tries again."""


class PostgresStore:
    """One connection to PostgreSQL, made again when it is lost."""

    def __init__(self, settings: ProcessorSettings, lock_wait_s: float = LOCK_WAIT_S) -> None:
        self._settings = settings
        self._lock_wait_s = lock_wait_s
        self._connection: AsyncConnection[Any] | None = None
        self._let_in = False
        self._days: set[date] = set()
        self._book = Book()
        self._promotions: dict[Key, int] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._drop()

    async def load(self, program: str, keys: Iterable[Key]) -> Stored:
        """Checkpoint and states of each partition."""
        wanted = list(keys)
        asked = _asked(program, wanted)
        async with self._transaction() as cursor:
            checkpoints = await _checkpoints(cursor, _CHECKPOINTS, asked)
            await cursor.execute(_STATES, asked)
            states: dict[Key, dict[DeviceId, bytes]] = defaultdict(dict)
            async for topic, partition, device, state in cursor:
                states[Key(topic, partition)][device] = state
        return {key: (checkpoints.get(key), states[key]) for key in wanted}

    async def claim(self, program: str, key: Key, checkpoint: Checkpoint) -> Checkpoint:
        """Write a starting point with its next version."""
        self._book = Book()  # others may have written since
        given = {"program": program, **key._asdict(), **asdict(checkpoint)}
        async with self._transaction() as cursor:
            await cursor.execute(_CLAIM, given)
            written = await cursor.fetchone()
        if written is None:
            raise TakenOver(f"{program}: {key.topic}/{key.partition} was claimed meanwhile")
        return replace(checkpoint, version=written[0])

    async def commit(self, program: str, commits: Sequence[Commit]) -> None:
        """Make all commits true in one transaction."""
        rows: Sequence[Frozen] = [row for commit in commits for row in commit.rows]
        await self._ensure_partitions(days_of(rows))
        async with self._transaction() as cursor:
            asked = _asked(program, [commit.key for commit in commits])
            held = await _checkpoints(cursor, _CHECKPOINTS + " FOR UPDATE OF checkpoint", asked)
            if all(held.get(commit.key) == commit.after for commit in commits):
                return  # the answer to this very commit was lost
            _check_holder(program, held, commits)
            self._look_for_promotions(held)
            messages = [message for commit in commits for message in commit.messages]
            rows, told = await window_store.resolved(cursor, self._book, rows, messages)
            await _write_rows(cursor, rows)
            await _advance(cursor, program, commits)
            await outbox.add(cursor, told)

    def _look_for_promotions(self, held: Mapping[Key, Checkpoint]) -> None:
        """Forget rows if a replay has taken the place of any since the last commit."""
        now = {key: checkpoint.promotions for key, checkpoint in held.items()}
        if any(self._promotions.get(key, count) != count for key, count in now.items()):
            self._book = Book()
        self._promotions.update(now)

    async def _ensure_partitions(self, days: set[date]) -> None:
        """Daily partitions; apart, since the lock they take must not be held with others."""
        if missing := sorted(days - self._days):
            async with self._transaction() as cursor:
                await cursor.execute("SELECT ensure_reading_partitions(%s::date[])", (missing,))
            self._days.update(missing)

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Cursor]:
        with unavailable():
            if self._connection is None:
                self._connection = await self._connected()
            try:
                async with self._connection.transaction(), self._connection.cursor() as cursor:
                    yield cursor
            except BaseException:
                self._book = Book()  # what it remembers was not stored
                if self._connection.broken or self._connection.closed:
                    await self._drop()
                raise

    async def _connected(self) -> AsyncConnection[Any]:
        try:
            with unavailable():
                connection = await connected(self._settings)
        except BadConfig as refused:
            if self._let_in:  # its roles are being restored
                raise Unavailable(str(refused)) from None
            raise
        self._let_in = True
        with unavailable():
            await connection.execute(_LOCK_WAIT, (f"{round(1000 * self._lock_wait_s)}ms",))
        return connection

    async def _drop(self) -> None:
        if self._connection is not None:
            await self._connection.close()
            self._connection = None


def _asked(program: str, keys: Sequence[Key]) -> Mapping[str, object]:
    return {
        "program": program,
        "topics": [key.topic for key in keys],
        "partitions": [key.partition for key in keys],
    }


async def _checkpoints(
    cursor: Cursor, query: LiteralString, asked: Mapping[str, object]
) -> Mapping[Key, Checkpoint]:
    await cursor.execute(query, asked)
    return {Key(row[0], row[1]): Checkpoint(*row[2:]) async for row in cursor}


def _check_holder(program: str, held: Mapping[Key, Checkpoint], commits: Sequence[Commit]) -> None:
    for commit in commits:
        if held.get(commit.key) != commit.before:
            raise TakenOver(
                f"{program}: {commit.key.topic}/{commit.key.partition} is at "
                f"{held.get(commit.key)}, not at {commit.before}"
            )


async def _write_rows(cursor: Cursor, rows: Iterable[Frozen]) -> None:
    by_kind: dict[type[Frozen], list[Frozen]] = defaultdict(list)
    for row in rows:
        by_kind[type(row)].append(row)
    for kind in sorted(by_kind, key=lambda kind: kind.__name__):
        for table in TABLES[kind]:
            await table.write(cursor, by_kind[kind])


async def _advance(cursor: Cursor, program: str, commits: Sequence[Commit]) -> None:
    states = [(one.key, *state) for one in commits for state in one.states.items()]
    if states:
        keys, devices, stored = zip(*states, strict=True)
        changed = {"devices": list(devices), "states": list(stored)}
        await cursor.execute(_STATE, {**_asked(program, keys), **changed})
    now = {
        "offsets": [commit.after.next_offset for commit in commits],
        "versions": [commit.after.version for commit in commits],
    }
    await cursor.execute(_ADVANCE, {**_asked(program, [one.key for one in commits]), **now})
