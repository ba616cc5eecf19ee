"""Which TCP ports the servers take."""

import secrets
import socket
from dataclasses import dataclass

from schemas.errors import BadConfig

HOST = "127.0.0.1"

# Below Linux's range for outgoing connections: there, a client that reconnects to a stopped server
# may be given the server's own port, connect to itself and block the restart.
_FREE_PORTS = range(15_000, 32_000)


@dataclass(frozen=True)
class Ports:
    """Ports on loopback; 0 stands for any free one."""

    mqtt: int = 0
    kafka: int = 0
    kafka_controller: int = 0
    postgres: int = 0


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of loopback now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def free_port() -> int:
    """Return a port that nobody listens on."""
    for _ in range(1000):
        port = secrets.choice(_FREE_PORTS)
        if is_free(port):
            return port
    raise BadConfig(f"no free port between {_FREE_PORTS.start} and {_FREE_PORTS.stop}")


def settled(port: int) -> int:
    """Return the port asked for, or a free one for 0."""
    return port or free_port()


def require_free(port: int, server: str) -> None:
    """Refuse a taken port in one line, before a server fails with ten."""
    if not is_free(port):
        raise BadConfig(f"port {port}, meant for {server}, is taken: free it or set another")
