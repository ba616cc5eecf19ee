"""Does a broker answer its own protocol? Smallest possible questions, no client library."""

import socket
import ssl
import struct

from agents import mqtt_packets

_TIMEOUT_S = 2.0
_ACCEPTED = 0


def mqtt_answers(host: str, port: int) -> bool:
    """Whether an MQTT broker answers CONNECT, be it with a refusal."""
    return _connack(host, port, _greeting("probe", "probe", "")) is not None


def mqtt_accepts(
    host: str, port: int, user: str, password: str, tls: ssl.SSLContext | None = None
) -> bool:
    """Whether the broker lets this user in."""
    packet = _greeting(f"probe-{user}", user, password)
    return _connack(host, port, packet, tls) == _ACCEPTED


def kafka_speaks(host: str, port: int, tls: ssl.SSLContext) -> bool:
    """Whether Kafka says over TLS, before any login, which requests it knows."""
    client = b"cityhum-probe"
    request = struct.pack(">hhih", 18, 0, 1, len(client)) + client  # ApiVersions, version 0
    try:
        with _connected(host, port, tls) as connection:
            connection.sendall(struct.pack(">i", len(request)) + request)
            (size,) = struct.unpack(">i", _exactly(connection, 4))
            return _exactly(connection, size)[4:6] == b"\0\0"
    except (OSError, struct.error):
        return False


def kafka_answers(host: str, port: int) -> bool:
    """Whether Kafka answers Metadata, names a broker and knows its controller."""
    client = b"cityhum-probe"
    header = struct.pack(">hhih", 3, 1, 1, len(client)) + client  # Metadata, version 1
    body = struct.pack(">i", 0)  # of no topic
    request = struct.pack(">i", len(header) + len(body)) + header + body
    try:
        with socket.create_connection((host, port), _TIMEOUT_S) as connection:
            connection.sendall(request)
            (size,) = struct.unpack(">i", _exactly(connection, 4))
            return _names_a_controller(_exactly(connection, size))
    except (OSError, struct.error):
        return False


def _names_a_controller(answer: bytes) -> bool:
    """Read correlation id, brokers (id, host, port, rack) and controller id."""
    brokers: int = struct.unpack_from(">i", answer, 4)[0]
    at = 8
    for _ in range(brokers):
        (host_length,) = struct.unpack_from(">h", answer, at + 4)
        at += 6 + host_length + 4
        (rack_length,) = struct.unpack_from(">h", answer, at)
        at += 2 + max(rack_length, 0)
    controller: int = struct.unpack_from(">i", answer, at)[0]
    return brokers > 0 and controller >= 0


def _greeting(client: str, user: str, password: str) -> bytes:
    return mqtt_packets.greet(client, user, password, keep_alive_s=10)


def _connected(host: str, port: int, tls: ssl.SSLContext | None) -> socket.socket:
    plain = socket.create_connection((host, port), _TIMEOUT_S)
    if tls is None:
        return plain
    try:
        return tls.wrap_socket(plain, server_hostname=host)
    except BaseException:
        plain.close()
        raise


def _connack(host: str, port: int, packet: bytes, tls: ssl.SSLContext | None = None) -> int | None:
    """Send CONNECT, return the reason code of the answer; None when there is none."""
    try:
        with _connected(host, port, tls) as connection:
            connection.sendall(packet)
            answer = _exactly(connection, 4)
            connection.sendall(mqtt_packets.GOODBYE)
    except OSError:
        return None
    return answer[3] if answer[0] == mqtt_packets.CONNACK else None  # MQTT 5, 3.2.1


def _exactly(connection: socket.socket, size: int) -> bytes:
    received = bytearray()
    while len(received) < size:
        chunk = connection.recv(size - len(received))
        if not chunk:
            raise ConnectionError("closed in the middle of an answer")
        received += chunk
    return bytes(received)
