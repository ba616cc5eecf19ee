"""`cityhum simulate --light`: thousands of devices that repeat what a few have heard."""

from collections.abc import Sequence
from datetime import timedelta

from agents import light
from agents.adapters.clock import SystemClock, new_session
from agents.adapters.fleet import Fleet
from agents.adapters.fleet_member import Member
from agents.adapters.login import login_of
from agents.adapters.running import stop_signals, until
from agents.batches import Origin
from agents.light import Loop, Repeating
from agents.settings import AgentSettings
from agents.simulate import Plan, SimulatedDevice, TrueEventAt, Truth, settings_of


async def replay(plan: Plan, settings: AgentSettings) -> Truth:
    """Play a light city until its end or a signal; what it did and what truly sounded."""
    known = light.loops(plan.seed, min(light.SCENES, len(plan.places)))
    clock = SystemClock()
    with stop_signals() as stop:
        fleet = Fleet(_members(plan, settings, known, clock), clock, plan.seconds)
        await until(stop, fleet.play())
    return _truth(plan, fleet)


def _members(
    plan: Plan, settings: AgentSettings, known: tuple[Loop, ...], clock: SystemClock
) -> list[Member]:
    members = []
    for index, place in enumerate(plan.places):
        loop, shift_s = light.loop_of(index, known)
        now = clock.utc_now()
        origin = Origin(place.site, place.device)
        device = Repeating(origin, new_session(now), now, loop, shift_s)
        login = login_of(settings_of(place, settings))
        members.append(Member(device, login, offset_s=index / len(plan.places)))
    return members


def _truth(plan: Plan, fleet: Fleet) -> Truth:
    return Truth(
        started_at=fleet.began_at or SystemClock().utc_now(),
        seed=plan.seed,
        devices=tuple(_done(member) for member in fleet.members),
        events=_events(fleet.members),
        unacknowledged=fleet.unacknowledged,
    )


def _done(member: Member) -> SimulatedDevice:
    device = member.device
    return SimulatedDevice(
        site=device.origin.site,
        device=device.origin.device,
        session=device.session,
        started_at=device.began_at,
        readings=member.said,
    )


def _events(members: Sequence[Member]) -> tuple[TrueEventAt, ...]:
    return tuple(
        TrueEventAt(
            **event.model_dump(),
            device=member.device.origin.device,
            onset_at=member.device.began_at + timedelta(seconds=event.onset_s),
            offset_at=member.device.began_at + timedelta(seconds=event.offset_s),
        )
        for index, member in enumerate(members)
        for event in member.device.events(index, member.said)
    )
