"""Notifications through Apprise: one URL for each of a hundred services."""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Self

from apprise import Apprise

from processors import notify_words
from processors.adapters.notify import secrets
from processors.notify import AppriseTarget
from processors.notify_tries import Patience
from schemas.errors import BadConfig, Unavailable
from schemas.results import Alert

logging.getLogger("apprise").setLevel(logging.CRITICAL)  # it would log addresses


class AppriseSender:
    """The way to one Apprise URL.

    Apprise works in a thread. Each target has its own, so that one that hangs holds up no other;
    its next try waits for it.

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

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def send(self, alert: Alert) -> None:
        """Tell people; Unavailable if the service did not take it."""
        title, text = self._words(alert)
        loop = asyncio.get_running_loop()
        notify = partial(self._apprise.notify, body=text, title=title)
        try:
            async with asyncio.timeout(self._timeout_s):
                taken = await loop.run_in_executor(self._thread, notify)
        except TimeoutError:
            raise Unavailable(f"no answer within {self._timeout_s:g} s") from None
        if not taken:
            raise Unavailable("Apprise could not deliver it")
