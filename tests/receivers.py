"""An HTTP server that keeps what is posted to it, and answers as it is told."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final, Self

from processors import notify_signature
from schemas.codec import decode
from schemas.results import Alert

HANG: Final = 0
"""An answer that never comes."""
LATE: Final = 1
"""A 204 that comes once the receiver is let go."""


@dataclass(frozen=True)
class Posted:
    """A request, its headers by their names in small letters."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def alert(self) -> Alert:
        return decode(Alert, self.body)

    def is_genuine(self, secret: str, now: datetime) -> bool:
        key = notify_signature.key_of(secret)
        return notify_signature.is_genuine(key, self.headers, self.body, now)


@dataclass
class Receiver:
    """Listens on loopback; `answers` are given in turn, the last for ever, each after `takes_s`."""

    answers: list[int] = field(default_factory=lambda: [204])
    retry_after: str = ""
    takes_s: float = 0.0
    posted: list[Posted] = field(default_factory=list)
    _came: threading.Condition = field(default_factory=threading.Condition)
    _closing: threading.Event = field(default_factory=threading.Event)
    _let_go: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._let_go.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/hook"

    def let_go(self) -> None:
        """Give the answers that are late."""
        self._let_go.set()

    def wait_for(self, count: int, timeout_s: float = 30.0) -> list[Posted]:
        """What has come, once it is so much."""
        with self._came:
            assert self._came.wait_for(lambda: len(self.posted) >= count, timeout_s), self.posted
            return list(self.posted)

    def _take(self, posted: Posted) -> int:
        with self._came:
            answer = self.answers[min(len(self.posted), len(self.answers) - 1)]
            self.posted.append(posted)
            self._came.notify_all()
        return answer

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                answer = receiver._take(Posted(self.path, headers, body))
                receiver._closing.wait(receiver.takes_s)
                if answer == HANG:
                    receiver._closing.wait()
                    return
                if answer == LATE:
                    receiver._let_go.wait()
                self.send_response(204 if answer == LATE else answer)
                if receiver.retry_after:
                    self.send_header("Retry-After", receiver.retry_after)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler
