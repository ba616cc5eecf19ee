"""Outbox -> Kafka and MQTT: at least once, in order, and no target waits for another.

Only one relay serves a target at a time; further ones stand by. A delivery may come twice, with
the same alert id and revision.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Final, Protocol

from psycopg import AsyncConnection, AsyncCursor

from processors.adapters import figures, outbox
from processors.adapters.clock import utc_now
from processors.adapters.link import Link
from processors.adapters.outbox import Waiting
from processors.adapters.postgres import connected, unavailable
from processors.registry import Registry, placed
from processors.settings import ProcessorSettings
from processors.verdicts import Record
from schemas import cloud_events, topics
from schemas.codec import encode
from schemas.errors import BadConfig, Unavailable
from schemas.results import Alert, Window

_AT_ONCE: Final = 200
_LOOK_EVERY_S: Final = 5.0
_FIRST_WAIT_S: Final = 0.5
_LONGEST_WAIT_S: Final = 30.0
_MAY_BE_LOST: Final = timedelta(hours=1)
"""Mosquitto saves every 30 s; it may be gone again before it has, or be unable for a while."""
_FORGET_AFTER: Final = timedelta(days=1)
_FORGET_EVERY_S: Final = 600.0

log = logging.getLogger(__name__)


class Target(Protocol):
    """Somebody who is told."""

    name: str

    @property
    def link(self) -> Link | None:
        """Its connections, if it may forget what it has confirmed; None if it never does."""

    async def deliver(self, messages: Sequence[Alert | Window]) -> None:
        """Deliver all, in order; Unavailable if that is not certain."""


class Log(Protocol):
    """Where records go."""

    async def append(self, record: Record) -> Awaitable[object]:
        """Hand over a record; what comes back is done when it is safe."""


class KafkaTarget:
    """The public topics `alerts.v1` and `windows.v1`; `name` says which of them it serves."""

    link = None

    def __init__(self, name: str, log: Log) -> None:
        self.name = name
        self._log = log

    async def deliver(self, messages: Sequence[Alert | Window]) -> None:
        """Append all; done when Kafka has them."""
        safe = [await self._log.append(record_of(message)) for message in messages]
        for one in safe:
            await one


def record_of(message: Alert | Window) -> Record:
    """Public record of a message; a device keeps its partition."""
    partition, value = topics.partition(message.device), encode(message)
    if isinstance(message, Window):
        return Record(topics.WINDOWS, partition, message.device.encode(), value)
    key = str(message.alert_id).encode()
    return Record(topics.ALERTS, partition, key, value, cloud_events.kafka_headers(message))


class Placed:
    """A target that is told where alerts are."""

    def __init__(self, target: Target, registry: Registry) -> None:
        self.name = target.name
        self.link = target.link
        self._target = target
        self._registry = registry

    async def deliver(self, messages: Sequence[Alert | Window]) -> None:
        """Deliver all with their coordinates."""
        await self._target.deliver([placed(message, self._registry) for message in messages])


class Relay:
    """Tells one target what waits for it."""

    def __init__(self, settings: ProcessorSettings, target: Target) -> None:
        self.name = target.name
        self._settings = settings
        self._target = target
        self._state = ""
        self._failing = "has not begun"

    async def run(self) -> None:
        """Tell the target for ever; a database or target that is away is waited for."""
        wait_s = _FIRST_WAIT_S
        while True:
            try:
                async with self._serving() as connection:
                    async for told in _told(connection, self._target):
                        self._failing = ""
                        figures.delivered(self.name, told, utc_now())
                        wait_s = _FIRST_WAIT_S
            except Unavailable as error:
                self._failing = str(error)
                extra = {"target": self.name, "why": str(error), "again_in_s": wait_s}
                log.warning("relay_waiting", extra=extra)
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)

    async def ask(self) -> str:
        """Whether it serves its target or stands by; Unavailable if it can do neither."""
        if self._failing:
            raise Unavailable(self._failing)
        return self._state

    @asynccontextmanager
    async def _serving(self) -> AsyncIterator[AsyncConnection[Any]]:
        """Connect, and wait until no other relay serves this target; listen for new messages."""
        connection = await self._connected()
        with unavailable():
            async with connection:
                if not await outbox.claimed(connection, self.name):
                    self._failing, self._state = "", "stands by: another relay serves it"
                    await outbox.claim(connection, self.name)
                await connection.execute(f"LISTEN {outbox.CHANNEL}")
                log.info("relay_serving", extra={"target": self.name})
                self._state = "serves it"
                yield connection

    async def _connected(self) -> AsyncConnection[Any]:
        """Connect; who was let in before is patient: roles are being restored."""
        try:
            with unavailable():
                return await connected(self._settings)
        except BadConfig as error:
            if not self._state:
                raise
            raise Unavailable(str(error)) from None


async def _told(
    connection: AsyncConnection[Any], target: Target
) -> AsyncIterator[Sequence[Alert | Window]]:
    """Deliver what waits, then wait for more; yields it each time, be it nothing."""
    reminded = 0
    while True:
        async with connection.cursor() as cursor:
            waiting = await outbox.waiting(cursor, target.name, _AT_ONCE)
            link = target.link
            if link and link.number != reminded and (waiting or link.is_up):
                reminded = link.number  # as it is before: one that ends meanwhile counts anew
                await _remind(cursor, target)
            if waiting:
                await _deliver(cursor, target, waiting)
        yield [one.message for one in waiting]
        if len(waiting) < _AT_ONCE:
            await _more(connection)


async def _deliver(cursor: AsyncCursor[Any], target: Target, waiting: Sequence[Waiting]) -> None:
    ids = [one.id for one in waiting]
    try:
        await target.deliver([one.message for one in waiting])
    except Unavailable:
        await outbox.failed(cursor, target.name, ids)
        raise
    await outbox.delivered(cursor, target.name, ids)


async def _remind(cursor: AsyncCursor[Any], target: Target) -> None:
    """Tell a target once more what it may have forgotten."""
    told = await outbox.told_last(cursor, target.name, _MAY_BE_LOST, _FORGET_AFTER)
    for first in range(0, len(told), _AT_ONCE):
        await target.deliver([one.message for one in told[first : first + _AT_ONCE]])
    if told:
        log.info("relay_reminded", extra={"target": target.name, "alerts": len(told)})


async def _more(connection: AsyncConnection[Any]) -> None:
    """Wait for a notification; look anyway after a while, for a delivery that failed."""
    async for _ in connection.notifies(timeout=_LOOK_EVERY_S, stop_after=1):
        pass


async def forget(settings: ProcessorSettings) -> None:
    """Delete what everybody was told a day ago, now and then, for ever."""
    while True:
        try:
            with unavailable():
                async with await connected(settings) as connection, connection.cursor() as cursor:
                    await outbox.forget(cursor, _FORGET_AFTER)
        except (Unavailable, BadConfig) as error:  # a wrong password, `Relay` says at the start
            log.warning("forget_later", extra={"why": str(error)})
        await asyncio.sleep(_FORGET_EVERY_S)


async def serve(settings: ProcessorSettings, relays: Sequence[Relay], stop: asyncio.Event) -> None:
    """Tell every target until told to stop."""
    tasks = [
        *(asyncio.create_task(one.run(), name=one.name) for one in relays),
        asyncio.create_task(forget(settings), name="forget"),
    ]
    stopped = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait([*tasks, stopped], return_when=asyncio.FIRST_COMPLETED)
    for task in (*tasks, stopped):
        task.cancel()
    await asyncio.wait([*tasks, stopped])
    for task in done - {stopped}:
        task.result()  # they never end by themselves: this raises what has ended it
