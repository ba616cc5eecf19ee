import asyncio
from contextlib import suppress

import pytest

from agents.adapters import watchdog
from tests.fakes import FakeClock


class Notified:
    """Remembers what the service manager was told."""

    def __init__(self) -> None:
        self.states: list[str] = []

    def notify(self, state: str) -> None:
        self.states.append(state)


async def told(positions: list[int]) -> list[str]:
    """What is said while the spool's newest reading moves through some positions."""
    notified, clock = Notified(), FakeClock()
    over = asyncio.Event()
    left = iter(positions)

    def stored() -> int:
        try:
            return next(left)
        except StopIteration:
            over.set()
            return positions[-1]

    task = asyncio.create_task(watchdog.feed(stored, clock, notified, every_s=30.0))
    await over.wait()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    return [line for state in notified.states for line in state.splitlines()]


async def test_it_is_fed_after_new_readings_only() -> None:
    lines = await told([0, 30, 30, 30, 60])
    fed = [line for line in lines if line == "WATCHDOG=1"]
    assert lines[0] == "READY=1"
    assert len(fed) == 2
    assert "STATUS=no reading kept, none arrived for 60 s" in lines
    assert lines[-1] == "STOPPING=1"


async def test_it_starves_while_nothing_is_stored() -> None:
    assert "WATCHDOG=1" not in await told([7, 7, 7, 7])


@pytest.mark.parametrize(
    ("limit_us", "expected_s"), [("", 10.0), ("120000000", 10.0), ("8000000", 2.0), ("x", 10.0)]
)
def test_it_looks_often_enough(
    monkeypatch: pytest.MonkeyPatch, limit_us: str, expected_s: float
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", limit_us)
    assert watchdog.interval_s() == expected_s
