"""The bridge's side of MQTT: messages wait here until somebody acknowledges them.

paho runs its own thread. The callbacks do next to nothing: an exception there would end the thread
silently (paho#692), and a callback that blocks also stops the keep-alive. What is not acknowledged
is the back-pressure: the broker sends at most `RECEIVE_MAXIMUM` messages ahead.
"""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from math import inf
from types import TracebackType
from typing import Final, NamedTuple, Self

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from processors.adapters.tls import trusting
from processors.packing import gather_s
from processors.settings import ProcessorSettings
from processors.verdicts import Arrived
from schemas.adapters import text_file
from schemas.codec import CONTENT_TYPE
from schemas.errors import BadConfig, Unavailable

RECEIVE_MAXIMUM: Final = 1000
SESSION_EXPIRY_S: Final = 7 * 86_400
_MAX_WAITING: Final = 10_000  # only QoS 0 can pile up beyond RECEIVE_MAXIMUM; devices use QoS 1
_ENOUGH: Final = 400
"""Take these at once: the broker sends no more than `RECEIVE_MAXIMUM` ahead."""
_LOOK_S: Final = 0.05
_KEEP_ALIVE_S: Final = 10
"""A broker that is silent, but not gone, is noticed after twice that: sooner than alerts end."""
_REFUSED_FOR_GOOD: Final = (134, 135)  # bad user name or password, not authorized

log = logging.getLogger(__name__)


class Handle(NamedTuple):
    """What names a delivery to the broker; ids start again with each connection, its epoch."""

    epoch: int
    message_id: int
    qos: int


class Delivery(NamedTuple):
    """A message and its handle."""

    arrived: Arrived
    handle: Handle


