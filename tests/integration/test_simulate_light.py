"""A light city at a real Mosquitto: each device with a connection of its own."""

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from agents import light
from agents.adapters.clock import SystemClock, new_session
from agents.adapters.fleet import Fleet
from agents.adapters.fleet_member import Member
from agents.batches import Origin
from agents.light import Loop, Repeating
from deploy.local.mosquitto import Mosquitto
from tests.bridge import AckingBridge, login

TIMEOUT_S = 60
DEVICES = ("pole-01", "pole-02", "pole-03")


@pytest.fixture(scope="module")
def loop() -> Loop:
    return light.loops(seed=7, scenes=1, loop_s=4)[0]


def fleet(mosquitto: Mosquitto, loop: Loop, seconds: int) -> Fleet:
    clock = SystemClock()
    members = []
    for n, device in enumerate(DEVICES):
        now = clock.utc_now()
        repeating = Repeating(Origin("harbour", device), new_session(now), now, loop, n)
        members.append(Member(repeating, login(mosquitto, device), n / len(DEVICES)))
    return Fleet(members, clock, seconds)


async def test_every_device_says_every_second_once(mosquitto: Mosquitto, loop: Loop) -> None:
    with AckingBridge(mosquitto) as bridge:
        playing = fleet(mosquitto, loop, seconds=3)
        async with asyncio.timeout(TIMEOUT_S):
            await playing.play()
    assert playing.unacknowledged == 0
    expected = {(m.login.user, m.device.session, seq) for m in playing.members for seq in range(3)}
    assert bridge.seqs & expected == expected


async def test_a_device_that_is_cut_off_comes_back_and_loses_nothing(
    mosquitto: Mosquitto, loop: Loop
) -> None:
    with AckingBridge(mosquitto) as bridge:
        playing = fleet(mosquitto, loop, seconds=6)
        async with asyncio.timeout(TIMEOUT_S):
            task = asyncio.create_task(playing.play())
            await bridge.receive("cityhum/v1/harbour/pole-01/features")
            await asyncio.to_thread(bridge.cut)
            await task
    (first, *_) = playing.members
    session = first.device.session
    assert {seq for _, name, seq in bridge.seqs if name == session} == set(range(6))


async def test_what_is_rejected_is_not_sent_for_ever(mosquitto: Mosquitto, loop: Loop) -> None:
    with AckingBridge(mosquitto, bad=frozenset({1})):
        playing = fleet(mosquitto, loop, seconds=3)
        async with asyncio.timeout(TIMEOUT_S):
            await playing.play()
    assert [member.rejected for member in playing.members] == [1, 1, 1]
    assert playing.unacknowledged == 0


async def test_the_command_tells_what_truly_sounded(mosquitto: Mosquitto, tmp_path: Path) -> None:
    command = ["-m", "cityhum", "simulate", "--light", "--devices", "2", "--seconds", "3"]
    environment = {
        "CITYHUM_MQTT_PORT": str(mosquitto.port),
        "CITYHUM_MQTT_PASSWORDS_FOLDER": str(mosquitto.device_passwords),
    }
    with AckingBridge(mosquitto):
        process = await asyncio.create_subprocess_exec(
            sys.executable, *command, "--events", str(tmp_path / "events.json"),
            env={**os.environ, **environment},
        )  # fmt: skip
        async with asyncio.timeout(TIMEOUT_S):
            assert await process.wait() == 0
    truth = json.loads((tmp_path / "events.json").read_text())
    assert [each["readings"] for each in truth["devices"]] == [3, 3]
