"""Many devices in one process, each playing its own street in real time.

Their seconds end at different moments, as those of real devices do: device 1 begins at the start of
the simulation, the others evenly spread over the second after it, and so is the work.
"""

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Final

import numpy as np

from agents.adapters.clock import SystemClock
from agents.adapters.rendering import Renderer
from agents.adapters.running import stop_signals, until
from agents.calibration import SIMULATED
from agents.pipeline import Block
from agents.service import FAREWELL_S, Agent, opened
from agents.settings import AgentSettings
from agents.street import TrueEvent
from agents.street_faults import Fault, FaultKind, Render, faults, through
from agents.street_levels import RATE_HZ, Samples
from agents.street_weather import Weather, conditions
from hearing.adapters.recordings import read_mono
from schemas.base import DeviceId, Frozen, SiteId, UtcTime
from schemas.errors import BadConfig

OPEN_END_S: Final = 120
"""Of a simulation without an end, the true events of so many seconds are told at its start."""
DRAIN_S: Final = 20.0
_AHEAD_S: Final = 4  # seconds: a siren's first second takes about one to render
_LATE_S: Final = 0.5

log = logging.getLogger(__name__)


class Place(Frozen):
    """A device to simulate, and where it is."""

    site: SiteId
    device: DeviceId


class SimulatedDevice(Place):
    """What one device did."""

    session: str
    started_at: UtcTime
    """By its own clock."""
    readings: int
    fault: FaultKind | None = None


class TrueEventAt(TrueEvent):
    """What truly sounded at a device, and when."""

    device: DeviceId
    onset_at: UtcTime
    offset_at: UtcTime


class Truth(Frozen):
    """What a simulation did and what truly sounded in it: the demo is judged by this."""

    started_at: UtcTime
    seed: int
    devices: tuple[SimulatedDevice, ...]
    events: tuple[TrueEventAt, ...]
    weather: tuple[Weather, ...] = ()
    unacknowledged: int


@dataclass(frozen=True)
class Plan:
    """What to simulate."""

    places: Sequence[Place]
    seed: int
    seconds: int | None = None
    """None: until asked to stop."""
    sound: Path | None = None
    """A recording that the first device plays, once, instead of its street."""
    failing: int = 0
    """How many devices fail."""


@dataclass(eq=False)
class _Player:
    """A device and the sound that comes to it."""

    agent: Agent
    render: Render
    offset_s: float
    """How long after the simulation's start its first second begins."""
    fault: Fault | None = None
    ahead: asyncio.Queue[Samples] = field(default_factory=asyncio.Queue)

    async def prepare(self, k: int) -> None:
        """Render a second before it is due."""
        self.ahead.put_nowait(await self.render(k))


