"""What Home Assistant needs besides alerts: who is there, and the newest minute of each device."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, Protocol

from processors.home_assistant import Retained
from schemas import topics
from schemas.codec import encode
from schemas.results import Alert, Window

_MINUTE_S: Final = 60


class Board(Protocol):
    """Topics that hold a message each; what is not there when the broker is away comes later."""

    def show(self, retained: Retained) -> None:
        """Publish if the broker is there."""


class Target(Protocol):
    """Somebody who is told."""

    name: str

    async def deliver(self, messages: Sequence[Alert | Window]) -> None:
        """Deliver all, in order."""


class Shown:
    """A target of windows whose newest minutes are shown as well.

    Showing is no delivery: nobody waits for it, and the next minute makes good for one that was
    not shown. A minute that was corrected late never hides a newer one.
    """

    def __init__(self, target: Target, board: Board) -> None:
        self.name = target.name
        self._target = target
        self._board = board
        self._newest: dict[str, datetime] = {}

    async def deliver(self, messages: Sequence[Alert | Window]) -> None:
        """Deliver all, then show the newest minutes."""
        await self._target.deliver(messages)
        for minute in self._newest_minutes(messages):
            topic = topics.levels_topic(minute.site, minute.device)
            self._board.show(Retained(topic, encode(minute)))

    def _newest_minutes(self, messages: Sequence[Alert | Window]) -> Iterable[Window]:
        shown: dict[str, Window] = {}
        for one in messages:
            if not isinstance(one, Window) or one.length_s != _MINUTE_S:
                continue
            if one.started_at >= self._newest.get(one.device, one.started_at):
                self._newest[one.device] = one.started_at
                shown[one.device] = one
        return shown.values()
