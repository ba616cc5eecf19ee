"""Ask a broker whether it knows a device.

Under a client id of its own; a broker that takes the user for it ends a running agent's connection.
"""

import time
from dataclasses import dataclass
from typing import Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from agents.adapters.link import QOS, Login, Message
from agents.adapters.tls import trusting
from agents.doctor import Answer
from schemas import codec
from schemas.errors import BadConfig

_PATIENCE_S: Final = 10.0
_STEP_S: Final = 0.1
_SILENT: Final = f"no answer in {_PATIENCE_S:.0f} s"


@dataclass
class _Conversation:
    """What has been said so far; None: nothing yet."""

    message: Message
    connected: ReasonCode | None = None
    published: ReasonCode | None = None

    def on_connect(
        self, client: mqtt.Client, _userdata: object, _flags: object, reason: ReasonCode, _p: object
    ) -> None:
        self.connected = reason
        if not reason.is_failure:
            described = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            described.ContentType = codec.CONTENT_TYPE
            message = self.message
            client.publish(message.topic, message.payload, QOS, properties=described)

    def on_publish(
        self, _client: mqtt.Client, _userdata: object, _mid: int, reason: ReasonCode, _p: object
    ) -> None:
        self.published = reason

    @property
    def over(self) -> bool:
        """Whether nothing more is to be expected."""
        refused = self.connected is not None and self.connected.is_failure
        return refused or self.published is not None

    def answer(self) -> Answer:
        """Return what came of it."""
        if self.connected is None:
            return Answer(unreachable=_SILENT)
        if self.connected.is_failure:
            return Answer(refused=str(self.connected))
        if self.published is None:
            return Answer(topic_refused=_SILENT)
        return Answer(topic_refused=str(self.published) if self.published.is_failure else None)


def ask(login: Login, message: Message) -> Answer:
    """Log in as the device, but under another client id, and publish one message; blocks.

    Parameters
    ----------
    login : Login
        Of the device.
    message : Message
        Sent with QoS 1, since only then does the broker say whether it was allowed.

    Returns
    -------
    Answer
    """
    said = _Conversation(message)
    client = mqtt.Client(
        CallbackAPIVersion.VERSION2, client_id=f"{login.user}-doctor", protocol=mqtt.MQTTv5
    )
    client.username_pw_set(login.user, login.password)
    client.on_connect, client.on_publish = said.on_connect, said.on_publish
    until_s = time.monotonic() + _PATIENCE_S
    try:
        if login.ca is not None:
            client.tls_set_context(trusting(login.ca))
        client.connect(login.host, login.port)
        while not said.over and time.monotonic() < until_s:
            if client.loop(_STEP_S) != mqtt.MQTT_ERR_SUCCESS:
                break
        client.disconnect()
    except BadConfig as error:
        return Answer(untrusted=str(error))
    except OSError as error:
        return Answer(unreachable=error.strerror or str(error))
    except UnicodeError as error:  # of a host that cannot be one, such as a..b
        return Answer(unreachable=str(error))
    return said.answer()
