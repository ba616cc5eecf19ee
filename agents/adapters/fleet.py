"""Thousands of devices in one process: each with its own connection and login, but no sound.

A device keeps the numbers of its unacknowledged readings in memory and makes them again to send
them. What it sends when, again too, is decided by the agent's own rules (`agents.delivery`).
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import Final

from agents.adapters import fleet_link
from agents.adapters.clock import Clock
from agents.adapters.fleet_member import Member
from agents.adapters.link import KEEPALIVE_S
from agents.adapters.publish import FIRST_BACKOFF_S, HEALTH_S, MAX_BACKOFF_S
from schemas.errors import Unavailable

PATIENCE_S: Final = 60.0
"""After the last second, how long nobody may answer before we give up."""
CONNECT_S: Final = 60.0
_AT_ONCE: Final = 50  # connections under way
_GRAIN_S: Final = 0.005
_BREATH: Final = 32
"""So many devices take their turn before others of the process do, however late we are."""

log = logging.getLogger(__name__)


class Fleet:
    """All of them, in the order of their offsets; `play` runs them to the end."""

    def __init__(self, members: Sequence[Member], clock: Clock, seconds: int | None) -> None:
        self.members = members
        self.began_at: datetime | None = None
        self._clock = clock
        self._seconds = seconds
        self._gate = asyncio.Semaphore(_AT_ONCE)
        self._connected = 0
        self._assembled = asyncio.Event()

    async def play(self) -> None:
        """Connect all, begin together, and play until all is answered, or nobody answers."""
        async with asyncio.TaskGroup() as tasks:
            lives = [tasks.create_task(self._live(member)) for member in self.members]
            await self._clock.wait(self._assembled, CONNECT_S)
            log.info("fleet_begins", extra={"connected": self._connected})
            await self._beat()
            for life in lives:
                life.cancel()

    @property
    def unacknowledged(self) -> int:
        """Readings that nobody has answered."""
        return sum(member.unacknowledged for member in self.members)

    async def _beat(self) -> None:
        """Let each second of each device sound when it is over."""
        self.began_at, begun_s = self._clock.utc_now(), self._clock.monotonic_s()
        for member in self.members:
            at = self.began_at + timedelta(seconds=member.offset_s)
            member.device = replace(member.device, began_at=at)
        second = 0
        while not self._is_over(begun_s):
            second = max(second + 1, int(self._clock.monotonic_s() - begun_s))
            for index, member in enumerate(self.members):
                early_s = begun_s + second + member.offset_s - self._clock.monotonic_s()
                if early_s > _GRAIN_S or not index % _BREATH:
                    await self._clock.sleep(max(early_s, 0.0))
                self._turn(member, begun_s, index + second)

    def _turn(self, member: Member, begun_s: float, turn: int) -> None:
        now_s = self._clock.monotonic_s()
        sounded = int(now_s - begun_s - member.offset_s + _GRAIN_S)
        member.hear(sounded if self._seconds is None else min(sounded, self._seconds))
        if not turn % HEALTH_S:
            member.say(self._clock.utc_now(), online=True)
        if not turn % KEEPALIVE_S:
            member.ping()
        member.send(now_s)

    def _is_over(self, begun_s: float) -> bool:
        if any(member.said != self._seconds for member in self.members):
            return False
        ended_s = begun_s + (self._seconds or 0) + 1
        answered_s = max(ended_s, *(member.answered_s for member in self.members))
        return not self.unacknowledged or self._clock.monotonic_s() > answered_s + PATIENCE_S

    async def _live(self, member: Member) -> None:
        """Connect again for ever; wait longer each time, and never in step with others."""
        backoff_s = FIRST_BACKOFF_S
        chance = Random()  # noqa: S311  # it spreads, nothing more
        while True:
            try:
                await self._connected_life(member)
                backoff_s = FIRST_BACKOFF_S
            except Unavailable as error:
                extra = {"device": member.login.user, "detail": str(error)}
                log.warning("broker_unavailable", extra=extra)
            await self._clock.sleep(backoff_s * (0.5 + chance.random() / 2))
            backoff_s = min(2 * backoff_s, MAX_BACKOFF_S)

    async def _connected_life(self, member: Member) -> None:
        def received(payload: bytes) -> None:
            member.receive(payload, self._clock.monotonic_s())

        async with self._gate:
            link = await fleet_link.opened(
                member.login, member.status(None, online=False), received
            )
        link.subscribe(member.ack_topic())
        member.serve(link)
        try:
            member.say(self._clock.utc_now(), online=True)
            self._count()
            await asyncio.wait([link.lost])
        except asyncio.CancelledError:
            member.say(self._clock.utc_now(), online=False)
            link.close()
            raise
        finally:
            member.serve(None)

    def _count(self) -> None:
        self._connected += 1
        if self._connected >= len(self.members):
            self._assembled.set()
