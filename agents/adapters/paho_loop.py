"""Run a paho client on our own event loop: no thread, so no exception can die in one (paho#692)."""

import asyncio
import ssl
import threading
from collections.abc import Callable
from typing import Final, Protocol

import paho.mqtt.client as mqtt

_HOUSEKEEPING_S: Final = 1.0


class Descriptor(Protocol):
    """A socket, as paho shows it."""

    def fileno(self) -> int:
        """Its number."""

    def close(self) -> None:
        """Give it back."""


class PahoLoop:
    """Reads, writes and keeps alive for one client, from its connecting to `close`.

    What paho or its callbacks raise meanwhile is handed to `failed`.
    """

    def __init__(self, client: mqtt.Client, failed: Callable[[Exception], None]) -> None:
        self._client = client
        self._failed = failed
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._closed = False
        client.on_socket_open = self._on_open
        client.on_socket_close = self._on_close
        client.on_socket_register_write = self._on_register_write
        client.on_socket_unregister_write = self._on_unregister_write

    async def connect(self, connect: Callable[[], object]) -> None:
        """Resolve and connect, which blocks, in a thread; then keep the connection alive."""
        await asyncio.to_thread(connect)
        self._keep_house()

    def close(self) -> None:
        """Close the socket, whatever state it is in."""
        self._closed = True
        self._client.on_socket_close = None  # paho closes once more when it is collected
        self._client.on_socket_unregister_write = None
        left_open = self._client.socket()
        if left_open is not None:
            self._loop.remove_reader(left_open)
            self._loop.remove_writer(left_open)
            left_open.close()

    def _guarded(self, work: Callable[[], object]) -> None:
        if self._closed:
            return
        try:
            work()
        except Exception as error:  # noqa: BLE001  # `failed` passes it on
            self._failed(error)

    def _read(self) -> None:
        """Read what came; what TLS has taken from the socket already would wake nobody."""
        self._client.loop_read()
        while isinstance(open_ := self._client.socket(), ssl.SSLSocket) and open_.pending():
            self._client.loop_read()

    def _keep_house(self) -> None:
        if not self._closed:
            self._guarded(self._client.loop_misc)
            self._loop.call_later(_HOUSEKEEPING_S, self._keep_house)

    def _on_loop(self, work: Callable[[], object]) -> None:
        """Sockets are also opened, and closed in vain, by the connecting thread."""
        if threading.get_ident() == self._thread:
            work()
        else:
            self._loop.call_soon_threadsafe(work)

    def _on_open(self, _client: mqtt.Client, _userdata: object, opened: Descriptor) -> None:
        def watch() -> None:
            if self._closed:  # given up while connecting
                opened.close()
            else:
                self._loop.add_reader(opened, self._guarded, self._read)

        self._on_loop(watch)

    def _on_close(self, _client: mqtt.Client, _userdata: object, closing: Descriptor) -> None:
        self._on_loop(lambda: self._loop.remove_reader(closing))

    def _on_register_write(
        self, _client: mqtt.Client, _userdata: object, ready: Descriptor
    ) -> None:
        def watch() -> None:
            if not self._closed:
                self._loop.add_writer(ready, self._guarded, self._client.loop_write)

        self._on_loop(watch)

    def _on_unregister_write(
        self, _client: mqtt.Client, _userdata: object, done: Descriptor
    ) -> None:
        self._on_loop(lambda: self._loop.remove_writer(done))
