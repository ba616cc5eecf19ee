"""`cityhum work notify`: targets of the file, each with a courier of its own."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Final

from processors.adapters.notify import targets, waiting
from processors.adapters.notify.book import TargetBook, Way
from processors.adapters.notify.courier import Courier
from processors.notify_words import Words
from processors.settings import ProcessorSettings
from schemas.errors import Unavailable

_FORGET_AFTER: Final = timedelta(days=90)
_FORGET_EVERY_S: Final = 3600.0
_LOOK_EVERY_S: Final = 2.0
_WAIT_S: Final = 2.0

log = logging.getLogger(__name__)


async def opened(settings: ProcessorSettings) -> TargetBook:
    """Whom we tell; waits for the database."""
    book = TargetBook(settings)
    while True:
        try:
            await book.know()
        except Unavailable as error:
            log.warning("waiting", extra={"why": str(error), "again_in_s": _WAIT_S})
            await asyncio.sleep(_WAIT_S)
        else:
            return book


async def serve(
    settings: ProcessorSettings,
    book: TargetBook,
    taking: Callable[[asyncio.Event], Awaitable[None]],
    stop: asyncio.Event,
) -> None:
    """Take events from the log and tell every target, until told to stop."""
    tasks = [
        asyncio.create_task(_tell(settings, book), name="tell"),
        asyncio.create_task(_forget(settings), name="forget"),
    ]
    taken = asyncio.ensure_future(taking(stop))
    done, _ = await asyncio.wait([*tasks, taken], return_when=asyncio.FIRST_COMPLETED)
    stop.set()
    for task in tasks:
        task.cancel()
    await asyncio.wait([*tasks, taken])
    for task in done:
        task.result()  # the other two never end by themselves: this raises what has ended them


async def _tell(settings: ProcessorSettings, book: TargetBook) -> None:
    """Keep a courier for each target in force, for ever."""
    couriers: dict[Way, asyncio.Task[None]] = {}
    try:
        while True:
            await _end({way: task for way, task in couriers.items() if way not in book.ways})
            couriers = {
                way: couriers.get(way)
                or asyncio.create_task(_courier(settings, way, book.words), name=way.target.target)
                for way in book.ways
            }
            for task in couriers.values():
                if task.done():  # none ends by itself: this raises what has ended it
                    task.result()
            await asyncio.sleep(_LOOK_EVERY_S)
            await book.look()
    finally:
        await _end(couriers)


async def _courier(settings: ProcessorSettings, way: Way, words: Words) -> None:
    async with targets.sender(way.target, words) as sender:
        await Courier(sender, partial(waiting.opened, settings, sender.name)).run()


async def _end(couriers: Mapping[Way, asyncio.Task[None]]) -> None:
    """A new courier of the same name waits until the old one has gone."""
    for task in couriers.values():
        task.cancel()
    await asyncio.gather(*couriers.values(), return_exceptions=True)


async def _forget(settings: ProcessorSettings) -> None:
    """Delete what was settled long ago, now and then, for ever."""
    while True:
        try:
            await waiting.forget(settings, _FORGET_AFTER)
        except Unavailable as error:
            log.warning("forget_later", extra={"why": str(error)})
        await asyncio.sleep(_FORGET_EVERY_S)
