"""Profile `labels`: names and levels leave the device, nothing else, over a real Mosquitto."""

import asyncio
import sqlite3
from pathlib import Path

import numpy as np
import pytest
import soundfile

from acoustics.sirens import siren
from agents import service
from agents.settings import AgentSettings
from deploy.local.mosquitto import Mosquitto
from schemas.base import ACTIVE_SCORE
from schemas.messages import ResultBatch
from tests.bridge import AckingBridge
from tests.full_band import FULL_BAND, model_folder, recordings

RATE_HZ = 16_000
TIMEOUT_S = 120


def settings_of(mosquitto: Mosquitto, folder: Path, model: str) -> AgentSettings:
    return AgentSettings(
        profile="labels",
        agent_model=model,
        mqtt_host=mosquitto.host,
        mqtt_port=mosquitto.port,
        mqtt_password_file=mosquitto.password_file("pole-01"),
        state_folder=folder / "state",
    )


async def played(mosquitto: Mosquitto, settings: AgentSettings, path: Path) -> list[ResultBatch]:
    """Results of a recording, each reading exactly once, and nothing but results."""
    with AckingBridge(mosquitto) as bridge:
        async with asyncio.timeout(TIMEOUT_S):
            done = await service.play(settings, path, speed=20)
    assert (done.remaining, done.rejected) == (0, 0)
    assert len(bridge.seqs) == done.readings
    assert bridge.batches == []
    return sorted(bridge.results, key=lambda batch: batch.first_seq)


async def test_a_siren_is_named_on_the_device(mosquitto: Mosquitto, tmp_path: Path) -> None:
    path = tmp_path / "siren.wav"
    wail = siren("wail", 8, RATE_HZ, np.random.default_rng(3))
    soundfile.write(path, np.concatenate([0.1 * wail, np.zeros(4 * RATE_HZ)]), RATE_HZ)
    settings = settings_of(mosquitto, tmp_path, "street8-0.3.0")
    results = await played(mosquitto, settings, path)
    heard = [labels for batch in results for labels in batch.labels]
    levels = [each.laeq_1s_db for batch in results for each in batch.levels]
    assert {batch.profile for batch in results} == {"labels"}
    assert {batch.model for batch in results} == {"street8-0.3.0@453748885f95"}
    assert all(labels.get("siren", 0) >= ACTIVE_SCORE for labels in heard[3:8])
    assert heard[-1] == {}
    assert levels[4] > -30 > levels[-1]
    # nor did a frame reach the disk
    with sqlite3.connect(settings.state_folder / service.SPOOL_FILE) as db:
        stored = [codes for (codes,) in db.execute("SELECT codes FROM reading")]
    db.close()
    assert all(codes.startswith(b"[") for codes in stored)


@pytest.mark.parametrize("name", FULL_BAND)
async def test_full_band_models_hear_recorded_sirens(
    mosquitto: Mosquitto, tmp_path: Path, name: str
) -> None:
    model = model_folder(name, tmp_path)
    slices = [soundfile.read(path)[0] for path in recordings("siren", 5)]
    path = tmp_path / "sirens.wav"
    soundfile.write(path, np.concatenate(slices), RATE_HZ)
    results = await played(mosquitto, settings_of(mosquitto, tmp_path, str(model)), path)
    heard = [labels for batch in results for labels in batch.labels]
    sirens = [labels.get("siren", 0) >= ACTIVE_SCORE for labels in heard]
    assert sum(sirens) > len(heard) / 3
    assert all("." in batch.model and "@" in batch.model for batch in results)
