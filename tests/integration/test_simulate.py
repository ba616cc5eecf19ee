"""Simulated devices and recordings, published to a real Mosquitto by the whole agent."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from agents import service
from agents.adapters.clock import TRUST
from agents.settings import AgentSettings
from agents.simulate import Place, Plan, SimulatedDevice, Truth, simulate
from agents.street import city, true_events
from deploy.local.mosquitto import Mosquitto
from schemas import codec
from schemas.errors import BadConfig
from schemas.messages import Status
from tests.bridge import AckingBridge

TIMEOUT_S = 90
PLACES = [Place(site="harbour", device=f"pole-{n:02d}") for n in (1, 2, 3)]


@pytest.fixture
def settings(mosquitto: Mosquitto, tmp_path: Path) -> AgentSettings:
    return AgentSettings(
        mqtt_host=mosquitto.host,
        mqtt_port=mosquitto.port,
        mqtt_password_file=mosquitto.password_file("pole-01"),
        mqtt_passwords_folder=mosquitto.device_passwords,
        state_folder=tmp_path / "state",
    )


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """20 s and a bit of noise, stereo, at a rate that is not ours."""
    path = tmp_path / "recording.wav"
    noise = np.random.default_rng(1).normal(0, 0.1, (20 * 22_050 + 99, 2))
    soundfile.write(path, noise, 22_050)
    return path


async def test_every_device_plays_its_street_to_the_end(
    mosquitto: Mosquitto, settings: AgentSettings
) -> None:
    told: list[Truth] = []
    with AckingBridge(mosquitto) as bridge:
        async with asyncio.timeout(TIMEOUT_S):
            truth = await simulate(Plan(PLACES, seed=7, seconds=3), settings, told.append)
    assert truth.unacknowledged == 0
    assert [(each.device, each.readings) for each in truth.devices] == [
        (place.device, 3) for place in PLACES
    ]
    assert bridge.seqs == {
        (each.device, each.session, seq) for each in truth.devices for seq in range(3)
    }
    expected = true_events(city(7, 3), 3)
    assert [(event.label, event.onset_s) for event in truth.events] == [
        (event.label, event.onset_s) for event in expected
    ]
    assert [len(each.events) for each in told] == [len(expected)] * 2
    assert {b.device: b.started_at for b in bridge.batches if b.first_seq == 0} == {
        each.device: each.started_at for each in truth.devices
    }
    assert truth.devices[0].started_at == truth.started_at


async def test_the_first_device_plays_a_recording_and_then_silence(
    mosquitto: Mosquitto, settings: AgentSettings, tmp_path: Path
) -> None:
    path = tmp_path / "short.wav"
    soundfile.write(path, np.full(16_000, 0.5) * np.sin(np.arange(16_000)), 16_000)
    plan = Plan(PLACES[:1], seed=7, seconds=3, sound=path)
    with AckingBridge(mosquitto) as bridge:
        async with asyncio.timeout(TIMEOUT_S):
            truth = await simulate(plan, settings, lambda _: None)
    levels = {batch.first_seq: batch.levels[0].lzeq_1s_db for batch in bridge.batches}
    assert levels[0] == pytest.approx(114, abs=0.5)
    assert levels[2] < 0
    assert truth.events == ()


async def test_a_recording_is_published_faster_than_it_sounds(
    mosquitto: Mosquitto,
    settings: AgentSettings,
    recording: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setitem(TRUST, "auto", lambda: False)
    with AckingBridge(mosquitto) as bridge:
        async with asyncio.timeout(TIMEOUT_S):
            played = await service.play(settings, recording, speed=20)
    assert caplog.messages.count("clock_unsynced") == 1
    assert {batch.clock for batch in bridge.batches} == {"synced"}  # a person is there
    assert (played.readings, played.rejected, played.remaining) == (20, 0, 0)
    assert {seq for _, session, seq in bridge.seqs if session == played.session} == set(range(20))


async def test_a_file_that_is_no_sound_is_a_mistake(
    settings: AgentSettings, tmp_path: Path
) -> None:
    (tmp_path / "letter.wav").write_text("dear city")
    with pytest.raises(BadConfig, match="not a sound file"):
        await service.play(settings, tmp_path / "letter.wav", speed=1)


async def test_a_simulation_that_is_stopped_says_that_its_devices_are_offline(
    mosquitto: Mosquitto, settings: AgentSettings, tmp_path: Path
) -> None:
    command = "from cityhum.main import main; main()"
    arguments = ["simulate", "--devices", "2", "--events", str(tmp_path / "events.json")]
    environment = {
        "CITYHUM_MQTT_PORT": str(mosquitto.port),
        "CITYHUM_MQTT_PASSWORDS_FOLDER": str(mosquitto.device_passwords),
        "CITYHUM_STATE_FOLDER": str(settings.state_folder),
    }
    with AckingBridge(mosquitto) as bridge:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", command, *arguments, env={**os.environ, **environment}
        )
        async with asyncio.timeout(TIMEOUT_S):
            try:
                for place in PLACES[:2]:
                    await bridge.receive(f"cityhum/v1/harbour/{place.device}/features")
                process.send_signal(signal.SIGTERM)
                assert await process.wait() == 0
            finally:
                if process.returncode is None:
                    process.kill()
            truth = Truth.model_validate_json((tmp_path / "events.json").read_text())
            for device in truth.devices:
                await _goodbye(bridge, device)
    assert truth.unacknowledged == 0
    assert len(bridge.seqs) == sum(each.readings for each in truth.devices)


async def _goodbye(bridge: AckingBridge, device: SimulatedDevice) -> None:
    """Return once a device has said that this session is over."""
    topic = f"cityhum/v1/harbour/{device.device}/status"
    while True:
        status = codec.decode(Status, await bridge.receive(topic))
        if (status.session, status.online) == (device.session, False):
            return
