"""Everything that knows Faust: it brings workers, the group and rebalancing, and nothing else.

Its tables, windows, batching and acknowledgements lose or double data under failures, so records
leave it as raw bytes, and where to read on is decided by us, at every assignment.
"""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, NoReturn, Protocol, cast

import faust
from faust.streams import Stream
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, EventT, Message, StreamT

from processors import dead_letters
from processors.adapters import kafka_login
from processors.adapters.durable_ports import Received
from processors.partitions import Key
from processors.settings import ProcessorSettings
from schemas import topics
from schemas.errors import BadConfig, LogGap, NewerMessage

EXIT_FAILED: Final = 70
_STOP_WITHIN_S: Final = 4.0
_COMMIT_WITHIN_S: Final = 4.0

log = logging.getLogger(__name__)
_faust_log = logging.getLogger("faust.app")


class Work(Protocol):
    """What a worker does with its partitions."""

    async def assign(self, positions: Mapping[Key, int]) -> Mapping[Key, int]:
        """Begin anew with these partitions; answer where else to read on."""

    async def revoke(self) -> None:
        """Give the partitions up."""

    async def receive(self, records: AsyncIterator[Received]) -> None:
        """Take records as they come."""

    async def run(self) -> None:
        """Work for ever."""

    async def watch(self) -> Sequence[Key]:
        """Return partitions that stand still, once any do."""

    async def close(self) -> None:
        """Finish what was begun."""


class App(faust.App):
    """A Faust application without anything on disk."""

    logger = _faust_log
    work: Work

    def _create_directories(self) -> None:
        """Make none: they would be for tables."""


class Consumer(driver.Consumer):
    """Reads on where the work says: the only place where a seek lasts through Faust's recovery."""

    app: App
    logger = _faust_log

    async def perform_seek(self) -> None:
        """Go to the group's offsets, then to those of the work."""
        await super().perform_seek()
        positions = {
            Key(tp.topic, tp.partition): await self.position(tp) or 0 for tp in self.assignment()
        }
        try:
            begins = await self.app.work.assign(positions)
        except Exception as error:  # noqa: BLE001  # Faust would only log it
            leave(error)
        for key, offset in begins.items():
            tp = TP(*key)
            await self.seek(tp, offset)
            self._read_offset[tp] = offset
            self._committed_offset[tp] = offset
        log.info("assigned", extra={"partitions": len(positions)})


class Transport(driver.Transport):
    """Kafka, through our consumer."""

    Consumer = Consumer


class Worker(faust.Worker):
    """A worker that leaves signals and logs alone."""

    logger = _faust_log

    def install_signal_handlers(self) -> None:
        """Install none: we stop in our own order."""


class _Event:
    """A record in Faust's hands."""

    __slots__ = ("_event", "key", "offset", "value")

    def __init__(self, event: EventT[bytes]) -> None:
        message = event.message
        self.key = Key(message.topic, message.partition)
        self.offset: int = message.offset
        self.value = _read(message, event.value)
        self._event = event
        message.value = None  # else every payload would be kept until it is acknowledged

    def ack(self) -> None:
        self._event.ack()


def _read(message: Message, value: bytes | None) -> bytes:
    """What a program reads: of a dead letter what is said of it, since it could not be read."""
    if message.topic == topics.DEAD_LETTERS:
        return dead_letters.told(cast("Iterable[tuple[str, bytes]]", message.headers or ()))
    return value or b""  # a tombstone is none of our messages


def application(program: str, read: Sequence[str], settings: ProcessorSettings, work: Work) -> App:
    """Build the application of one program: a group that reads some topics as raw bytes."""
    brokers = ";".join(f"kafka://{host}" for host in settings.kafka_bootstrap.split(","))
    app = App(
        f"cityhum-{program}", broker=brokers, broker_credentials=_login(settings), **_SETTINGS
    )
    app.transport = Transport(app.conf.broker_consumer, app)
    app.work = work
    raw = app.topic(
        *read, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw"
    )

    @app.agent(raw, name=program)
    async def receive(stream: StreamT[bytes]) -> None:
        await _unharmed(work.receive(_events(stream)))

    @app.on_partitions_revoked.connect
    async def revoke(*_: object, **__: object) -> None:
        await _unharmed(work.revoke())

    @app.on_partitions_assigned.connect
    async def stand_by(_: object, /, *assigned: object, **__: object) -> None:
        if not any(assigned):  # Faust seeks nothing then, so nobody would tell the work
            await work.assign({})

    return app


