"""The MQTT connection on a real Mosquitto."""

import asyncio
from collections.abc import Iterator

import pytest

from agents.adapters.link import Link, Login, Message
from deploy.local.mosquitto import Mosquitto
from schemas.errors import Unavailable
from tests.bridge import DEVICE, Bridge, login
from tests.contracts import WILL, ConnectionContract


class TestLink(ConnectionContract):
    @pytest.fixture
    def broker(self, mosquitto: Mosquitto) -> Iterator[Bridge]:
        with Bridge(mosquitto) as bridge:
            yield bridge


def _connect(user: Login) -> Link:
    return Link(user, will=WILL, topics=(), received=lambda *_: None, changed=lambda: None)


async def test_a_wrong_password_is_one_clear_error(mosquitto: Mosquitto) -> None:
    wrong = Login(mosquitto.host, mosquitto.port, DEVICE, "wrong")
    with pytest.raises(Unavailable, match="Not authorized"):
        async with _connect(wrong):
            pass


async def test_an_absent_broker_is_one_clear_error(unused_tcp_port: int) -> None:
    with pytest.raises(Unavailable, match="refused"):
        async with _connect(Login("127.0.0.1", unused_tcp_port, DEVICE)):
            pass


async def test_a_forbidden_topic_is_said_once(
    mosquitto: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    elsewhere = Message("cityhum/v1/harbour/pole-02/features", b"{}")
    async with _connect(login(mosquitto)) as link:
        link.publish(elsewhere)
        link.publish(elsewhere)
        await link.confirmed()
    assert [record.message for record in caplog.records] == ["publish_refused"]


async def test_what_a_callback_raises_comes_out(mosquitto: Mosquitto) -> None:
    changed = asyncio.Event()

    def stumble(_topic: str, _payload: bytes) -> None:
        raise ZeroDivisionError

    with Bridge(mosquitto) as bridge:
        async with Link(
            login(mosquitto),
            will=WILL,
            topics=["cityhum/v1/harbour/pole-01/ack"],
            received=stumble,
            changed=changed.set,
        ) as link:
            bridge.deliver("cityhum/v1/harbour/pole-01/ack", b"{}")
            await changed.wait()
            with pytest.raises(ZeroDivisionError):
                link.check()
