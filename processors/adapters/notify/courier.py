"""Tells one target what waits for it: in order per alert, again and again, until it has it."""

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final, Protocol

from processors.adapters import figures
from processors.adapters.notify.waiting import Waiting
from processors.notify_tries import NotNow, Patience
from schemas import metrics
from schemas.errors import Unavailable
from schemas.results import Alert

_AT_ONCE: Final = 8
_FIRST_WAIT_S: Final = 0.5
_LONGEST_WAIT_S: Final = 30.0

log = logging.getLogger(__name__)


class Sender(Protocol):
    """A way to a target."""

    name: str
    patience: Patience

    async def send(self, alert: Alert) -> None:
        """Tell; Unavailable if it is not certain that the target has it. Bounded in time."""


class Queue(Protocol):
    """What waits for the target."""

    async def due(self, limit: int) -> Sequence[Waiting]:
        """The oldest that may be told now, at most one of an alert."""

    async def delivered(self, waiting: Waiting) -> None:
        """Mark as told."""

    async def given_up(self, waiting: Waiting, why: str) -> None:
        """Put on the list of the dead."""

    async def failed(self, waiting: Waiting, why: str, wait_s: float) -> None:
        """Try again later."""

    async def more(self) -> None:
        """Wait until there may be something due."""


Open = Callable[[], AbstractAsyncContextManager[Queue]]


class Courier:
    """Works for one target; a target that hangs holds up nobody else's.

    Parameters
    ----------
    sender : Sender
        The way to the target.
    open_queue : callable
        Opens what waits for it.
    jitter : callable, optional
        Numbers from 0 to 1.
    """

    def __init__(
        self, sender: Sender, open_queue: Open, jitter: Callable[[], float] = random.random
    ) -> None:
        self._sender = sender
        self._open = open_queue
        self._jitter = jitter
        figures.begin_telling(sender.name)

    async def run(self) -> None:
        """Work for ever; a database that is away is waited for."""
        wait_s = _FIRST_WAIT_S
        while True:
            try:
                async with self._open() as queue:
                    log.info("notify_serving", extra={"target": self._sender.name})
                    while True:
                        await self.work(queue)
                        wait_s = _FIRST_WAIT_S
            except Unavailable as error:
                extra = {"target": self._sender.name, "why": str(error), "again_in_s": wait_s}
                log.warning("notify_waiting", extra=extra)
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)

    async def work(self, queue: Queue) -> None:
        """Tell what is due, several alerts side by side; wait if there is nothing."""
        due = await queue.due(_AT_ONCE)
        if not due:
            await queue.more()
            return
        told = await asyncio.gather(*[self._tell(queue, o) for o in due], return_exceptions=True)
        for error in told:
            if error is not None:
                raise error

    async def _tell(self, queue: Queue, waiting: Waiting) -> None:
        try:
            await self._sender.send(waiting.alert)
        except Unavailable as error:
            await self._failed(queue, waiting, error)
        except Exception as error:  # noqa: BLE001  # a mistake on one way must not end all others
            await self._failed(queue, waiting, Unavailable(type(error).__name__))
        else:
            await queue.delivered(waiting)
            self._count("delivered")

    async def _failed(self, queue: Queue, waiting: Waiting, error: Unavailable) -> None:
        asked_s = error.after_s if isinstance(error, NotNow) else 0.0
        attempt = waiting.attempts + 1
        wait_s = self._sender.patience.wait_s(attempt, self._jitter(), asked_s)
        alert = waiting.alert
        whose = {"device": alert.device, "session": alert.session, "alert_id": str(alert.alert_id)}
        extra = {**whose, "target": self._sender.name, "attempt": attempt, "why": str(error)}
        if wait_s is None:
            await queue.given_up(waiting, str(error))
            log.error("notify_given_up", extra=extra)
        else:
            await queue.failed(waiting, str(error), wait_s)
            log.warning("notify_failed", extra={**extra, "again_in_s": round(wait_s, 1)})
        self._count("failed" if wait_s is not None else "dead")

    def _count(self, outcome: str) -> None:
        metrics.NOTIFIED.labels(self._sender.name, outcome).inc()
