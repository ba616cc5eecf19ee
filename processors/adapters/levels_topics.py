"""What Home Assistant needs besides alerts: who is there, and the newest minute of each device."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol

from processors.adapters.clock import utc_now
from processors.adapters.link import Link
from processors.home_assistant import Retained
from schemas import topics
from schemas.codec import encode
from schemas.results import Alert, Window

_MINUTE_S: Final = 60
_LATELY: Final = timedelta(minutes=5)
"""As long as Home Assistant shows a minute (`home_assistant.discovery`)."""


class Board(Protocol):
    """Topics that hold a message each; what is not there when the broker is away comes later."""

    def show(self, retained: Retained) -> None:
        """Publish if the broker is there."""


class Target(Protocol):
    """Somebody who is told."""

    name: str

    @property
    def link(self) -> Link | None:
        """Its connections, if it may forget what it has confirmed."""

    async def deliver(self, messages: Sequence[Alert | Window]) -> None:
        """Deliver all, in order."""


class Shown:
    """A target of windows whose newest minutes are shown as well.

    Showing is no delivery: nobody waits for it, and the next minute makes good for one that was
    not shown. A minute that was corrected late never hides a newer one. What an earlier relay
    has shown is not known here: the first of a device is shown only if it ended lately, so that at
    worst it stands there until the next minute.
    """

    def __init__(self, target: Target, board: Board, now: Callable[[], datetime] = utc_now) -> None:
        self.name = target.name
        self.link = target.link
        self._target = target
        self._board = board
        self._now = now
        self._newest: dict[str, datetime] = {}

    async def deliver(self, messages: Sequence[Alert | Window]) -> None:
        """Deliver all, then show the newest minutes."""
        await self._target.deliver(messages)
        for minute in self._newest_minutes(messages):
            topic = topics.levels_topic(minute.site, minute.device)
            self._board.show(Retained(topic, encode(minute)))

    def _newest_minutes(self, messages: Sequence[Alert | Window]) -> Iterable[Window]:
        shown: dict[str, Window] = {}
        lately = self._now() - _LATELY - timedelta(seconds=_MINUTE_S)
        for one in messages:
            if not isinstance(one, Window) or one.length_s != _MINUTE_S:
                continue
            if one.started_at >= self._newest.get(one.device, lately):
                self._newest[one.device] = one.started_at
                shown[one.device] = one
        return shown.values()
