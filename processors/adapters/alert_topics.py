"""Alerts on MQTT: each device and rule has a topic that always holds its newest alert."""

import asyncio
import logging
import socket
import struct
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from processors.adapters.link import Link
from processors.adapters.tls import trusting
from processors.home_assistant import Retained
from processors.settings import ProcessorSettings
from schemas import cloud_events, topics
from schemas.adapters import text_file
from schemas.codec import CONTENT_TYPE, encode
from schemas.errors import BadConfig, Unavailable
from schemas.results import Alert, Window

_EXPIRES_AFTER_S: Final = 86_400
_KEEP_ALIVE_S: Final = 30
_CONFIRMED_WITHIN_S: Final = 10.0

log = logging.getLogger(__name__)


class MqttTarget:
    """The alert topics; an async context manager that connects, and reconnects by itself.

    `standing` messages are published at every connection: a broker may have lost what it retained.
    For the same reason the relay tells it then of the newest alerts once more, by `link`.
    """

    name = "mqtt"

    def __init__(self, settings: ProcessorSettings, standing: Sequence[Retained] = ()) -> None:
        self._settings = settings
        self._standing = standing
        self.link = Link()
        self._failure: BadConfig | None = None
        self._confirmed: dict[int, asyncio.Future[None]] = {}
        self._client = self._build()

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._connect()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)

    @property
    def listening(self) -> bool:
        """Whether the broker is there."""
        return self._client.is_connected()

    async def deliver(self, messages: Sequence[Alert | Window]) -> None:
        """Publish all, retained; done when the broker has confirmed them.

        Raises
        ------
        Unavailable
            If the broker is away or does not confirm in time.
        BadConfig
            If the broker refuses our user or our topics.
        """
        try:
            async with asyncio.timeout(_CONFIRMED_WITHIN_S):
                await self.link.wait()
                self._check()
                alerts = [message for message in messages if isinstance(message, Alert)]
                await asyncio.gather(*[self._publish(alert) for alert in alerts])
        except TimeoutError:
            if self._confirmed:
                await self._begin_anew()
            where = f"{self._settings.mqtt_host}:{self._settings.mqtt_port}"
            raise Unavailable(f"MQTT at {where} does not confirm") from None
        self._check()

    def show(self, retained: Retained) -> None:
        """Publish, retained, if the broker is there; nobody waits for it."""
        if self._client.is_connected():
            described = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            described.ContentType = CONTENT_TYPE
            topic, payload = retained
            self._client.publish(topic, payload, 1, retain=True, properties=described)

    def _publish(self, alert: Alert) -> asyncio.Future[None]:
        described = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        described.ContentType = CONTENT_TYPE
        described.MessageExpiryInterval = _EXPIRES_AFTER_S
        described.UserProperty = list(cloud_events.attributes(alert).items())
        topic = topics.alert_topic(alert.site, alert.device, alert.rule)
        confirmed: asyncio.Future[None] = self._loop.create_future()
        sent = self._client.publish(topic, encode(alert), 1, retain=True, properties=described)
        # the confirmation comes through the event loop, so not before this line
        self._confirmed[sent.mid] = confirmed
        return confirmed

    def _connect(self) -> None:
        self._client.connect_async(
            self._settings.mqtt_host, self._settings.mqtt_port, _KEEP_ALIVE_S, clean_start=True
        )
        self._client.loop_start()

    async def _begin_anew(self) -> None:
        """Forget what was not confirmed, with its connection.

        paho would send it again whenever it connects, and the broker would retain it, although
        another relay may have told something newer by then.
        """
        old, self._client = self._client, self._build()
        self._confirmed.clear()
        self.link.down()
        self._connect()
        old.disconnect()
        _break(old.socket())
        await asyncio.to_thread(old.loop_stop)

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _build(self) -> Client:
        client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        password = text_file.password(self._settings.mqtt_password_file)
        if password is not None:
            client.username_pw_set(self._settings.mqtt_user, password)
        if self._settings.mqtt_ca is not None:
            client.tls_set_context(trusting(self._settings.mqtt_ca))
        client.reconnect_delay_set(min_delay=1, max_delay=30)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        return client

    def _on_connect(
        self,
        client: Client,
        _data: object,
        _flags: ConnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if client is not self._client:  # it was given up while it was connecting
            client.disconnect()
        self._loop.call_soon_threadsafe(self._connection, reason)

    def _on_disconnect(
        self,
        _client: Client,
        _data: object,
        _flags: DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._connection, reason)

    def _on_publish(
        self,
        _client: Client,
        _data: object,
        message_id: int,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._confirm, message_id, reason)

    # the rest runs in the event loop -------------------------------------------------------------

    def _connection(self, reason: ReasonCode) -> None:
        if not self._client.is_connected():
            self.link.down()
            if reason.is_failure:
                log.warning("mqtt_away", extra={"reason": str(reason)})
            return
        log.info("mqtt_connected")
        for one in self._standing:
            self.show(one)
        self.link.up()

    def _confirm(self, message_id: int, reason: ReasonCode) -> None:
        confirmed = self._confirmed.pop(message_id, None)
        if confirmed is None:  # it was only shown
            if reason.is_failure:
                log.warning("mqtt_refused", extra={"reason": str(reason)})
            return
        if reason.is_failure:
            user = self._settings.mqtt_user
            self._failure = BadConfig(f"the MQTT broker refuses alerts of {user!r}: {reason}")
        if not confirmed.done():
            confirmed.set_result(None)


def _break(connection: object) -> None:
    """End a connection, if it is one, without sending what waits in it."""
    if isinstance(connection, socket.socket):
        at_once = struct.pack("ii", 1, 0)
        with suppress(OSError):  # it has ended by itself
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
            connection.shutdown(socket.SHUT_RDWR)
