"""The doctor at a real Mosquitto."""

import asyncio
from pathlib import Path

import pytest

from agents.adapters.doctor import asked, free_bytes, listened
from agents.adapters.doctor_broker import ask
from agents.adapters.link import Message
from agents.settings import AgentSettings
from deploy.local.mosquitto import Mosquitto
from deploy.local.ports import settled
from schemas import codec
from schemas.messages import Status
from tests.bridge import Bridge, login

DEVICE = "pole-19"
"""No other test's: what they leave retained on their topics would be heard first."""


@pytest.fixture
def settings(mosquitto: Mosquitto, tmp_path: Path) -> AgentSettings:
    return AgentSettings(
        device=DEVICE,
        mqtt_host=mosquitto.host,
        mqtt_port=mosquitto.port,
        mqtt_password_file=mosquitto.password_file(DEVICE),
        state_folder=tmp_path / "state",
    )


async def test_a_known_device_may_come_in_and_write(
    mosquitto: Mosquitto, settings: AgentSettings
) -> None:
    with Bridge(mosquitto) as bridge:
        answer = await asyncio.to_thread(asked, settings)
        status = codec.decode(Status, await bridge.receive(f"cityhum/v1/harbour/{DEVICE}/status"))
    assert (answer.unreachable, answer.refused, answer.topic_refused) == (None, None, None)
    assert (status.device, status.online) == (DEVICE, False)


def test_a_wrong_password_is_refused(settings: AgentSettings, tmp_path: Path) -> None:
    (tmp_path / "wrong").write_text("wrong")
    wrong = settings.model_copy(update={"mqtt_password_file": tmp_path / "wrong"})
    answer = asked(wrong)
    assert (answer.unreachable, answer.refused) == (None, "Not authorized")


def test_a_missing_password_file_is_told(settings: AgentSettings, tmp_path: Path) -> None:
    answer = asked(settings.model_copy(update={"mqtt_password_file": tmp_path / "none"}))
    assert "No such file" in str(answer.refused)


def test_a_broker_that_is_away_cannot_be_reached(settings: AgentSettings) -> None:
    answer = asked(settings.model_copy(update={"mqtt_port": settled(0)}))
    assert answer.unreachable == "Connection refused"


def test_a_user_that_may_not_write_there_is_told(mosquitto: Mosquitto) -> None:
    message = Message("cityhum/v1/harbour/pole-01/status", b"{}")
    assert ask(login(mosquitto, "pole-02"), message).topic_refused == "Not authorized"


async def test_without_a_recorder_somebody_is_told_what_to_install() -> None:
    assert "alsa-utils" in str(await listened("", 16_000, program="no-such-recorder"))


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert isinstance(free_bytes(tmp_path / "new"), int)
    assert free_bytes(tmp_path / "file") == "File exists"
