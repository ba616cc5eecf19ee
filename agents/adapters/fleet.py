"""Thousands of devices in one process: each with its own connection and login, but no sound.

A device keeps the numbers of its unacknowledged readings in memory and makes them again when they
must be sent again. It sends one reading a message, as a live device does.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from agents.adapters.clock import Clock
from agents.adapters.link import Link, Login, Message
from agents.light import Repeating
from schemas import codec, topics
from schemas.errors import BadMessage, Unavailable
from schemas.messages import Ack, Status

PATIENCE_S: Final = 30.0
CONNECT_S: Final = 60.0
_AT_ONCE: Final = 50  # connections under way
_AGAIN: Final = 8  # readings that a device sends again each second
_BACKOFF_S: Final = (1.0, 60.0)

log = logging.getLogger(__name__)


@dataclass(eq=False)
class Member:
    """One device of a fleet."""

    device: Repeating
    login: Login
    offset_s: float
    """How long after the fleet's start its first second begins."""
    said: int = 0
    rejected: int = 0
    waiting: dict[int, float] = field(default_factory=dict)
    """Unacknowledged seqs, and when each was sent, by the monotonic clock."""

    def receive(self, _topic: str, payload: bytes) -> None:
        """Let go of what was acknowledged, and of what never will be."""
        try:
            ack = codec.decode(Ack, payload)
        except BadMessage as error:
            log.warning("ack_malformed", extra={"detail": error.detail})
            return
        for done in ack.accepted:
            if done.session == self.device.session:
                for seq in range(done.first_seq, done.first_seq + done.count):
                    self.waiting.pop(seq, None)
        if ack.rejected:
            self._give_up({rejected.digest for rejected in ack.rejected})

    def _give_up(self, digests: set[str]) -> None:
        refused = [s for s in self.waiting if codec.digest(self.device.payload(s)) in digests]
        self.rejected += len(refused)
        for seq in refused:
            del self.waiting[seq]

    def message(self, seq: int) -> Message:
        """One reading."""
        return Message(self._topic("features"), self.device.payload(seq))

    def status(self, *, online: bool) -> Message:
        """Birth, or last will."""
        origin = self.device.origin
        status = Status(
            site=origin.site,
            device=origin.device,
            session=self.device.session,
            online=online,
            profile=origin.profile,
            spooled_readings=len(self.waiting),
        )
        return Message(self._topic("status"), codec.encode(status), retain=True)

    def ack_topic(self) -> str:
        """Where its acknowledgements come."""
        return topics.ack_topic(self.device.origin.site, self.device.origin.device)

    def _topic(self, stream: topics.DeviceStream) -> str:
        return topics.device_topic(self.device.origin.site, self.device.origin.device, stream)


class Fleet:
    """All of them; `play` runs them to the end."""

    def __init__(self, members: Sequence[Member], clock: Clock, seconds: int | None) -> None:
        self.members = members
        self.began_at: datetime | None = None
        self._clock = clock
        self._seconds = seconds
        self._gate = asyncio.Semaphore(_AT_ONCE)
        self._connected = 0
        self._assembled = asyncio.Event()
        self._begun_s: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    async def play(self) -> None:
        """Connect all, begin together, and play until all is answered, or for long enough."""
        end_s = None if self._seconds is None else self._seconds + CONNECT_S + PATIENCE_S
        with suppress(TimeoutError):
            async with asyncio.timeout(end_s):
                await self._play()

    async def _play(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for member in self.members:
                tasks.create_task(self._live(member))
            await self._clock.wait(self._assembled, CONNECT_S)
            log.info("fleet_begins", extra={"connected": self._connected})
            self._begin()

    @property
    def unacknowledged(self) -> int:
        """Readings that nobody has answered."""
        return sum(len(member.waiting) for member in self.members)

    def _begin(self) -> None:
        self.began_at, now_s = self._clock.utc_now(), self._clock.monotonic_s()
        for member in self.members:
            at = self.began_at + timedelta(seconds=member.offset_s)
            member.device = replace(member.device, began_at=at)
        self._begun_s.set_result(now_s)

    async def _live(self, member: Member) -> None:
        backoff_s, most_s = _BACKOFF_S
        while not self._is_over(member):
            try:
                await self._connected_life(member)
            except Unavailable as error:
                extra = {"device": member.login.user, "detail": str(error)}
                log.warning("broker_unavailable", extra=extra)
                await self._clock.sleep(backoff_s)
                backoff_s = min(2 * backoff_s, most_s)

    async def _connected_life(self, member: Member) -> None:
        link = Link(
            member.login,
            will=member.status(online=False),
            topics=[member.ack_topic()],
            received=member.receive,
            changed=_nothing,
        )
        async with AsyncExitStack() as connection:
            async with self._gate:
                await connection.enter_async_context(link)
            link.publish(member.status(online=True))
            self._count()
            try:
                begun_s = await asyncio.shield(self._begun_s) + member.offset_s
                await self._serve(member, link, begun_s)
            finally:
                with suppress(Unavailable):
                    link.publish(member.status(online=False))

    async def _serve(self, member: Member, link: Link, begun_s: float) -> None:
        member.waiting = dict.fromkeys(member.waiting, 0.0)  # a new connection sends all again
        second = max(member.said, int(self._clock.monotonic_s() - begun_s))
        while not self._is_over(member):
            second += 1
            await self._clock.sleep(begun_s + second - self._clock.monotonic_s())
            link.check()
            now_s = self._clock.monotonic_s()
            for seq in self._due(member, int(now_s - begun_s), now_s):
                member.waiting[seq] = now_s
                link.publish(member.message(seq))

    def _due(self, member: Member, sounded: int, now_s: float) -> list[int]:
        """What is new, and the oldest of what nobody has answered for long."""
        until = sounded if self._seconds is None else min(sounded, self._seconds)
        late = [seq for seq, sent_s in member.waiting.items() if now_s - sent_s > PATIENCE_S]
        new = list(range(member.said, until))
        member.said = max(member.said, until)
        return sorted(late)[:_AGAIN] + new

    def _is_over(self, member: Member) -> bool:
        return member.said == self._seconds and not member.waiting

    def _count(self) -> None:
        self._connected += 1
        if self._connected >= len(self.members):
            self._assembled.set()


def _nothing() -> None:
    pass
