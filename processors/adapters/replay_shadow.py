"""The tables of one replay: rows as the live folds would write them, and where it stands."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from psycopg import AsyncCursor

from processors.adapters.replay_catalog import Connection
from processors.adapters.tables import TABLES
from processors.partitions import Key
from processors.replay_run import FoldReplay
from schemas.base import DeviceId, Frozen

_CHECKPOINT: Final = """
INSERT INTO checkpoint (program, topic, partition, next_offset, cluster_id, epoch)
VALUES (%(program)s, %(topic)s, %(partition)s, %(next_offset)s, %(cluster_id)s, %(epoch)s)
ON CONFLICT (program, topic, partition) DO UPDATE SET next_offset = excluded.next_offset"""
_STATES: Final = """
INSERT INTO fold_state (program, topic, partition, device, state)
SELECT %(program)s, %(topic)s, %(partition)s, device, state
FROM unnest(%(devices)s::text[], %(states)s::bytea[]) AS changed (device, state)
ON CONFLICT (program, topic, partition, device) DO UPDATE SET state = excluded.state"""
_KEPT: Final = "SELECT program, partition, next_offset, epoch FROM checkpoint"
_KEPT_STATES: Final = "SELECT program, device, state FROM fold_state WHERE partition = %s"


class Place(NamedTuple):
    """Where a fold stands in a partition, and in which log: that of this epoch of the live fold."""

    next_offset: int
    epoch: int


class Kept(NamedTuple):
    """Where each fold of a partition stands, with the states of its devices."""

    places: Mapping[str, Place]
    states: Mapping[str, Mapping[DeviceId, bytes]]


class Shadow:
    """Writes into the schema that the connection's search path names first."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def store(
        self, rows: Sequence[Frozen], key: Key, cluster_id: str, folds: Sequence[FoldReplay]
    ) -> None:
        """Upsert rows, and remember where the folds of a partition stand with them."""
        async with self._connection.transaction():
            await self.write(rows)
            await self.keep(key, cluster_id, folds)

    async def write(self, rows: Sequence[Frozen]) -> None:
        """Upsert rows; a loss of power may take the newest, not the order."""
        by_kind: dict[type[Frozen], list[Frozen]] = defaultdict(list)
        for row in rows:
            by_kind[type(row)].append(row)
        async with self._connection.transaction(), self._connection.cursor() as cursor:
            await cursor.execute("SET LOCAL synchronous_commit = off")
            for kind, same in by_kind.items():
                for table in TABLES[kind]:
                    await table.write(cursor, same)

    async def keep(self, key: Key, cluster_id: str, folds: Sequence[FoldReplay]) -> None:
        """Remember where the folds of a partition stand."""
        async with self._connection.transaction(), self._connection.cursor() as cursor:
            for fold in folds:
                place = {"program": fold.program, **key._asdict()}
                now = {"next_offset": fold.next_offset, "epoch": fold.epoch}
                await cursor.execute(_CHECKPOINT, {**place, **now, "cluster_id": cluster_id})
                states = fold.states()
                stored = {"devices": list(states), "states": list(states.values())}
                await cursor.execute(_STATES, {**place, **stored})

    async def places(self) -> Mapping[int, Mapping[str, Place]]:
        """Where each program stands, by partition."""
        found: dict[int, dict[str, Place]] = defaultdict(dict)
        async for program, partition, *place in await self._cursor(_KEPT):
            found[partition][program] = Place(*place)
        return found

    async def kept(self, partition: int) -> Kept:
        """What was remembered of a partition."""
        states: dict[str, dict[DeviceId, bytes]] = defaultdict(dict)
        async for program, device, state in await self._cursor(_KEPT_STATES, partition):
            states[program][device] = state
        return Kept((await self.places()).get(partition, {}), states)

    async def _cursor(self, query: str, *values: object) -> AsyncCursor[Any]:
        return await self._connection.execute(query.encode(), values)
