"""Which versions and ciphers of TLS each listener speaks."""

import socket
import ssl
import threading
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from benchmarks.security_stack import SecureStack
from benchmarks.security_trial import Trial, may, may_not
from cityhum import authority
from deploy.local.ports import HOST

_VERSIONS: Final = {
    ssl.TLSVersion.TLSv1: False,
    ssl.TLSVersion.TLSv1_1: False,
    ssl.TLSVersion.TLSv1_2: True,
    ssl.TLSVersion.TLSv1_3: True,
}
_CIPHERS: Final = {
    "ECDHE-ECDSA-AES256-GCM-SHA384": True,
    "ECDHE-ECDSA-AES128-SHA": False,  # CBC with SHA-1
    "ECDHE-ECDSA-AES256-SHA384": False,  # CBC
    "AECDH-AES128-SHA": False,  # no certificate
    "ECDHE-ECDSA-NULL-SHA": False,  # no encryption
}
"""Of TLS 1.2."""
_POSTGRES_ASKS: Final = bytes.fromhex("0000000804d2162f")  # SSLRequest
_PATIENCE_S: Final = 20.0


def trials(stack: SecureStack) -> Iterator[Trial]:
    """Shake hands with every listener in every way."""
    listeners = {
        "mosquitto, devices": (stack.mosquitto.port, b""),
        "mosquitto, services": (stack.mosquitto.services_port, b""),
        "kafka": (int(stack.kafka.bootstrap.rpartition(":")[2]), b""),
        "postgres": (stack.postgres.port, _POSTGRES_ASKS),
    }
    yield from _control(stack)
    for name, (port, first) in listeners.items():
        for version, wanted in _VERSIONS.items():
            got = _shakes(port, first, _client(version))
            yield Trial("tls", name, _name(version), wanted, got)
        for cipher, wanted in _CIPHERS.items():
            context = _client(ssl.TLSVersion.TLSv1_2, cipher)
            yield Trial("tls", name, cipher, wanted, _shakes(port, first, context))
        yield may_not("tls", name, "no TLS at all", _speaks_plainly(port))
        yield from _believed(stack, name, port, first)


def _believed(stack: SecureStack, name: str, port: int, first: bytes) -> Iterator[Trial]:
    """What our clients do with the certificate."""
    ours = stack.certificates.context()
    yield may("tls", name, "certificate of our authority", _shakes(port, first, ours))
    strangers = ssl.create_default_context(
        cadata=authority.new_authority(datetime.now(UTC)).certificate_pem
    )
    got = _shakes(port, first, strangers)
    yield may_not("tls", name, "certificate of another authority", got)
    got = _shakes(port, first, ours, called="other.example")
    yield may_not("tls", name, "certificate of another host", got)


def _control(stack: SecureStack) -> Iterator[Trial]:
    """Our client can speak the old versions: a server that allows them is understood."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(stack.certificates.folder / "mosquitto.pem")
    for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
        _only(server, version)
        with socket.create_server((HOST, 0)) as listening:
            thread = threading.Thread(target=_serve_one, args=(listening, server))
            thread.start()
            got = _shakes(listening.getsockname()[1], b"", _client(version))
            thread.join()
        yield may("tls", "control: a server of ours", _name(version), got)


def _serve_one(listening: socket.socket, context: ssl.SSLContext) -> None:
    connection, _ = listening.accept()
    try:
        with context.wrap_socket(connection, server_side=True):
            pass
    except OSError:
        connection.close()


def _client(version: ssl.TLSVersion, ciphers: str = "ALL:eNULL") -> ssl.SSLContext:
    """A client that speaks one version only, and believes everything."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    _only(context, version, ciphers)
    return context


def _only(context: ssl.SSLContext, version: ssl.TLSVersion, ciphers: str = "ALL:eNULL") -> None:
    context.set_ciphers(f"{ciphers}:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # old versions are the point
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.maximum_version = version
        context.minimum_version = version


def _shakes(port: int, first: bytes, context: ssl.SSLContext, called: str = HOST) -> bool:
    """Whether a handshake succeeds."""
    try:
        with socket.create_connection((HOST, port), _PATIENCE_S) as plain:
            if first:
                plain.sendall(first)
                if plain.recv(1) != b"S":
                    return False
            with context.wrap_socket(plain, server_hostname=called):
                return True
    except OSError:
        return False


def _speaks_plainly(port: int) -> bool:
    """Whether anything answers a CONNECT of MQTT that nobody encrypted; PostgreSQL asked for TLS.

    A listener of TLS closes, or answers with an alert (21).
    """
    with socket.create_connection((HOST, port), _PATIENCE_S) as plain:
        plain.sendall(bytes.fromhex("101000044d5154540502000a000003616263"))
        try:
            return plain.recv(1) not in {b"", b"\x15"}
        except OSError:
            return False


def _name(version: ssl.TLSVersion) -> str:
    return version.name.replace("v", " ").replace("_", ".")
