"""Who may publish and read what at Mosquitto, tried by each user."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

from benchmarks.security_stack import DEVICES, ROOT, SITE, SecureStack
from benchmarks.security_trial import Trial, may, may_not
from deploy.local.ports import HOST
from deploy.local.programs import access_table
from processors.access import Streams

_SERVER: Final = "mosquitto"
_PATIENCE_S: Final = 30.0
_BELOW: Final = f"cityhum/v1/{SITE}/{DEVICES[0]}"
_TOPICS: Final = {
    **{
        stream: f"{_BELOW}/{stream}"
        for stream in ("features", "results", "indices", "status", "ack", "levels", "other")
    },
    "alerts": f"{_BELOW}/alerts/siren",
    "homeassistant": f"homeassistant/device/{DEVICES[0]}/config",
}
"""Every stream of a device, and one that is none."""


class Client:
    """An MQTT client that remembers what it heard and what was refused."""

    def __init__(self, stack: SecureStack, user: str, password: str, **options: str) -> None:
        self.heard: list[str] = []
        self.payloads: list[bytes] = []
        self.lost = threading.Event()
        self._answered = threading.Semaphore(0)
        self._reason: ReasonCode | None = None
        port = (
            stack.mosquitto.services_port if user in access_table().mqtt else stack.mosquitto.port
        )
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=options.get("client_id", ""),
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
        )
        if user:
            self._client.username_pw_set(user, password)
        self._client.tls_set_context(stack.certificates.context())
        self._client.on_connect = lambda *said: self._answer(said[3])
        self._client.on_publish = lambda *said: self._answer(said[3])
        self._client.on_subscribe = lambda *said: self._answer(said[3][0])
        self._client.on_message = self._on_message
        self._client.on_disconnect = lambda *_: self.lost.set()
        self._client.connect(HOST, port)
        self._client.loop_start()
        self.inside = self._ask()

    def publishes(self, topic: str, payload: bytes = b"hello") -> bool:
        """Whether the broker takes a message."""
        self._client.publish(topic, payload, qos=1)
        return self._ask()

    def subscribe(self, topic: str) -> bool:
        """Ask for a topic; when the answer is there, so is all that was sent before."""
        self._client.subscribe(topic, qos=1)
        return self._ask()

    def leave(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()

    def _ask(self) -> bool:
        if not self._answered.acquire(timeout=_PATIENCE_S) or self._reason is None:
            raise AssertionError("Mosquitto gives no answer")
        return not self._reason.is_failure

    def _answer(self, reason: ReasonCode) -> None:
        self._reason = reason
        self._answered.release()

    def _on_message(self, _client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        self.heard.append(message.topic)
        self.payloads.append(bytes(message.payload))


def opened(stack: SecureStack, user: str) -> Client:
    """A client that logs in with the user's password."""
    return Client(stack, user, stack.mosquitto.password_file(user).read_text(encoding="utf-8"))


def trials(stack: SecureStack) -> Iterator[Trial]:
    """Try everything; the device `pole-02` is shut out in the end."""
    yield from _doors(stack)
    yield from _streams(stack)
    yield from _places(stack)
    yield from _credentials(stack)


def _doors(stack: SecureStack) -> Iterator[Trial]:
    """Who does not get in at all."""
    for who, user, password in (
        ("anonymous", "", ""),
        ("a device with a wrong password", DEVICES[0], "wrong"),
        ("a device without a password", "pole-99", "wrong"),
        ("bridge with a wrong password", "bridge", "wrong"),
        ("a device with another's password", DEVICES[0], _word(stack, DEVICES[1])),
        ("a user with wildcards", "+", "wrong"),
    ):
        client = Client(stack, user, password)
        yield may_not(_SERVER, who, "log in", client.inside)
        client.leave()


def _streams(stack: SecureStack) -> Iterator[Trial]:
    """Every user with every topic of the device `pole-01`; everyone listens to everything."""
    rules = access_table().mqtt
    clients = {user: opened(stack, user) for user in (*DEVICES, "bridge", "relay", "viewer")}
    for client in clients.values():
        client.subscribe("#")
        client.subscribe("$SYS/#")
    for kind, topic in _TOPICS.items():
        for user, client in clients.items():
            rule = rules["device" if user in DEVICES else user]
            wanted = kind in rule.write and _reaches(rule, user)
            yield Trial(_SERVER, _who(user), f"publish {kind}", wanted, client.publishes(topic))
        for user, client in clients.items():
            client.subscribe("nothing")
            rule = rules["device" if user in DEVICES else user]
            wanted = kind in rule.read and _reaches(rule, user)
            yield Trial(_SERVER, _who(user), f"read {kind}", wanted, topic in client.heard)
    for user, client in clients.items():
        yield may_not(
            _SERVER, _who(user), "read $SYS", any(t.startswith("$") for t in client.heard)
        )
        client.leave()


def _places(stack: SecureStack) -> Iterator[Trial]:
    """A device that calls itself by another's client id does not push it out."""
    first = Client(stack, DEVICES[0], _word(stack, DEVICES[0]), client_id=DEVICES[0])
    second = Client(stack, DEVICES[1], _word(stack, DEVICES[1]), client_id=DEVICES[0])
    second.subscribe("nothing")
    taken = first.lost.wait(0.5)
    yield may_not(_SERVER, "another device", "take a device's connection", taken)
    for client in (first, second):
        client.leave()


def _credentials(stack: SecureStack) -> Iterator[Trial]:
    """`cityhum devices`, while Mosquitto runs."""
    new = stack.folder / "pole-77.password"
    _devices(stack, "add", "pole-77", "--credential", str(new))
    yield _enters(stack, "a device just added", "pole-77", _read(new), wanted=True)
    old, rotated = _word(stack, DEVICES[1]), stack.folder / "rotated.password"
    _devices(stack, "rotate", DEVICES[1], "--credential", str(rotated))
    yield _enters(stack, "a rotated device, old password", DEVICES[1], old, wanted=False)
    inside = Client(stack, DEVICES[1], _read(rotated))
    yield may(_SERVER, "a rotated device, new password", "log in", inside.inside)
    _devices(stack, "revoke", DEVICES[1])
    stays = not inside.lost.wait(_PATIENCE_S)
    yield may_not(_SERVER, "a revoked device", "stay connected", stays)
    yield _enters(stack, "a revoked device", DEVICES[1], _read(rotated), wanted=False)
    inside.leave()


def _enters(stack: SecureStack, who: str, user: str, password: str, *, wanted: bool) -> Trial:
    client = Client(stack, user, password)
    client.leave()
    return Trial(_SERVER, who, "log in", wanted, client.inside)


def _devices(stack: SecureStack, verb: str, device: str, *options: str) -> None:
    """Run the command, as an operator would."""
    where = ["--secrets", str(stack.secrets)]
    pid = ["--pid-file", str(stack.folder / "run" / "mosquitto.pid")]
    command = [sys.executable, "-m", "cityhum", "devices", verb, device, *options, *where, *pid]
    said = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    if "has been told" not in said:
        raise AssertionError(said)


def _reaches(rule: Streams, user: str) -> bool:
    return rule.devices == "all" or user == DEVICES[0]


def _who(user: str) -> str:
    own = {DEVICES[0]: "the device", DEVICES[1]: "another device"}
    return own.get(user, user)


def _word(stack: SecureStack, user: str) -> str:
    return _read(stack.mosquitto.password_file(user))


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8").strip()