@dataclass(frozen=True)
class _Show:
    """A simulation under way; `begun_s` is `started_at` on the monotonic clock."""

    plan: Plan
    players: Sequence[_Player]
    clock: SystemClock
    begun_s: float
    started_at: datetime

    @property
    def seconds(self) -> Iterable[int]:
        """Every second of it."""
        return count() if self.plan.seconds is None else range(self.plan.seconds)

    async def play(self) -> None:
        """Render ahead, and let each device hear each second when it has sounded."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._render_ahead())
            for player in self.players:
                tasks.create_task(self._hear(player))

    async def _render_ahead(self) -> None:
        for k in self.seconds:
            if k >= _AHEAD_S:
                await self._sleep_until(k - _AHEAD_S + 0.5)  # between two ends of seconds
                await _prepare(self.players, k)

    async def _hear(self, player: _Player) -> None:
        for k in self.seconds:
            end_s = k + 1 + player.offset_s
            await self._sleep_until(end_s)
            player.agent.hear(Block(await player.ahead.get()))
            late_s = self.clock.monotonic_s() - self.begun_s - end_s
            if late_s > _LATE_S:
                extra = {"device": player.agent.origin.device, "late_s": round(late_s, 3)}
                log.warning("simulation_late", extra=extra)

    async def _sleep_until(self, scene_s: float) -> None:
        await self.clock.sleep(self.begun_s + scene_s - self.clock.monotonic_s())

    def began(self, player: _Player) -> datetime:
        """When the first second of a device began."""
        return self.started_at + timedelta(seconds=player.offset_s)

    def began_by_its_clock(self, player: _Player) -> datetime:
        """When the device itself believes that it did."""
        off_s = player.fault.clock_s if player.fault else 0.0
        return self.began(player) + timedelta(seconds=off_s)

    def truth(self, events: Iterable[TrueEvent], until_s: float, unacknowledged: int) -> Truth:
        """What to tell of it."""
        return Truth(
            started_at=self.started_at,
            seed=self.plan.seed,
            devices=tuple(self._done(player) for player in self.players),
            events=tuple(
                self._at(event)
                for event in events
                if self.plan.sound is None or event.device_index != 0
            ),
            weather=conditions(self.plan.seed, until_s),
            unacknowledged=unacknowledged,
        )

    def _done(self, player: _Player) -> SimulatedDevice:
        agent = player.agent
        return SimulatedDevice(
            site=agent.origin.site,
            device=agent.origin.device,
            session=agent.session,
            started_at=self.began_by_its_clock(player),
            readings=agent.heard,
            fault=player.fault.kind if player.fault else None,
        )

    def _at(self, event: TrueEvent) -> TrueEventAt:
        began = self.began(self.players[event.device_index])
        return TrueEventAt(
            **event.model_dump(),
            device=self.plan.places[event.device_index].device,
            onset_at=began + timedelta(seconds=event.onset_s),
            offset_at=began + timedelta(seconds=event.offset_s),
        )


async def simulate(plan: Plan, settings: AgentSettings, tell: Callable[[Truth], None]) -> Truth:
    """Play a city until its end or a signal; `tell` the truth as far as it is known, twice."""
    clock = SystemClock()
    with stop_signals() as stop, Renderer(plan.seed, len(plan.places)) as city:
        async with _players(plan, settings, city) as players:
            known_s = plan.seconds or OPEN_END_S
            events = await city.true_events(known_s)
            for k in range(_AHEAD_S):
                await _prepare(players, k)
            show = _Show(plan, players, clock, clock.monotonic_s(), clock.utc_now())
            for player in players:
                player.agent.begin(show.began_by_its_clock(player))
            tell(show.truth(events, known_s, unacknowledged=0))
            await until(stop, show.play())
            played_s = min(clock.monotonic_s() - show.begun_s, plan.seconds or math.inf)
            left = await _drain(players, FAREWELL_S if stop.is_set() else DRAIN_S)
            if played_s > OPEN_END_S and plan.seconds is None:
                events = await city.true_events(played_s)
            truth = show.truth((e for e in events if e.onset_s < played_s), played_s, left)
            tell(truth)
            return truth


def recorded(path: Path) -> Render:
    """A recording from its beginning, then silence.

    Raises
    ------
    BadConfig
        Missing, empty, damaged or no sound file.
    """
    sound = read_mono(path, RATE_HZ).astype(np.float32)

    async def render(k: int) -> Samples:
        second = sound[k * RATE_HZ : (k + 1) * RATE_HZ]
        return np.pad(second, (0, RATE_HZ - len(second)))

    return render


def settings_of(place: Place, settings: AgentSettings) -> AgentSettings:
    """Settings of one simulated device: its own id, password and folder."""
    passwords = settings.mqtt_passwords_folder
    return settings.model_copy(
        update={
            "site": place.site,
            "device": place.device,
            "mqtt_password_file": passwords / place.device if passwords else None,
            "state_folder": settings.state_folder / place.device,
            "indices": "off",  # a process a minute for each device
            "clock": "trusted",  # the city's, whatever it is
        }
    )


def places_for(devices: int, known: Sequence[Place]) -> Sequence[Place]:
    """Return as many places as there are devices to simulate.

    Raises
    ------
    BadConfig
        There are not so many.
    """
    if devices > len(known):
        raise BadConfig(f"{devices} devices to simulate, but the sites file has {len(known)}")
    return known[:devices]


@asynccontextmanager
async def _players(
    plan: Plan, settings: AgentSettings, city: Renderer
) -> AsyncIterator[Sequence[_Player]]:
    failing = faults(plan.seed, len(plan.places), plan.failing)
    fault_of = {fault.device_index: fault for fault in failing}
    async with AsyncExitStack() as open_agents:
        players = []
        for index, place in enumerate(plan.places):
            own = settings_of(place, settings)
            agent = await open_agents.enter_async_context(
                opened(own, rate_hz=RATE_HZ, calibration=SIMULATED)
            )
            offset_s, fault = index / len(plan.places), fault_of.get(index)
            render = through(fault, _render_of(plan, index, city))
            players.append(_Player(agent, render, offset_s, fault))
        yield players


def _render_of(plan: Plan, index: int, city: Renderer) -> Render:
    if index == 0 and plan.sound is not None:
        return recorded(plan.sound)
    return lambda k: city.second(index, k)


async def _prepare(players: Iterable[_Player], k: int) -> None:
    for player in players:
        await player.prepare(k)


async def _drain(players: Sequence[_Player], timeout_s: float) -> int:
    return sum(await asyncio.gather(*(player.agent.drain(timeout_s) for player in players)))
