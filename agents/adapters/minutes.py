"""Acoustic indices at work: minutes are gathered, computed in a short process, stored and sent.

One at a time, in a process of the lowest priority that ends with its minute: kept between minutes
it would hold 200 MB, started anew it costs 1.6 s of CPU time a minute, and none of capture's. A
minute that comes while two wait is skipped and said to be.
"""

import asyncio
import logging
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Never

import numpy as np
import orjson
from numpy.typing import NDArray

from acoustics.indices import MinuteIndices
from agents import indices
from agents.adapters.indices_spool import IndicesSpool
from agents.batches import Origin
from agents.indices import Gathering, Minute
from agents.pipeline import Heard
from schemas.errors import Unavailable

MAX_WAITING: Final = 2
TIMEOUT_S: Final = 120.0
_CHILD: Final = "agents.adapters.indices_child"

log = logging.getLogger(__name__)


class Minutes:
    """The indices of one device."""

    def __init__(self, origin: Origin, spool: IndicesSpool, rate_hz: int, folder: Path) -> None:
        self._origin = origin
        self._spool = spool
        self._rate_hz = rate_hz
        self._folder = folder
        self._gathering = Gathering()
        self._waiting: asyncio.Queue[Minute] = asyncio.Queue(MAX_WAITING)

    def hear(self, seconds: Sequence[Heard]) -> None:
        """Take the next seconds."""
        self._gathering, complete = indices.step(self._gathering, seconds)
        for minute in complete:
            try:
                self._waiting.put_nowait(minute)
            except asyncio.QueueFull:
                log.warning("indices_skipped", extra={"first_seq": minute.first.seq})

    async def run(self) -> Never:
        """Compute for ever."""
        while True:
            minute = await self._waiting.get()
            try:
                found = await computed(minute.sounds, self._rate_hz, self._folder)
                self._spool.append(indices.message(self._origin, minute.first, found))
            except Unavailable as error:
                log.error("indices_failed", extra={"detail": str(error)})  # noqa: TRY400
            finally:
                self._waiting.task_done()

    async def idle(self) -> None:
        """Return once every minute that was heard is computed."""
        await self._waiting.join()


async def computed(
    sounds: Iterable[NDArray[np.float32]],
    rate_hz: int,
    folder: Path,
    *,
    timeout_s: float = TIMEOUT_S,
) -> MinuteIndices:
    """Indices of a minute, computed by a process of their own.

    Parameters
    ----------
    sounds : iterable of ndarray of float32
        Together shape (60 * rate_hz,), full scale 1.0.
    rate_hz : int
        Sample rate, Hz.
    folder : Path
        Where scikit-maad's plotting library may keep its list of fonts.
    timeout_s : float
        After so long, s, the process is ended.

    Raises
    ------
    Unavailable
        It could not be started, failed, or took too long.
    """
    child = await _started(rate_hz, folder)
    try:
        async with asyncio.timeout(timeout_s):
            await _fed(child, sounds)
            said, complaint = await child.communicate()
    except TimeoutError:
        raise Unavailable(f"indices: not computed in {timeout_s:.0f} s") from None
    finally:
        if child.returncode is None:
            child.kill()
            await child.communicate()
    if child.returncode:
        *_, last = complaint.decode(errors="replace").strip().splitlines() or ["no reason given"]
        raise Unavailable(f"indices: status {child.returncode}: {last}")
    return MinuteIndices(**orjson.loads(said))


async def _started(rate_hz: int, folder: Path) -> Process:
    try:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", _CHILD, str(rate_hz)),
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env={
                **os.environ,
                "OMP_NUM_THREADS": "1",
                "OPENBLAS_NUM_THREADS": "1",
                "MPLBACKEND": "Agg",
                "MPLCONFIGDIR": str(folder / "fonts"),
            },
        )
    except (OSError, RuntimeError) as error:  # no process; or no thread, which waits for its end
        why = getattr(error, "strerror", None) or error
        raise Unavailable(f"indices: not started: {why}") from None


async def _fed(child: Process, sounds: Iterable[NDArray[np.float32]]) -> None:
    """Hand over piece by piece: the whole would lie in memory twice."""
    assert child.stdin is not None  # noqa: S101 (opened as a pipe)
    with suppress(ConnectionError):  # it has ended, and its last line says why
        for sound in sounds:
            child.stdin.write(sound.tobytes())
            await child.stdin.drain()
    child.stdin.close()
