"""Wiring of one agent: blocks -> pipeline -> spool -> publisher."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Final, Protocol

from agents import pipeline
from agents.adapters import calibration_file, plugged, publish_ports, watchdog
from agents.adapters.capture import sound_file
from agents.adapters.clock import TRUST, Clock, SystemClock, new_session
from agents.adapters.health import agent_version, health
from agents.adapters.link import Link
from agents.adapters.listener import Ears, ears_of
from agents.adapters.login import login_of
from agents.adapters.publish import Publisher
from agents.adapters.running import background, stop_signals, until
from agents.adapters.spool import SqliteSpool
from agents.adapters.timekeeper import Holding, Timekeeper
from agents.batches import Origin
from agents.calibration import Calibration, CalibrationRecord
from agents.pipeline import Block, PipelineState
from agents.played import Played
from agents.reading import Reading
from agents.settings import AgentSettings
from agents.uploads import uploads
from schemas.base import SeqRange
from schemas.errors import BadConfig, Unavailable
from schemas.messages import Status

CHECKPOINT_S: Final = 30.0
FAREWELL_S: Final = 10.0
PATIENCE_S: Final = 30.0
SPOOL_FILE: Final = "spool.sqlite"

log = logging.getLogger(__name__)


class Spool(publish_ports.Spool, Holding, Protocol):
    """A spool as the agent needs it."""

    def append(self, readings: Sequence[Reading]) -> None:
        """Store readings; beyond the bound the oldest ones are dropped and remembered."""

    def kept(self) -> int:
        """Number of readings that were ever stored or are held in memory; it never shrinks."""

    def heard_until(self) -> datetime | None:
        """Event time at which the reading stored last ended."""

    def quarantined(self) -> int:
        """Number of readings that were ever rejected."""

    def dropped(self) -> Sequence[SeqRange]:
        """The newest ranges that were lost because the spool was full, oldest first."""


class Agent:
    """One device at work; `opened` makes one."""

    def __init__(
        self,
        origin: Origin,
        spool: Spool,
        connect: publish_ports.Connect,
        *,
        folder: Path,
        clock: Clock,
        calibration: Calibration | None,
        rate_hz: int,
        ears: Ears | None = None,
    ) -> None:
        self.origin = origin
        self.spool = spool
        self.heard = 0
        self._folder = folder
        self._clock = clock
        self._calibration = calibration
        self._rate_hz = rate_hz
        self._ears = ears or Ears()
        self._overruns = 0
        self.time = Timekeeper(clock, spool)
        now = clock.utc_now()
        self._state = self._fresh(new_session(now), now)
        self.publisher = Publisher(
            origin,
            spool,
            connect,
            status=self.status,
            clock=clock,
            chance=Random(),  # noqa: S311
        )
        for lane in self._ears.lanes:
            self.publisher.carry(lane)

    @property
    def session(self) -> str:
        """The session under way."""
        return self._state.session

    def begin(self, started_at: datetime) -> None:
        """Begin a session with the next block; `started_at` is its first sample's time."""
        unused = self._state.seq == 0 and not len(self._state.pending)
        session = self.session if unused else new_session(self._clock.utc_now())
        self._state = self._fresh(session, started_at)
        if not unused:
            self.publisher.renew()

    def hear(self, block: Block) -> None:
        """Take the next samples; readings that they complete are stored and sent."""
        self._state, seconds = pipeline.hear(self._state, block)
        self._overruns += block.lost_samples > 0
        if not seconds:
            return
        readings = self._ears.listener(seconds)
        self.heard += len(readings)
        try:
            self.spool.append(readings)
        except Unavailable as error:  # the spool keeps them for the next second
            log.error("spool_failing", extra={"detail": str(error)})  # noqa: TRY400
        self.publisher.wake()

    async def hear_live(self, blocks: AsyncIterator[Block]) -> None:
        """Hear a microphone to its end; a new session for it, and after each step of the clock."""
        try:
            async for block in blocks:
                if (started_at := self.time.begins(block, self._rate_hz)) is not None:
                    self.begin(started_at)
                    measured = replace(block, lost_samples=0)  # what was lost, was lost before it
                else:
                    measured = self.time.measured(block, self._rate_hz, self._heard_until)
                self._state = replace(self._state, clock=self.time.clock)
                self.hear(measured)
                moved = self._state.started_at + self.time.shift(self._heard_until)
                self._state = replace(self._state, started_at=moved, clock=self.time.clock)
        finally:
            self.time.interrupt()

    def back_dated(self, by_s: float) -> datetime:
        """So long ago, but not before the end of what this device has heard."""
        wanted = self._clock.utc_now() - timedelta(seconds=by_s)
        return max(wanted, self.spool.heard_until() or wanted)

    async def hear_paced(self, blocks: Iterable[Block], started_at: datetime, speed: float) -> None:
        """Hear a recording at `speed` times real time, and nothing before it has sounded."""
        begun_s = self._clock.monotonic_s()
        lead_s = (started_at - self._clock.utc_now()).total_seconds()
        heard_s = 0.0
        for block in blocks:
            heard_s += len(block.samples) / self._rate_hz
            due_s = begun_s + max(heard_s / speed, lead_s + heard_s)
            await self._clock.sleep(due_s - self._clock.monotonic_s())
            self.hear(block)

    def status(self) -> Status:
        """The device at this moment."""
        condition = health(self._folder)
        return Status(
            site=self.origin.site,
            device=self.origin.device,
            session=self.session,
            online=True,
            at=self._clock.utc_now(),
            agent_version=agent_version(),
            calibration=None if self._calibration is None else self._calibration.name,
            profile=self.origin.profile,
            clock=self.time.clock,
            spooled_readings=self.spool.depth(),
            quarantined=self.spool.quarantined(),
            overruns=self._overruns,
            temperature_c=condition.temperature_c,
            disk_free_bytes=condition.disk_free_bytes,
            dropped=tuple(self.spool.dropped()),
        )

    async def drain(self, timeout_s: float) -> int:
        """Wait until everything is acknowledged; how many readings still are not."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                self.publisher.hurry()
                await self._ears.idle()
                self.publisher.wake()
                await self.publisher.drained()
        return self.spool.depth()

    def progress(self) -> int:
        """Grows with each reading that is kept or arrives; never shrinks."""
        return self.spool.kept() + self.publisher.arrived

    @property
    def _heard_until(self) -> datetime:
        """Event time of the end of the last sample."""
        samples = self._state.position + len(self._state.pending)
        return self._state.started_at + timedelta(seconds=samples / self._rate_hz)

    def _fresh(self, session: str, started_at: datetime) -> PipelineState:
        return pipeline.start(session, started_at, self._rate_hz, calibration=self._calibration)


@asynccontextmanager
async def opened(
    settings: AgentSettings,
    *,
    rate_hz: int,
    calibration: Calibration | None = None,
) -> AsyncIterator[Agent]:
    """An agent that publishes until the context ends, and then says that it is offline."""
    clock = SystemClock(TRUST[settings.clock])
    origin = Origin(settings.site, settings.device, settings.profile)
    async with AsyncExitStack() as stack:
        path = settings.state_folder / SPOOL_FILE
        spool = stack.enter_context(
            SqliteSpool(path, settings.spool_max_bytes, settings.spool_max_days)
        )
        agent = Agent(
            origin,
            spool,
            partial(Link, login_of(settings)),
            folder=settings.state_folder,
            clock=clock,
            calibration=calibration,
            rate_hz=rate_hz,
            ears=await stack.enter_async_context(ears_of(settings, origin, rate_hz)),
        )
        agent.publisher.follow(
            uploads(settings.upload, settings.upload_interval_s, settings.upload_every_s)
        )
        async with background(agent.publisher.run()), background(_checkpoints(spool, clock)):
            yield agent


async def listen(settings: AgentSettings) -> None:
    """Publish what the microphone hears, until asked to stop."""
    record = calibration_file.in_use(settings.state_folder, settings.device)
    calibration = None if record is None else record.calibration
    with stop_signals() as stop:
        async with (
            opened(settings, rate_hz=settings.rate_hz, calibration=calibration) as agent,
            background(watchdog.feed_systemd(agent.progress)),
            background(agent.time.watch(agent.publisher.wake)),
        ):
            await until(stop, _hear(agent, settings, record))
            await agent.drain(FAREWELL_S)


async def _hear(agent: Agent, settings: AgentSettings, record: CalibrationRecord | None) -> None:
    clock = SystemClock()
    found = await plugged.present(settings.microphone, clock)
    fits = partial(plugged.calibrated, record)
    await plugged.hear(found, settings.rate_hz, agent.hear_live, clock, fits)


async def play(settings: AgentSettings, path: Path, speed: float) -> Played:
    """Publish a recording as if the microphone heard it, `speed` times as fast.

    No reading may be of the future, so one that is played faster lies in the past; and never
    before what this device has published already, for an instant is published once.
    """
    with sound_file(path) as recording:
        length_s = sum(len(block.samples) for block in recording.blocks) / recording.rate_hz
    if length_s < 1:
        raise BadConfig(
            f"{path}: holds only {1000 * length_s:.0f} ms of sound, a reading takes 1 s"
        )
    record = calibration_file.in_use(settings.state_folder, settings.device)
    calibration = None if record is None else record.calibration
    with stop_signals() as stop, sound_file(path) as recording:
        async with opened(settings, rate_hz=recording.rate_hz, calibration=calibration) as agent:
            started_at = agent.back_dated(length_s * (1 - 1 / speed))
            agent.time.vouch()
            agent.begin(started_at)
            rejected = agent.spool.quarantined()
            await until(stop, agent.hear_paced(recording.blocks, started_at, speed))
            remaining = await agent.drain(PATIENCE_S)
            return Played(
                file=str(path),
                session=agent.session,
                started_at=started_at,
                seconds=round(length_s, 3),
                readings=agent.heard,
                rejected=agent.spool.quarantined() - rejected,
                remaining=remaining,
            )


async def _checkpoints(spool: SqliteSpool, clock: SystemClock) -> None:
    while True:
        await clock.sleep(CHECKPOINT_S)
        try:
            await asyncio.to_thread(spool.checkpoint)
        except Unavailable as error:
            log.warning("checkpoint_failed", extra={"detail": str(error)})
