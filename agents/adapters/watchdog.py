"""The service manager's watchdog: fed while readings are kept or arrive, and only then.

A process that runs but makes nothing (card gone dumb, a thread stuck), or has room for nothing more
on its disk and in its memory, is not fed, and systemd restarts it. Without systemd all of this says
nothing to nobody.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final, Never, Protocol

import sdnotify

from agents.adapters.clock import Clock, SystemClock
from schemas.errors import Unavailable

FEED_S: Final = 10.0
_FEEDS_IN_TIME: Final = 4  # one late look must not cost a restart
_US: Final = 1_000_000


class Notifier(Protocol):
    """Somebody to report to."""

    def notify(self, state: str) -> None:
        """Say something in the words of sd_notify(3)."""


def interval_s() -> float:
    """How often to look, s: often enough for the unit's `WatchdogSec`."""
    limit_us = os.environ.get("WATCHDOG_USEC", "")
    return min(FEED_S, int(limit_us) / _US / _FEEDS_IN_TIME) if limit_us.isdigit() else FEED_S


async def feed(
    progress: Callable[[], int], clock: Clock, notifier: Notifier, every_s: float
) -> Never:
    """Say that the service is ready; then feed the watchdog after each span with progress.

    Parameters
    ----------
    progress : callable
        How many readings were ever kept or arrived; it only ever grows.
    clock : Clock
        To wait by.
    notifier : Notifier
        Who feeds.
    every_s : float
        The span, s.
    """
    notifier.notify("READY=1")
    now = before = progress()
    hungry_s = 0.0
    try:
        while True:
            await clock.sleep(every_s)
            with suppress(Unavailable):  # a disk that fails feeds nobody
                now = progress()
            if now > before:
                before, hungry_s = now, 0.0
                notifier.notify("WATCHDOG=1\nSTATUS=readings are kept or arrive")
            else:
                hungry_s += every_s
                notifier.notify(f"STATUS=no reading kept, none arrived for {hungry_s:.0f} s")
    finally:
        notifier.notify("STOPPING=1")


async def feed_systemd(progress: Callable[[], int]) -> Never:
    """Feed the service manager that started this process, if one did; see `feed`."""
    with _service_manager() as notifier:
        await feed(progress, SystemClock(), notifier, interval_s())


@contextmanager
def _service_manager() -> Iterator[Notifier]:
    if "NOTIFY_SOCKET" not in os.environ:
        yield _Nobody()
        return
    notifier = sdnotify.SystemdNotifier()
    try:
        yield notifier
    finally:
        if notifier.socket is not None:  # it never closes its socket itself
            notifier.socket.close()


class _Nobody:
    def notify(self, state: str) -> None:
        """Say nothing."""
