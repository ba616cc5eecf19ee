"""Render a simulated city in a process of its own, so that publishing never waits for it."""

import asyncio
import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import connection, get_context, parent_process
from types import TracebackType
from typing import Self

from agents.street import Scene, TrueEvent, city, true_events
from agents.street_levels import Samples


class Renderer:
    """The scenes of a city. One process: each scene remembers what still sounds."""

    def __init__(self, seed: int, devices: int) -> None:
        self._seed = seed
        self._devices = devices

    def __enter__(self) -> Self:
        self._process = ProcessPoolExecutor(1, get_context("spawn"), initializer=_follow_parent)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.shutdown(wait=True, cancel_futures=True)

    async def second(self, device_index: int, k: int) -> Samples:
        """Second k of one device's scene, float32 [16000]."""
        loop = asyncio.get_running_loop()
        args = (self._seed, self._devices, device_index, k)
        return await loop.run_in_executor(self._process, _second, *args)

    async def true_events(self, until_s: float) -> tuple[TrueEvent, ...]:
        """What truly begins before a second of the scenes."""
        loop = asyncio.get_running_loop()
        args = (self._seed, self._devices, until_s)
        return await loop.run_in_executor(self._process, _true_events, *args)


def _follow_parent() -> None:
    """Leave Ctrl-C to the parent, and end when it ends, however that happens."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    connection.wait([sentinel])
    os._exit(0)


@cache
def _scenes(seed: int, devices: int) -> tuple[Scene, ...]:
    return city(seed, devices)


def _second(seed: int, devices: int, device_index: int, k: int) -> Samples:
    return _scenes(seed, devices)[device_index].second(k)


def _true_events(seed: int, devices: int, until_s: float) -> tuple[TrueEvent, ...]:
    return true_events(_scenes(seed, devices), until_s)
