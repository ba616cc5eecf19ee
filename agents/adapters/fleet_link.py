"""A simulated device's connection to the broker, as cheap as can be: thousands share a process."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from agents import mqtt_packets
from agents.adapters.link import (
    CONNECT_TIMEOUT_S,
    KEEPALIVE_S,
    SESSION_EXPIRY_S,
    Login,
    Message,
)
from agents.adapters.tls import trusting
from agents.mqtt_packets import CONNACK, FAILED, PUBACK, PUBLISH, SUBACK, Packet
from schemas.codec import CONTENT_TYPE
from schemas.errors import Unavailable

_LAST_NUMBER: Final = 0xFFFF

log = logging.getLogger(__name__)


class FleetLink(asyncio.Protocol):
    """An open connection; `lost` ends with it. Made by `opened`."""

    def __init__(self, login: Login, will: Message, received: Callable[[bytes], None]) -> None:
        loop = asyncio.get_running_loop()
        self.lost: asyncio.Future[None] = loop.create_future()
        self.welcome: asyncio.Future[None] = loop.create_future()
        self._login = login
        self._will = will
        self._received = received
        self._stream = mqtt_packets.Stream()
        self._number = 0
        self._refused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say who we are."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  # it is TCP
        self._transport = transport
        will = mqtt_packets.last_will(self._will.topic, self._will.payload, CONTENT_TYPE)
        greeting = mqtt_packets.connect(
            self._login.user,
            self._login.password or "",
            keep_alive_s=KEEPALIVE_S,
            session_expiry_s=SESSION_EXPIRY_S,
            will=will,
        )
        transport.write(greeting)

    def data_received(self, data: bytes) -> None:
        """Take what the broker says."""
        for packet in self._stream.feed(data):
            self._take(packet)

    def connection_lost(self, exc: Exception | None) -> None:
        """Note it for whoever waits."""
        for waiting in (self.welcome, self.lost):
            if not waiting.done():
                waiting.set_exception(Unavailable(f"{self._login.where}: {exc or 'closed'}"))
                waiting.exception()  # nobody needs to look

    def publish(self, message: Message) -> None:
        """Hand over a message; what the connection no longer carries is lost with it."""
        number = self._next_number()
        self._transport.write(
            mqtt_packets.publish(
                message.topic, message.payload, number, CONTENT_TYPE, retain=message.retain
            )
        )

    def subscribe(self, topic: str) -> None:
        """Ask for the answers."""
        self._transport.write(mqtt_packets.subscribe(topic, self._next_number()))

    def ping(self) -> None:
        """Show that we are here."""
        self._transport.write(mqtt_packets.PING)

    def close(self) -> None:
        """Say goodbye: the broker then drops the last will."""
        self._transport.write(mqtt_packets.GOODBYE)
        self._transport.close()

    def _take(self, packet: Packet) -> None:
        if packet.kind == PUBLISH:
            message = mqtt_packets.heard(packet)
            if message.number:
                self._transport.write(mqtt_packets.puback(message.number))
            self._received(message.payload)
        elif packet.kind == CONNACK and not self.welcome.done():
            code = mqtt_packets.reason(packet)
            if code >= FAILED:
                refused = f"{self._login.where}: refused, {code:#x} (user {self._login.user})"
                self.welcome.set_exception(Unavailable(refused))
            else:
                self.welcome.set_result(None)
        elif packet.kind in (PUBACK, SUBACK) and mqtt_packets.reason(packet) >= FAILED:
            self._say_refused(mqtt_packets.reason(packet))

    def _say_refused(self, code: int) -> None:
        """Say it once per connection: a refused device sends every second."""
        if not self._refused:
            self._refused = True
            log.error("publish_refused", extra={"user": self._login.user, "reason": f"{code:#x}"})

    def _next_number(self) -> int:
        self._number = self._number % _LAST_NUMBER + 1
        return self._number


async def opened(login: Login, will: Message, received: Callable[[bytes], None]) -> FleetLink:
    """Connect and log in.

    Raises
    ------
    Unavailable
        If there is nobody, or no way in.
    """
    tls = trusting(login.ca) if login.ca else None
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            transport, link = await loop.create_connection(
                lambda: FleetLink(login, will, received), login.host, login.port, ssl=tls
            )
            try:
                await link.welcome
            except BaseException:
                transport.close()
                raise
    except TimeoutError:
        raise Unavailable(f"{login.where}: no answer in {CONNECT_TIMEOUT_S:.0f} s") from None
    except OSError as error:
        raise Unavailable(f"{login.where}: {error}") from None
    return link
