"""How a processor's servers and its work are: asked every few seconds, told as health."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from types import TracebackType
from typing import Any, Final, Protocol, Self

from psycopg import AsyncConnection

from processors.adapters.kafka import KafkaLog
from processors.adapters.postgres import connected, unavailable
from processors.adapters.standstill import Ends
from processors.partitions import Key
from processors.settings import ProcessorSettings
from schemas import metrics
from schemas.adapters.vitals import Vitals
from schemas.errors import Unavailable

KAFKA: Final = "kafka"
POSTGRES: Final = "postgres"
MQTT: Final = "mqtt"
WORK: Final = "work"

FOLD: Final = (KAFKA, POSTGRES, WORK)
CLASSIFY: Final = (KAFKA, WORK)
RELAY: Final = (KAFKA, POSTGRES, MQTT)
BRIDGE: Final = (KAFKA, MQTT)
"""What each needs from the start; a relay's targets join when they are known."""

Positions = Mapping[Key, int]


class Owner(Protocol):
    """What owns partitions."""

    @property
    def positions(self) -> Positions | None:
        """Next offset of each; None until they have been assigned."""


class DatabaseProbe:
    """PostgreSQL, over a connection of its own; an async context manager."""

    def __init__(self, settings: ProcessorSettings) -> None:
        self._settings = settings
        self._connection: AsyncConnection[Any] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._drop()

    async def ask(self) -> str:
        """Nothing to add; Unavailable if it does not answer."""
        try:
            with unavailable():
                if self._connection is None:
                    self._connection = await connected(self._settings)
                await self._connection.execute("SELECT 1")
        except BaseException:  # also one that came too late: its answer would be the next one's
            await self._drop()
            raise
        return ""

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()


async def watch_database(
    vitals: Vitals, settings: ProcessorSettings, stack: AsyncExitStack
) -> None:
    """Ask PostgreSQL from now on."""
    probe = await stack.enter_async_context(DatabaseProbe(settings))
    vitals.watch(POSTGRES, probe.ask)


def watch_log(vitals: Vitals, kafka: KafkaLog) -> None:
    """Ask Kafka from now on, through the log that is written to."""
    vitals.watch(KAFKA, kafka.ask)


def watch_link(vitals: Vitals, listening: Callable[[], bool]) -> None:
    """Ask from now on whether MQTT is there."""
    vitals.watch(MQTT, partial(_link, listening))


def watch_partitions(
    vitals: Vitals, program: str, topics: Sequence[str], owner: Owner, ends: Ends
) -> None:
    """Ask Kafka how far its topics go, and the work which partitions it owns."""
    anywhere = Key(topics[0], 0)
    vitals.watch(KAFKA, partial(_kafka, _Lag(program), owner, ends, anywhere))
    vitals.watch(WORK, partial(_work, owner))


async def _link(listening: Callable[[], bool]) -> str:
    if not listening():
        raise Unavailable("the broker is away")
    return ""


async def _kafka(lag: "_Lag", owner: Owner, ends: Ends, anywhere: Key) -> str:
    positions = owner.positions or {}
    found = await ends.ends([*positions] or [anywhere])
    return f"{lag.told(positions, found)} records behind" if positions else ""


async def _work(owner: Owner) -> str:
    if owner.positions is None:
        raise Unavailable("no partitions have been assigned yet")
    return f"{len(owner.positions)} partitions" if owner.positions else "stands by"


class _Lag:
    """The gauges of one program's partitions; those that it gave up are told no more."""

    def __init__(self, program: str) -> None:
        self._program = program
        self._told: set[Key] = set()

    def told(self, positions: Positions, ends: Mapping[Key, int]) -> int:
        """Set the gauges; how many records there are to come."""
        behind = {key: max(0, ends.get(key, at) - at) for key, at in positions.items()}
        for key in self._told - behind.keys():
            metrics.LAG_RECORDS.remove(self._program, key.topic, str(key.partition))
        for key, records in behind.items():
            metrics.LAG_RECORDS.labels(self._program, key.topic, str(key.partition)).set(records)
        self._told = set(behind)
        return sum(behind.values())
