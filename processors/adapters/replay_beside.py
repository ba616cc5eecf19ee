"""Looks at a replay beside the live record, both as of the same place in the log."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final, TypeVar

from processors.adapters import replay_catalog, replay_live
from processors.adapters.postgres import unavailable
from processors.adapters.replay_catalog import Connection, Entry
from processors.adapters.replay_promote import Promotion
from processors.adapters.replay_shadow import Shadow
from processors.adapters.replay_source import opened_source
from processors.replay import Request
from processors.settings import ProcessorSettings
from schemas.errors import BadConfig, CityhumError

Found = TypeVar("Found")
Look = Callable[[Connection, Request], Awaitable[Found]]

_AS_OF_ONE_INSTANT: Final = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"


async def beside_live(
    settings: ProcessorSettings, name: str, look: Look[Found]
) -> tuple[Found, str]:
    """Let a replay catch up with the live folds, as a promotion does, and look at both.

    Nobody is held: live rows and checkpoints are stored together, so one instant of the database
    tells where the live rows of that instant are.

    Parameters
    ----------
    settings : ProcessorSettings
        Of the database and Kafka.
    name : str
        Of the replay.
    look : callable
        Asks the database for what is to be found. It may be called a second time.

    Returns
    -------
    found
        What `look` has found.
    str
        Why the replay cannot catch up, so that both are as of different places; else empty.

    Raises
    ------
    BadConfig
        If there is no such replay, or it is incomplete.
    """
    async with replay_catalog.opened(settings, name) as connection:
        entry = await replay_catalog.entry_of(connection, name)
        request = _complete(entry)
        try:
            return await _caught_up(settings, entry, connection, look), ""
        except CityhumError as error:
            async with _as_of_one_instant(connection):
                return await look(connection, request), str(error)


async def _caught_up(
    settings: ProcessorSettings, entry: Entry, connection: Connection, look: Look[Found]
) -> Found:
    request = _followed(entry)
    await replay_catalog.claim(connection, entry.name)
    async with opened_source(settings, request) as source:
        promotion = Promotion(settings, entry, request, connection, source)
        await promotion.begin()
        async with _as_of_one_instant(connection):
            there = await Shadow(connection).places()
            await promotion.catch_up_at_once(await replay_live.places(connection, there))
            return await look(connection, request)


@asynccontextmanager
async def _as_of_one_instant(connection: Connection) -> AsyncIterator[None]:
    with unavailable():
        async with connection.transaction():
            await connection.execute(_AS_OF_ONE_INSTANT)
            yield


def _complete(entry: Entry) -> Request:
    if entry.state == "incomplete":
        raise BadConfig(f"replay {entry.name} is incomplete: cityhum replay drop {entry.name}")
    return entry.asked


def _followed(entry: Entry) -> Request:
    """What was asked for; BadConfig if such a replay cannot go on as live does."""
    request = entry.asked
    if request.model is not None:
        raise BadConfig(f"replay {entry.name} heard model {request.model}, live did not")
    if entry.state != "complete":
        raise BadConfig(f"replay {entry.name} is {entry.state}")
    return request
