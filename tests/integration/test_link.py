"""The MQTT connection on a real Mosquitto."""

import asyncio
import threading
from collections.abc import Iterator
from functools import partial
from queue import Queue
from typing import Self

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from agents.adapters.link import Link, Login, Message
from agents.adapters.publish import Connect
from deploy.local.mosquitto import Mosquitto
from schemas import topics
from schemas.errors import Unavailable
from tests.contracts import WILL, ConnectionContract

DEVICE = "pole-01"
TIMEOUT_S = 10


def login(broker: Mosquitto, user: str = DEVICE) -> Login:
    password = broker.password_file(user).read_text(encoding="utf-8").strip()
    return Login(broker.host, broker.port, user, password)


class Bridge:
    """The bridge's place at a Mosquitto of the test's own."""

    def __init__(self, broker: Mosquitto) -> None:
        self._broker = broker
        self._got: dict[str, Queue[bytes]] = {}
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self.connect: Connect = partial(Link, login(broker))

    def __enter__(self) -> Self:
        subscribed = threading.Event()
        self._client.username_pw_set("bridge", login(self._broker, "bridge").password)
        self._client.on_message = lambda _c, _u, m: self._queue(m.topic).put(bytes(m.payload))
        self._client.on_subscribe = lambda *_: subscribed.set()
        self._client.connect(self._broker.host, self._broker.port)
        self._client.loop_start()
        self._client.subscribe([(topics.subscription("features"), 1), (WILL.topic, 1)])
        assert subscribed.wait(TIMEOUT_S)
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def deliver(self, topic: str, payload: bytes) -> None:
        self._client.publish(topic, payload, qos=1).wait_for_publish(TIMEOUT_S)

    def cut(self) -> None:
        """Take the device's place: the broker then ends the older connection."""
        usurper = mqtt.Client(CallbackAPIVersion.VERSION2, DEVICE, protocol=mqtt.MQTTv5)
        usurper.username_pw_set(DEVICE, login(self._broker).password)
        connected = threading.Event()
        usurper.on_connect = lambda *_: connected.set()
        usurper.connect(self._broker.host, self._broker.port)
        usurper.loop_start()
        assert connected.wait(TIMEOUT_S)
        usurper.disconnect()
        usurper.loop_stop()

    async def receive(self, topic: str) -> bytes:
        return await asyncio.to_thread(self._queue(topic).get, timeout=TIMEOUT_S)

    def _queue(self, topic: str) -> Queue[bytes]:
        return self._got.setdefault(topic, Queue())


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
            await asyncio.to_thread(bridge.deliver, "cityhum/v1/harbour/pole-01/ack", b"{}")
            await changed.wait()
            with pytest.raises(ZeroDivisionError):
                link.check()
