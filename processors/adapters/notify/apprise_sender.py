"""Notifications through Apprise: one URL for each of a hundred services."""

import asyncio
import logging
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final, NamedTuple, Self

from apprise import Apprise

from processors import notify_words
from processors.adapters.notify import secrets
from processors.notify import AppriseTarget
from processors.notify_tries import Patience
from schemas import cloud_events
from schemas.errors import BadConfig, Unavailable
from schemas.results import Alert

logging.getLogger("apprise").setLevel(logging.CRITICAL)  # it would log addresses


_LATE: Final = 1_000
"""How many events are remembered that were taken after we had given up waiting."""


class _Call(NamedTuple):
    """What Apprise was last asked; truth comes of it if the service took the event."""

    event: str
    taken: asyncio.Future[Any]


class AppriseSender:
    """The way to one Apprise URL.

    Apprise works in a thread. Each target has its own, so that one that hangs holds up no other.
    Its events take turns, and the time of a try begins with its turn. A call cannot be stopped:
    what hangs is waited for before anything else is told, and if the service took it after all, it
    is not told again.

    Parameters
    ----------
    target : AppriseTarget
        Whom.
    words : callable
        What is said of an alert: title and text.
    """

    def __init__(self, target: AppriseTarget, words: notify_words.Words) -> None:
        self.name = target.target
        self.patience = Patience(target.tries)
        self._words = words
        self._timeout_s = target.timeout_s
        self._apprise = Apprise()
        if not self._apprise.add(secrets.url_of(target)):
            raise BadConfig(f"target {target.target}: Apprise does not know this URL")
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"notify-{target.target}")
        self._turn = asyncio.Lock()
        self._call: _Call | None = None
        self._taken_late: deque[str] = deque(maxlen=_LATE)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def send(self, alert: Alert) -> None:
        """Tell people; Unavailable if the service did not take it, or not yet."""
        event = cloud_events.event_id(alert)
        async with self._turn:
            if (before := self._call) is not None and await self._answer(before):
                self._taken_late.append(before.event)
            if event in self._taken_late:
                self._taken_late.remove(event)
                return
            taken = await self._answer(self._begin(alert))
        if not taken:
            raise Unavailable("Apprise could not deliver it")

    def _begin(self, alert: Alert) -> _Call:
        title, text = self._words(alert)
        notify = partial(self._apprise.notify, body=text, title=title)
        taken = asyncio.get_running_loop().run_in_executor(self._thread, notify)
        return _Call(cloud_events.event_id(alert), taken)

    async def _answer(self, call: _Call) -> bool:
        """What comes of a call; it is kept while it goes on for longer than a try may take."""
        self._call = call
        await asyncio.wait({call.taken}, timeout=self._timeout_s)
        if not call.taken.done():
            raise Unavailable(f"no answer within {self._timeout_s:g} s")
        self._call = None
        return bool(call.taken.result())
