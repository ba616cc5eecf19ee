"""What comes from MQTT, no device faster than it may be; between the link and the bridge.

The broker has let each device in as itself, and lets it write below its own name only: the name in
the topic is whose pace counts, even where the rest of the topic is nonsense.
"""

import logging
from collections import Counter, deque
from collections.abc import Callable
from typing import Final, Protocol

from processors import pace
from processors.adapters.mqtt import Delivery, Handle
from processors.pace import Limit, Pace
from schemas import metrics

MAX_HELD: Final = 500
"""Of all devices together: half of what the broker sends ahead, so others are never held up."""
_SAY_EVERY_S: Final = 60.0
_FORGET_EVERY_S: Final = 60.0
_DEVICE: Final = 3  # its place in cityhum/v1/SITE/DEVICE/STREAM

log = logging.getLogger(__name__)


class Inbox(Protocol):
    """Where messages come from and answers go."""

    @property
    def heard_for_s(self) -> float:
        """How long devices could have been heard: 0 while they cannot."""

    async def take(self, timeout_s: float) -> list[Delivery]:
        """Everything that waits, in order; empty if nothing comes in time."""

    def acknowledge(self, handle: Handle) -> None:
        """Never deliver this message again."""

    def publish(self, topic: str, payload: bytes) -> None:
        """Tell a device."""


class PacedInbox:
    """An inbox whose devices are held to a pace.

    Parameters
    ----------
    inbox : Inbox
        Where messages come from.
    limit : Limit
        Of each device.
    monotonic_s : callable
        Seconds on a clock that is never set.
    """

    def __init__(self, inbox: Inbox, limit: Limit, monotonic_s: Callable[[], float]) -> None:
        self._inbox = inbox
        self._limit = limit
        self._monotonic_s = monotonic_s
        self._paces: dict[str, Pace] = {}
        self._held: dict[str, deque[Delivery]] = {}
        self._dropped: Counter[str] = Counter()
        self._say_at_s = 0.0
        self._forget_at_s = 0.0
        for turn in ("later", "never"):  # from 0, lest a rule misses the first
            metrics.PACED.labels(turn)

    @property
    def heard_for_s(self) -> float:
        """How long devices could have been heard: 0 while they cannot."""
        return self._inbox.heard_for_s

    async def take(self, timeout_s: float) -> list[Delivery]:
        """What may be heard now; possibly nothing, before the time is over."""
        due_s = min((pace.due_s(self._paces[d], self._limit) for d in self._held), default=None)
        if due_s is not None:
            timeout_s = max(0.0, min(timeout_s, due_s - self._monotonic_s()))
        arrived = await self._inbox.take(timeout_s)
        now_s = self._monotonic_s()
        taken = [each for device in list(self._held) for each in self._release(device, now_s)]
        taken += [each for each in arrived if self._is_taken(each, now_s)]
        if self._dropped and now_s >= self._say_at_s:
            self._say()
            self._say_at_s = now_s + _SAY_EVERY_S
        if now_s >= self._forget_at_s:
            self._forget(now_s)
            self._forget_at_s = now_s + _FORGET_EVERY_S
        return taken

    def acknowledge(self, handle: Handle) -> None:
        """Never deliver this message again."""
        self._inbox.acknowledge(handle)

    def publish(self, topic: str, payload: bytes) -> None:
        """Tell a device."""
        self._inbox.publish(topic, payload)

    def _is_taken(self, delivery: Delivery, now_s: float) -> bool:
        """Whether it may be heard now; if not, it is held, or dropped without an answer."""
        device = _sender(delivery.arrived.topic)
        before = self._paces.get(device) or pace.first(self._limit, now_s)
        after, turn = pace.arrived(before, self._limit, now_s)
        if turn == "later" and sum(map(len, self._held.values())) >= MAX_HELD:
            after, turn = before, "never"
        self._paces[device] = after
        if turn == "now":
            return True
        metrics.PACED.labels(turn).inc()
        if turn == "later":
            self._held.setdefault(device, deque()).append(delivery)
        else:
            self._dropped[device] += 1
            self._inbox.acknowledge(delivery.handle)  # to the broker; the device hears nothing
        return False

    def _release(self, device: str, now_s: float) -> list[Delivery]:
        self._paces[device], count = pace.released(self._paces[device], self._limit, now_s)
        held = self._held[device]
        released = [held.popleft() for _ in range(count)]
        if not held:
            del self._held[device]
        return released

    def _say(self) -> None:
        """Name who is too fast, in one line for all that was dropped since the line before."""
        worst, most = self._dropped.most_common(1)[0]
        extra = {"device": worst, "messages": most, "of_all": self._dropped.total()}
        log.warning("too_fast", extra={**extra, "devices": len(self._dropped)})
        self._dropped.clear()

    def _forget(self, now_s: float) -> None:
        """Let go of who has not been heard for so long that its bucket is full again."""
        paces = {d: pace.refilled(each, self._limit, now_s) for d, each in self._paces.items()}
        full = self._limit.burst
        self._paces = {d: each for d, each in paces.items() if each.held or each.tokens < full}


def _sender(topic: str) -> str:
    levels = topic.split("/", _DEVICE + 1)
    return levels[_DEVICE] if len(levels) > _DEVICE else ""
