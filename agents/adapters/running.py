"""Tasks of a process, and how it is asked to end."""

import asyncio
import signal
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress


@contextmanager
def stop_signals() -> Iterator[asyncio.Event]:
    """Catch Ctrl-C and SIGTERM; the event is set once somebody asks the process to end."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    signals = (signal.SIGINT, signal.SIGTERM)
    for number in signals:
        loop.add_signal_handler(number, stop.set)
    try:
        yield stop
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


async def until(stop: asyncio.Event, work: Coroutine[object, object, None]) -> None:
    """Do some work, until it is done or somebody asks to stop."""
    working, stopping = asyncio.create_task(work), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        working.cancel()
        stopping.cancel()
        with suppress(asyncio.CancelledError):
            await working


@asynccontextmanager
async def background(work: Coroutine[object, object, object]) -> AsyncIterator[None]:
    """Work beside the body and end with it; a failure of the work ends the body and comes out."""
    body = asyncio.current_task()
    task = asyncio.create_task(work)

    def end_the_body(done: asyncio.Task[object]) -> None:
        if body is not None and not done.cancelled() and done.exception() is not None:
            body.cancel()

    task.add_done_callback(end_the_body)
    try:
        yield
    finally:
        task.remove_done_callback(end_the_body)
        if task.done() and body is not None:
            body.uncancel()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