class MqttLink:
    """A subscription that survives restarts, acknowledged by hand; an async context manager.

    Parameters
    ----------
    settings : ProcessorSettings
        Broker, user and password file.
    client_id : str
        Stable: the broker keeps this client's messages for 7 days.
    filters : sequence of str
        What to subscribe to, at QoS 1.
    clock : callable
        Time of arrival.
    """

    def __init__(
        self,
        settings: ProcessorSettings,
        *,
        client_id: str,
        filters: Sequence[str],
        clock: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._filters = [(topic, SubscribeOptions(qos=1, retainHandling=1)) for topic in filters]
        self._clock = clock
        self._waiting: deque[Delivery] = deque()
        self._wake = asyncio.Event()
        self._woken = False
        self._epoch = 0
        self._away = False
        self._back_at_s = -inf
        self._taken_at_s = 0.0
        self._gather_s = gather_s(0)
        self._described = _properties(PacketTypes.PUBLISH)
        self._described.ContentType = CONTENT_TYPE
        self._failure: Exception | None = None
        self._client = self._build(client_id)
        self._thread_name = f"paho-mqtt-client-{client_id}"

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        kept = _properties(PacketTypes.CONNECT)
        kept.SessionExpiryInterval = SESSION_EXPIRY_S
        kept.ReceiveMaximum = RECEIVE_MAXIMUM
        self._client.connect_async(
            self._settings.mqtt_host,
            self._settings.mqtt_port,
            _KEEP_ALIVE_S,
            clean_start=False,
            properties=kept,
        )
        self._client.loop_start()
        self._thread = next(t for t in threading.enumerate() if t.name == self._thread_name)
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
        """Whether the broker is there to deliver."""
        return self._client.is_connected()

    @property
    def heard_for_s(self) -> float:
        """How long we have listened: 0 while the broker is away, endless if nobody ever was."""
        return self._loop.time() - self._back_at_s if self.listening else 0.0

    async def take(self, timeout_s: float) -> list[Delivery]:
        """Everything that waits, in order of arrival; empty if nothing comes in time.

        Raises
        ------
        BadConfig
            If the broker refuses user or subscription.
        Unavailable
            If the client's thread has ended.
        """
        if not self._waiting and self._failure is None:
            try:
                async with asyncio.timeout(timeout_s):
                    await self._wake.wait()
            except TimeoutError:
                pass
        await self._gathered()
        if self._failure is not None:
            raise self._failure
        if not self._thread.is_alive():
            raise Unavailable("the MQTT client's thread has ended")
        self._taken_at_s = self._loop.time()
        self._wake.clear()
        self._woken = False
        taken = [self._waiting.popleft() for _ in range(len(self._waiting))]
        self._gather_s = gather_s(len(taken))
        return taken

    async def _gathered(self) -> None:
        """Let more come, while there are not many."""
        due_s = self._taken_at_s + self._gather_s
        while (left_s := due_s - self._loop.time()) > 0:
            await asyncio.sleep(min(left_s, _LOOK_S))
            if len(self._waiting) >= _ENOUGH:
                break

    def acknowledge(self, handle: Handle) -> None:
        """Tell the broker; a handle of an earlier connection is void, its message comes again."""
        if handle.qos > 0 and handle.epoch == self._epoch:
            self._client.ack(handle.message_id, handle.qos)

    def publish(self, topic: str, payload: bytes) -> None:
        """Answer a device; dropped while the broker is away, for the device then sends again."""
        if self._client.is_connected():
            self._client.publish(topic, payload, qos=1, properties=self._described)

    def _build(self, client_id: str) -> Client:
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=MQTTProtocolVersion.MQTTv5,
            manual_ack=True,
        )
        password = text_file.password(self._settings.mqtt_password_file)
        if password is not None:
            client.username_pw_set(self._settings.mqtt_user, password)
        if self._settings.mqtt_ca is not None:
            client.tls_set_context(trusting(self._settings.mqtt_ca))
        client.reconnect_delay_set(min_delay=1, max_delay=30)
        client.max_inflight_messages_set(0)  # any limit is looked for in all that is on its way
        client.on_message = self._on_message
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        return client

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        try:
            if message.qos == 0 and len(self._waiting) >= _MAX_WAITING:
                return
            arrived = Arrived(message.topic, bytes(message.payload), self._clock())
            handle = Handle(self._epoch, message.mid, message.qos)
            self._waiting.append(Delivery(arrived, handle))
            if not self._woken:
                self._woken = True
                self._loop.call_soon_threadsafe(self._wake.set)
        except Exception as error:  # noqa: BLE001 - it must reach the program, not end this thread
            self._fail(error)

    def _on_connect(
        self,
        client: Client,
        _data: object,
        flags: ConnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            self._away = True
            log.warning("mqtt_refused", extra={"reason": str(reason)})
            if reason.value in _REFUSED_FOR_GOOD and self._epoch == 0:
                user = self._settings.mqtt_user
                self._fail(BadConfig(f"the MQTT broker refuses user {user!r}: {reason}"))
            return
        self._epoch += 1
        if self._away or (self._epoch == 1 and flags.session_present):  # we were away
            self._away, self._back_at_s = False, self._loop.time()
        log.info("mqtt_connected", extra={"session_present": flags.session_present})
        client.subscribe(self._filters)

    def _on_connect_fail(self, _client: Client, _data: object) -> None:
        self._away = True
        where = f"{self._settings.mqtt_host}:{self._settings.mqtt_port}"
        log.warning("mqtt_away", extra={"broker": where})

    def _on_disconnect(
        self,
        _client: Client,
        _data: object,
        _flags: DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            self._away = True
            log.warning("mqtt_lost", extra={"reason": str(reason)})

    def _on_subscribe(
        self,
        _client: Client,
        _data: object,
        _message_id: int,
        reasons: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        refusals = [reason for reason in reasons if reason.is_failure]
        if refusals:
            self._fail(BadConfig(f"the MQTT broker refuses the subscription: {refusals[0]}"))
        else:
            log.info("mqtt_subscribed", extra={"filters": len(reasons)})

    def _fail(self, error: Exception) -> None:
        self._failure = error
        self._loop.call_soon_threadsafe(self._wake.set)


def _properties(packet: int) -> Properties:
    return Properties(packet)  # type: ignore[no-untyped-call]  # paho left this one untyped
