"""Whom we tell: the file of targets as it was when it was last right."""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from processors import notify, notify_words
from processors.adapters.notify import secrets, targets, waiting
from processors.notify import NotificationRow, Target
from processors.notify_words import Words
from processors.registry import Registry
from processors.settings import ProcessorSettings
from schemas.adapters import text_file
from schemas.errors import BadConfig, Unavailable
from schemas.results import Alert

log = logging.getLogger(__name__)


class Way(NamedTuple):
    """A target with its secret; while neither changes it is told on without a break."""

    target: Target
    secret: bytes | str


class TargetBook:
    """The targets in force.

    Parameters
    ----------
    settings : ProcessorSettings
        BadConfig if the file that they name is wrong now.
    """

    def __init__(self, settings: ProcessorSettings) -> None:
        self._settings = settings
        self._seen = self._looks()
        self._since: Mapping[str, datetime] = {}
        self._take(*targets.load(settings))

    def rows(self, alert: Alert) -> tuple[NotificationRow, ...]:
        """What an event means; only once the database knows the targets."""
        return notify.rows([way.target for way in self.ways], self._since, alert)

    async def know(self) -> None:
        """Learn since when each target is known; Unavailable if the database does not answer."""
        names = [way.target.target for way in self.ways]
        self._since = await waiting.known_since(self._settings, names)

    async def look(self) -> None:
        """Take the file, if somebody has changed it and it is right."""
        looks = self._looks()
        if looks == self._seen:
            return
        try:
            found, sites = targets.load(self._settings)
            since = await waiting.known_since(self._settings, [one.target for one in found])
        except BadConfig as bad:
            log.error("targets_refused", extra={"why": str(bad), "kept": self._names()})  # noqa: TRY400
        except Unavailable:
            return  # the next look finds it changed
        else:
            self._since = since
            self._take(found, sites)
            log.warning("targets_changed", extra={"now": self._names()})
        self._seen = looks

    def _take(self, found: Sequence[Target], sites: Registry) -> None:
        self.words: Words = notify_words.words(sites)
        self.ways = tuple(Way(one, secrets.of(one)) for one in found)

    def _names(self) -> Sequence[str]:
        return [way.target.target for way in self.ways]

    def _looks(self) -> tuple[int, ...]:
        path = self._settings.notify_file
        return text_file.looks(path) if path else ()
