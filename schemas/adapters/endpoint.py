"""`/metrics`, `/health/live` and `/health/ready` of a process, served from a thread of its own.

Of its own, since it must answer when the event loop does not.
"""

import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar, Final

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from schemas.errors import BadConfig
from schemas.health import Answer

_JSON: Final = "application/json"
_WITHIN_S: Final = 10.0
_MISSING: Final = 404

log = logging.getLogger(__name__)

Page = Callable[[], Answer]


@contextmanager
def served(host: str, port: int, pages: Mapping[str, Page]) -> Iterator[int]:
    """Serve metrics and these pages until the end; yields the port.

    Parameters
    ----------
    host, port : str, int
        Where; port 0 is any free one.
    pages : mapping of str to callable
        By path, each called for every request, from another thread.

    Raises
    ------
    BadConfig
        If the port is taken, or there is no such address here.
    """
    handler = type("Handler", (_Handler,), {"pages": {"/metrics": _metrics, **pages}})
    try:
        server = _server(host, port, handler)
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise BadConfig(f"metrics on {host} port {port}: {why}; set CITYHUM_METRICS_PORT") from None
    with server:
        threading.Thread(target=server.serve_forever, name="endpoint", daemon=True).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()


class _Server(ThreadingHTTPServer):
    daemon_threads = True


class _Server6(_Server):
    address_family = socket.AF_INET6


def _server(host: str, port: int, handler: type["_Handler"]) -> ThreadingHTTPServer:
    return (_Server6 if ":" in host else _Server)((host, port), handler)


def _metrics() -> Answer:
    return Answer(200, generate_latest())


class _Handler(BaseHTTPRequestHandler):
    pages: ClassVar[Mapping[str, Page]] = {}
    timeout = _WITHIN_S
    server_version = "cityhum"
    sys_version = ""

    def do_GET(self) -> None:  # as http.server calls it
        """Answer with a page."""
        path = self.path.partition("?")[0]
        page = self.pages.get(path)
        answer = Answer(_MISSING, b'{"status":"no such page"}') if page is None else page()
        self.send_response(answer.status)
        self.send_header("Content-Type", CONTENT_TYPE_LATEST if path == "/metrics" else _JSON)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, *_: object) -> None:
        """Say nothing of requests."""
