from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from agents import sample_clock
from agents.sample_clock import PATIENCE_S, Moment, SampleClock
from agents.slew import MAX_SLEW

NOW = datetime(2026, 5, 4, 10, 0, tzinfo=UTC)


def moment(passed_s: float, *, set_by_s: float = 0.0, synced: bool = True) -> Moment:
    """So long after the start, on a clock that was set by so much since."""
    return Moment(NOW + timedelta(seconds=passed_s + set_by_s), 1000.0 + passed_s, synced)


@dataclass
class Device:
    """A session whose crystal gives a second of sound in so many seconds."""

    clock: SampleClock
    second_s: float = 1.0
    block_s: float = 1.0
    blocks: int = 0
    started_at: datetime = NOW

    @property
    def passed_s(self) -> float:
        return self.blocks * self.block_s * self.second_s

    @property
    def heard_until(self) -> datetime:
        return self.started_at + timedelta(seconds=self.blocks * self.block_s)

    def hear(self, *, set_by_s: float = 0.0, synced: bool = True) -> timedelta:
        self.blocks += 1
        now = moment(self.passed_s, set_by_s=set_by_s, synced=synced)
        self.clock, shift = sample_clock.step(self.clock, now, self.heard_until)
        self.started_at += shift
        return shift


@pytest.mark.parametrize(("drift", "days"), [(50e-6, 7), (-50e-6, 1)])
def test_a_crystal_off_by_50_ppm_is_followed_for_a_week(drift: float, days: int) -> None:
    # a block every 8 s is harder than the real eight a second: it leaves 63 ppm of corrections
    device = Device(sample_clock.start(moment(0)), second_s=1 + drift, block_s=8.0)
    worst_s = 0.0
    for _ in range(days * 86_400 // 8):
        shift = device.hear()
        assert abs(shift.total_seconds()) <= MAX_SLEW + 1e-6
        lag = NOW + timedelta(seconds=device.passed_s) - device.heard_until
        worst_s = max(worst_s, abs(lag.total_seconds()))
    assert worst_s < 0.02  # 30 s, were it left alone
    assert not device.clock.has_ended(moment(device.passed_s))


@pytest.mark.parametrize("set_by_s", [-3600.0, -1.1, 1.1, 3600.0])
def test_a_step_of_the_system_clock_ends_the_session(set_by_s: float) -> None:
    clock = sample_clock.start(moment(0))
    assert not clock.has_ended(moment(1))
    assert clock.has_ended(moment(1, set_by_s=set_by_s))


@pytest.mark.parametrize("set_by_s", [-0.4, 0.4])
def test_a_small_step_is_slewed(set_by_s: float) -> None:
    device = Device(sample_clock.start(moment(0)))
    for _ in range(1000):
        assert abs(device.hear(set_by_s=set_by_s).total_seconds()) <= MAX_SLEW + 1e-6
    assert not device.clock.has_ended(moment(device.passed_s, set_by_s=set_by_s))
    gained = device.started_at - NOW
    assert gained.total_seconds() == pytest.approx(set_by_s, abs=0.02)


def test_a_start_without_a_clock_is_shifted_once_time_is_known() -> None:
    device = Device(sample_clock.start(moment(0, synced=False)))
    for _ in range(100):
        device.hear(synced=False)
    before = device.clock
    assert device.hear(set_by_s=86_400.0) == timedelta(days=1)
    assert (before.clock, device.clock.clock) == ("unsynced", "synced")
    assert not device.clock.has_ended(moment(device.passed_s, set_by_s=86_400.0))
    assert device.started_at == NOW + timedelta(days=1)


def test_a_clock_that_was_right_unknown_to_itself_is_shifted_by_nothing() -> None:
    device = Device(sample_clock.start(moment(0, synced=False)))
    assert device.hear() == timedelta(0)
    assert device.clock.clock == "synced"


def test_before_time_is_known_a_clock_that_is_set_means_nothing() -> None:
    device = Device(sample_clock.start(moment(0, synced=False)))
    assert device.hear(set_by_s=7.0, synced=False) == timedelta(0)
    assert not device.clock.has_ended(moment(1, set_by_s=7.0, synced=False))
    assert device.clock.now(moment(5, set_by_s=7.0, synced=False)) == NOW + timedelta(seconds=5)


def test_two_sessions_without_time_are_shifted_as_one() -> None:
    first = sample_clock.start(moment(0, synced=False))
    second = sample_clock.start(moment(9, set_by_s=7.0, synced=False), first)
    assert second.now(moment(9, set_by_s=7.0, synced=False)) == NOW + timedelta(seconds=9)


def test_the_true_time_is_waited_for_across_sessions() -> None:
    first = sample_clock.start(moment(0, synced=False))
    second = sample_clock.start(moment(PATIENCE_S - 1, synced=False), first)
    assert not second.is_out_of_patience(moment(PATIENCE_S - 1, synced=False))
    assert second.is_out_of_patience(moment(PATIENCE_S, synced=False))


def test_patience_ends_after_15_minutes_unless_time_is_known() -> None:
    clock = sample_clock.start(moment(0, synced=False))
    assert not clock.is_out_of_patience(moment(PATIENCE_S - 1, synced=False))
    assert clock.is_out_of_patience(moment(PATIENCE_S, synced=False))
    assert not replace(clock, clock="synced").is_out_of_patience(moment(PATIENCE_S))


def test_time_that_becomes_known_too_late_ends_the_session() -> None:
    clock = sample_clock.start(moment(0, synced=False))
    assert not clock.has_ended(moment(PATIENCE_S - 1, set_by_s=99.0))
    assert not clock.has_ended(moment(PATIENCE_S, synced=False))
    assert clock.has_ended(moment(PATIENCE_S, set_by_s=99.0))


def test_an_overrun_costs_what_the_system_clock_says_and_at_least_what_is_told() -> None:
    device = Device(sample_clock.start(moment(0)))
    for _ in range(40):
        device.hear()
    late = moment(device.passed_s + 1 + 2.5)
    ends = device.heard_until + timedelta(seconds=1)
    assert device.clock.lost_s(late, ends, told_s=2.0) == pytest.approx(2.5, abs=0.01)
    assert device.clock.lost_s(late, ends, told_s=3.0) == 3.0


def test_a_card_that_gives_more_than_a_second_in_a_second_is_seen() -> None:
    device = Device(sample_clock.start(moment(0)), second_s=44_100 / 48_000)
    seconds = 0
    while not device.clock.has_ended(moment(device.passed_s)):
        device.hear()
        seconds += 1
    assert device.clock.runs_ahead
    assert seconds < 20


def test_samples_from_the_future_end_the_session_at_once() -> None:
    heard_until = NOW + timedelta(seconds=2 + 2)
    clock, _ = sample_clock.step(sample_clock.start(moment(2)), moment(2.1), heard_until)
    assert clock.has_ended(moment(2.2))
    assert clock.runs_ahead
