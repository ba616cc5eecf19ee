"""The processes of a replay: each takes partitions from cold, one after the other."""

import asyncio
import gc
import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Sequence
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from typing import Final, Protocol

from processors.adapters import replay_catalog
from processors.adapters.replay_job import Job, Tell, Told, folds_of, replay_cold
from processors.adapters.replay_shadow import Shadow
from processors.adapters.replay_source import opened_source
from processors.folds import GARBAGE
from schemas.errors import BadConfig, CityhumError, Unavailable

_LOOK_S: Final = 0.2

Stopped = CityhumError | Told | None


class _Queue(Protocol):
    def put(self, item: Stopped) -> None: ...

    def get(self, block: bool = ..., timeout: float = ...) -> Stopped: ...  # noqa: FBT001


async def alone(jobs: Sequence[Job], tell: Tell) -> None:
    """Do all jobs in this process."""
    gc.set_threshold(GARBAGE)
    settings, request = jobs[0].settings, jobs[0].request
    async with (
        opened_source(settings, request) as source,
        replay_catalog.opened(settings, request.name) as connection,
    ):
        await replay_catalog.join(connection, request.name)
        programs = folds_of(settings, request)
        for job in jobs:
            await replay_cold(job, programs, source, Shadow(connection), tell)


async def together(jobs: Sequence[Job], processes: int, tell: Tell) -> None:
    """Do all jobs in several processes.

    Raises
    ------
    BadConfig
        If one of them refuses what it reads; the others are ended.
    Unavailable
        If one of them fails; the others are ended.
    """
    context = multiprocessing.get_context("spawn")
    told: _Queue = context.Queue()
    crew = [
        context.Process(target=_work, args=(some, told), daemon=True)
        for some in shared(jobs, processes)
    ]
    # Ctrl-C is for this process, also while the others are still starting: they inherit the mask
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    for process in crew:
        process.start()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    try:
        await _until_done(crew, told, tell)
    finally:
        for process in crew:
            process.terminate()
            process.join()


def shared(jobs: Sequence[Job], processes: int) -> list[list[Job]]:
    """Share jobs so that nobody has much more than others: the longest first."""
    shares: list[list[Job]] = [[] for _ in range(min(processes, len(jobs)))]
    for job in sorted(jobs, key=lambda job: (-job.records, job.partition)):
        min(shares, key=lambda share: sum(one.records for one in share)).append(job)
    return shares


async def _until_done(crew: Sequence[SpawnProcess], told: _Queue, tell: Tell) -> None:
    working = len(crew)
    while working:
        try:
            news = await asyncio.to_thread(told.get, timeout=_LOOK_S)
        except queue.Empty:
            if any(process.exitcode for process in crew):
                raise Unavailable("a process of the replay has died") from None
            continue
        if isinstance(news, Told):
            tell(news)
        elif news is None:
            working -= 1
        else:
            raise news


def _work(jobs: Sequence[Job], told: _Queue) -> None:
    """Be one of the crew."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        asyncio.run(alone(jobs, told.put))
    except BadConfig as refused:
        told.put(refused)
    except CityhumError as error:
        told.put(Unavailable(str(error)))
    else:
        told.put(None)


def _end_with_parent() -> None:
    """End this process with the one that started it, also where that is killed.

    Nobody hears then what we tell, and our exit would wait for it to be heard.
    """
    parent = multiprocessing.parent_process()
    assert parent is not None  # noqa: S101  # only `together` starts us
    wait([parent.sentinel])
    os._exit(os.EX_SOFTWARE)