def _login(settings: ProcessorSettings) -> faust.SASLCredentials | None:
    login = kafka_login.of_client(settings)
    if not login:
        return None
    return faust.SASLCredentials(
        username=login["sasl_plain_username"],
        password=login["sasl_plain_password"],
        mechanism=login["sasl_mechanism"],
        ssl_context=login["ssl_context"],
    )


_SETTINGS: Final[Mapping[str, Any]] = {
    "autodiscover": False,
    "broker_commit_interval": 1,
    "broker_heartbeat_interval": 1.5,
    "broker_rebalance_timeout": 15,
    "broker_session_timeout": 6,  # the time until others take over from a worker that was killed
    "consumer_auto_offset_reset": "earliest",
    # of a partition: what is fetched is worked off before the next has its turn, and unpacked it is
    # three times as much
    "consumer_max_fetch_size": 2 * 1024 * 1024,
    # who found no topics in an emptied Kafka gets partitions as soon as they are made again
    "consumer_metadata_max_age_ms": 10_000,
    "stream_buffer_maxsize": 1024,
    "stream_wait_empty": False,
    "table_standby_replicas": 0,
    "topic_allow_declare": False,
    "topic_disable_leader": True,
    "web_enabled": False,
    "worker_redirect_stdouts": False,
}

_LOG_LEVELS: Final = {
    "aiokafka": logging.CRITICAL,  # ten lines a second while Kafka is away: the watch says it once
    "faust": logging.WARNING,
    "mode": logging.WARNING,
}


async def serve(app: App, stop: asyncio.Event) -> None:
    """Work until told to stop; then finish within 10 s. Any failure ends the process at once."""
    for talkative, level in _LOG_LEVELS.items():
        logging.getLogger(talkative).setLevel(level)
    worker = Worker(app, override_logging=False, quiet=True, loop=asyncio.get_running_loop())
    worker.spinner = None  # it would draw on standard output
    running = [
        asyncio.create_task(_unharmed(worker.start()), name="faust"),
        asyncio.create_task(_unharmed(app.work.run()), name="work"),
        asyncio.create_task(_unharmed(_watched(app.work)), name="watch"),
    ]
    stopped = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait([*running, stopped], return_when=asyncio.FIRST_COMPLETED)
    if stopped not in done:
        leave(RuntimeError(f"{next(iter(done)).get_name()} ended by itself"))
    with suppress(TimeoutError):
        async with asyncio.timeout(_COMMIT_WITHIN_S):
            await app.work.close()
    with suppress(TimeoutError):
        async with asyncio.timeout(_STOP_WITHIN_S):
            await worker.stop()
    for task in running:
        task.cancel()
    await asyncio.wait(running, timeout=1)


def leave(error: Exception) -> NoReturn:
    """End at once: nothing flushed, nothing acknowledged; what was not committed comes again."""
    if isinstance(error, BadConfig | LogGap | NewerMessage):
        log.critical("stopped", extra={"why": str(error)})
    else:
        log.critical("failed", exc_info=error)
    logging.shutdown()
    os._exit(2 if isinstance(error, BadConfig | LogGap) else EXIT_FAILED)


async def _unharmed(work: Awaitable[None]) -> None:
    """Let no error into Faust, which would acknowledge the event and go on."""
    try:
        await work
    except Exception as error:  # noqa: BLE001  # whatever it is, a fresh process is the way out
        leave(error)


async def _watched(work: Work) -> None:
    stuck = await work.watch()
    leave(RuntimeError(f"no progress in {[f'{key.topic}/{key.partition}' for key in stuck]}"))


async def _events(stream: StreamT[bytes]) -> AsyncIterator[Received]:
    async for event in cast("Stream[bytes]", stream).noack().events():
        yield _Event(event)


async def seek(app: App, key: Key, offset: int) -> None:
    """Read a partition on from an offset."""
    await app.consumer.seek(TP(*key), offset)
