"""Who may do what: the broker's access list and the database's roles."""

import threading

import paho.mqtt.client as paho
import psycopg
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

from deploy.local.mosquitto import Mosquitto
from deploy.local.postgres import Postgres


class Visitor:
    """An MQTT client that keeps what it receives."""

    def __init__(self, broker: Mosquitto, user: str) -> None:
        self.received: list[str] = []
        self.refused: list[str] = []
        self._acknowledged = threading.Semaphore(0)
        self._arrived = threading.Semaphore(0)
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        self._client.username_pw_set(user, broker.password_file(user).read_text())
        self._client.on_publish = self._on_publish
        self._client.on_message = self._on_message
        self._client.on_subscribe = lambda *_: self._acknowledged.release()
        self._client.connect(broker.host, broker.port)
        self._client.loop_start()

    def publish(self, topic: str) -> None:
        """Publish and wait for the broker's answer, yes or no."""
        self._client.publish(topic, b"hello", qos=1)
        assert self._acknowledged.acquire(timeout=10)

    def subscribe(self, topic: str) -> None:
        self._client.subscribe(topic, qos=1)
        assert self._acknowledged.acquire(timeout=10)

    def wait_message(self) -> None:
        assert self._arrived.acquire(timeout=10)

    def leave(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_publish(self, *answer: object) -> None:
        reason = answer[3]
        assert isinstance(reason, ReasonCode)
        if reason.is_failure:
            self.refused.append(str(reason))
        self._acknowledged.release()

    def _on_message(self, _client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        self.received.append(message.topic)
        self._arrived.release()


def test_a_device_writes_its_own_topics_only(mosquitto: Mosquitto) -> None:
    bridge = Visitor(mosquitto, "bridge")
    bridge.subscribe("cityhum/v1/+/+/features")
    device = Visitor(mosquitto, "pole-02")
    device.publish("cityhum/v1/harbour/pole-01/features")
    device.publish("cityhum/v1/harbour/pole-02/alerts/siren")
    device.publish("cityhum/v1/harbour/pole-02/features")
    bridge.wait_message()
    device.leave()
    bridge.leave()
    assert bridge.received == ["cityhum/v1/harbour/pole-02/features"]
    assert device.refused == ["Not authorized"] * 2


def test_a_device_reads_its_own_acks_only(mosquitto: Mosquitto) -> None:
    device = Visitor(mosquitto, "pole-02")
    device.subscribe("cityhum/v1/#")
    bridge = Visitor(mosquitto, "bridge")
    bridge.publish("cityhum/v1/harbour/pole-01/ack")
    bridge.publish("cityhum/v1/harbour/pole-02/ack")
    device.wait_message()
    bridge.leave()
    device.leave()
    assert device.received == ["cityhum/v1/harbour/pole-02/ack"]


def test_nobody_enters_without_a_password(mosquitto: Mosquitto) -> None:
    answered = threading.Event()
    reasons: list[str] = []
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)

    def on_connect(*answer: object) -> None:
        reasons.append(str(answer[3]))
        answered.set()

    client.on_connect = on_connect
    client.connect(mosquitto.host, mosquitto.port)
    client.loop_start()
    assert answered.wait(10)
    client.disconnect()
    client.loop_stop()
    assert reasons[0] == "Not authorized"


def test_the_reader_cannot_write(postgres: Postgres) -> None:
    with (
        psycopg.connect(postgres.conninfo("cityhum_reader")) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("CREATE TABLE mine (number int)")
