"""One connection to the MQTT broker.

A new paho client each time, so that its own queue never sends again what our spool sends again.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from agents.adapters.paho_loop import PahoLoop
from agents.adapters.tls import trusting
from schemas import codec
from schemas.errors import Unavailable

QOS: Final = 1
KEEPALIVE_S: Final = 30
SESSION_EXPIRY_S: Final = 24 * 3600
"""So long the broker keeps acknowledgements for a device that is away."""
CONNECT_TIMEOUT_S: Final = 10.0

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Login:
    """Where the broker is, and who we are there; the user is also the client id."""

    host: str
    port: int
    user: str
    password: str | None = None
    ca: Path | None = None
    """Whose certificates we believe; None: no TLS."""

    @property
    def where(self) -> str:
        """The broker's address, for people."""
        return f"{'mqtts' if self.ca else 'mqtt'}://{self.host}:{self.port}"


@dataclass(frozen=True)
class Message:
    """Something to publish, QoS 1."""

    topic: str
    payload: bytes
    retain: bool = False


class Link:
    """An open connection; leaving it says goodbye, and the broker then drops the last will."""

    def __init__(
        self,
        login: Login,
        *,
        will: Message,
        topics: Sequence[str],
        received: Callable[[str, bytes], None],
        changed: Callable[[], None],
    ) -> None:
        self._login = login
        self._topics = topics
        self._received = received
        self._changed = changed
        self._failure: Exception | None = None
        self._unconfirmed: set[int] = set()
        self._refusals: set[str] = set()
        self._client = self._new_client(will)

    async def __aenter__(self) -> Self:
        self._confirmed = asyncio.Event()
        self._welcome: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._driver = PahoLoop(self._client, self._fail)
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await self._driver.connect(self._connect)
                await self._welcome
        except TimeoutError:
            self._driver.close()
            raise Unavailable(f"{self._where}: no answer in {CONNECT_TIMEOUT_S:.0f} s") from None
        except OSError as error:
            self._driver.close()
            raise Unavailable(f"{self._where}: {error}") from None
        except BaseException:
            self._driver.close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.disconnect()
        if self._client.want_write():
            self._client.loop_write()
        self._driver.close()

    def check(self) -> None:
        """Raise what ended the connection, if anything has.

        Raises
        ------
        Unavailable
            The connection is lost.
        """
        if self._failure is not None:
            raise self._failure

    def publish(self, message: Message) -> None:
        """Hand over a message; the broker's confirmation comes later, see `confirmed`.

        Raises
        ------
        Unavailable
            The connection is lost.
        """
        properties = _properties(PacketTypes.PUBLISH, ContentType=codec.CONTENT_TYPE)
        info = self._client.publish(
            message.topic, message.payload, qos=QOS, retain=message.retain, properties=properties
        )
        if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise Unavailable(f"{self._where}: {mqtt.error_string(info.rc)}")
        self._unconfirmed.add(info.mid)
        self._confirmed.clear()

    async def confirmed(self) -> None:
        """Return once the broker has confirmed everything that was published."""
        while self._unconfirmed:
            await self._confirmed.wait()
            self.check()

    @property
    def _where(self) -> str:
        return self._login.where

    def _new_client(self, will: Message) -> mqtt.Client:
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=self._login.user, protocol=mqtt.MQTTv5
        )
        client.username_pw_set(self._login.user, self._login.password)
        if self._login.ca is not None:
            client.tls_set_context(trusting(self._login.ca))
        content_type = _properties(PacketTypes.WILLMESSAGE, ContentType=codec.CONTENT_TYPE)
        client.will_set(
            will.topic, will.payload, qos=QOS, retain=will.retain, properties=content_type
        )
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        return client

    def _connect(self) -> None:
        expiry = _properties(PacketTypes.CONNECT, SessionExpiryInterval=SESSION_EXPIRY_S)
        self._client.connect(
            self._login.host,
            self._login.port,
            keepalive=KEEPALIVE_S,
            clean_start=False,
            properties=expiry,
        )

    def _fail(self, error: Exception) -> None:
        if self._failure is None:
            self._failure = error
        if not self._welcome.done():
            self._welcome.set_exception(self._failure)
        self._confirmed.set()
        self._changed()

    def _on_connect(
        self,
        _client: mqtt.Client,
        _userdata: object,
        _flags: mqtt.ConnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            self._fail(Unavailable(f"{self._where}: {reason} (user {self._login.user})"))
            return
        if self._topics:
            self._client.subscribe([(topic, SubscribeOptions(qos=QOS)) for topic in self._topics])
        if not self._welcome.done():
            self._welcome.set_result(None)

    def _on_disconnect(
        self,
        _client: mqtt.Client,
        _userdata: object,
        _flags: mqtt.DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        self._fail(Unavailable(f"{self._where}: connection lost: {reason}"))

    def _on_message(
        self, _client: mqtt.Client, _userdata: object, message: mqtt.MQTTMessage
    ) -> None:
        self._received(message.topic, bytes(message.payload))

    def _on_publish(
        self,
        _client: mqtt.Client,
        _userdata: object,
        mid: int,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        self._unconfirmed.discard(mid)
        if not self._unconfirmed:
            self._confirmed.set()
        if reason.is_failure:
            self._refused("publish_refused", reason)

    def _on_subscribe(
        self,
        _client: mqtt.Client,
        _userdata: object,
        _mid: int,
        reasons: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        for reason in reasons:
            if reason.is_failure:
                self._refused("subscription_refused", reason)

    def _refused(self, event: str, reason: ReasonCode) -> None:
        """Say it once per connection: a refused device sends every second."""
        if event not in self._refusals:
            self._refusals.add(event)
            log.error(event, extra={"user": self._login.user, "reason": str(reason)})


def _properties(kind: int, **values: str | int) -> Properties:
    properties = Properties(kind)  # type: ignore[no-untyped-call]
    for name, value in values.items():
        setattr(properties, name, value)
    return properties
