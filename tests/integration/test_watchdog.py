"""What the service manager gets to hear, on a socket of its kind."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.adapters import watchdog
from agents.adapters.running import background


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(10)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "40000")
        yield listening


async def test_systemd_is_told_of_the_start_of_readings_and_of_the_end(
    manager: socket.socket,
) -> None:
    stored = iter(range(10_000))
    async with background(watchdog.feed_systemd(lambda: next(stored))):
        said = [await asyncio.to_thread(manager.recv, 200) for _ in range(2)]
    while (last := manager.recv(200)) != b"STOPPING=1":
        assert last.startswith(b"WATCHDOG=1")
    assert said[0] == b"READY=1"
    assert said[1].startswith(b"WATCHDOG=1")


async def test_without_systemd_nobody_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    async with background(watchdog.feed_systemd(lambda: 1)):
        await asyncio.sleep(0)
