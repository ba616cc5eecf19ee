"""The few packets of MQTT 5 that a simulated device speaks, as bytes. Pure.

With a general client most of a simulated device's CPU time is the client's, and thousands of them
share one process. Real devices use `agents.adapters.link`.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

CONNACK: Final = 0x20
PUBLISH: Final = 0x30
PUBACK: Final = 0x40
SUBACK: Final = 0x90
PING: Final = b"\xc0\x00"
GOODBYE: Final = b"\xe0\x00"
FAILED: Final = 0x80
"""Reason codes from here on are refusals."""

_CONNECT: Final = 0x10
_QOS_1: Final = 0x02
_RETAIN: Final = 0x01
_SUBSCRIBE: Final = 0x82
_CONTENT_TYPE: Final = 0x03
_SESSION_EXPIRY: Final = 0x11
_CLEAN_USER_PASSWORD: Final = 0b1100_0010
_USER_PASSWORD_AND_WILL: Final = 0b1100_1100  # the will: QoS 1
_WILL_RETAIN: Final = 0b0010_0000
_MORE: Final = 0x80
"""Of a byte of a number of variable length: another one follows."""


class Packet(NamedTuple):
    """What the broker sent: its kind, with flags, and the rest."""

    head: int
    body: bytes

    @property
    def kind(self) -> int:
        """One of the constants above."""
        return self.head & 0xF0


class Heard(NamedTuple):
    """A message from the broker; `number` is 0 at QoS 0, else it is to be confirmed."""

    topic: str
    payload: bytes
    number: int


def connect(
    user: str, password: str, *, keep_alive_s: int, session_expiry_s: int, will: bytes
) -> bytes:
    """Go on with the session of this client, whose id is its user.

    Parameters
    ----------
    user, password : str
        Login.
    keep_alive_s, session_expiry_s : int
        How long the broker waits for us, and keeps what it has for us.
    will : bytes
        From `last_will`.
    """
    expiry = bytes([5, _SESSION_EXPIRY]) + session_expiry_s.to_bytes(4)
    flags = bytes([_USER_PASSWORD_AND_WILL | _WILL_RETAIN])
    head = _text("MQTT") + b"\x05" + flags + keep_alive_s.to_bytes(2) + expiry
    return framed(_CONNECT, head + _text(user) + will + _text(user) + _text(password))


def greet(client: str, user: str, password: str, *, keep_alive_s: int) -> bytes:
    """Begin anew, without a will: to see whether the broker answers, or to annoy it."""
    head = _text("MQTT") + bytes([5, _CLEAN_USER_PASSWORD]) + keep_alive_s.to_bytes(2) + b"\0"
    return framed(_CONNECT, head + _text(client) + _text(user) + _text(password))


def last_will(topic: str, payload: bytes, content_type: str) -> bytes:
    """What the broker says for us, retained, when we are gone without a goodbye."""
    return _content_type(content_type) + _text(topic) + binary(payload)


def publish(
    topic: str, payload: bytes, number: int, content_type: str, *, retain: bool = False
) -> bytes:
    """A message, QoS 1, to be confirmed by its number.

    >>> publish("a", b"hi", 7, "t").hex(" ")
    '32 0c 00 01 61 00 07 04 03 00 01 74 68 69'
    """
    body = _text(topic) + number.to_bytes(2) + _content_type(content_type) + payload
    return framed(PUBLISH | _QOS_1 | (_RETAIN if retain else 0), body)


def subscribe(topic: str, number: int) -> bytes:
    """Ask for a topic, at QoS 1."""
    return framed(_SUBSCRIBE, number.to_bytes(2) + b"\0" + _text(topic) + b"\x01")


def puback(number: int) -> bytes:
    """Confirm a message."""
    return b"\x40\x02" + number.to_bytes(2)


def heard(packet: Packet) -> Heard:
    """Read a PUBLISH packet."""
    body = packet.body
    at = 2 + int.from_bytes(body[:2])
    topic, number = body[2:at].decode(), 0
    if packet.head & 0x06:
        number = int.from_bytes(body[at : at + 2])
        at += 2
    properties, at = _varint_at(body, at) or (0, at)
    return Heard(topic, body[at + properties :], number)


def reason(packet: Packet) -> int:
    """Reason code of a CONNACK, PUBACK or SUBACK with one topic; 0 where none is said."""
    if packet.kind == SUBACK:
        return packet.body[-1]
    at = 1 if packet.kind == CONNACK else 2
    return packet.body[at] if len(packet.body) > at else 0


class Stream:
    """Bytes from the broker, as they come -> packets."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, received: bytes) -> Iterator[Packet]:
        """All packets that are complete now."""
        data, at = self._rest + received, 0
        while (size := _varint_at(data, at + 1)) is not None and size[1] + size[0] <= len(data):
            length, begin = size
            yield Packet(data[at], data[begin : begin + length])
            at = begin + length
        self._rest = data[at:]


def framed(head: int, body: bytes) -> bytes:
    """Any packet: its kind, with flags, then length and body."""
    return bytes([head]) + _varint(len(body)) + body


def _text(value: str) -> bytes:
    return binary(value.encode())


def binary(value: bytes) -> bytes:
    """Bytes, or a string that is none, as they stand in a packet."""
    return len(value).to_bytes(2) + value


def _content_type(name: str) -> bytes:
    entry = bytes([_CONTENT_TYPE]) + _text(name)
    return _varint(len(entry)) + entry


def _varint(number: int) -> bytes:
    digits = bytearray()
    while number >= _MORE:
        digits.append(number % _MORE | _MORE)
        number //= _MORE
    return bytes([*digits, number])


def _varint_at(data: bytes, at: int) -> tuple[int, int] | None:
    """A number of variable length and the place after it; None if it is not complete."""
    number = 0
    for place, digit in enumerate(data[at : at + 4]):
        number |= digit % _MORE << 7 * place
        if digit < _MORE:
            return number, at + place + 1
    return None
