"""Who may ask what of the HTTP API, tried with a key of each scope, none, and a wrong one."""

import os
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen
from typing import Any, Final

import httpx

from api import keys
from api.keys import PREFIX, Scope
from benchmarks.security_stack import ROOT, SecureStack
from benchmarks.security_trial import Trial
from cityhum.api import add
from deploy.local.ports import HOST, free_port
from deploy.local.programs import access_table

_SERVER: Final = "api"
_REFUSED: Final = (401, 403)
_PATIENCE_S: Final = 30.0
_STARTS_WITHIN_S: Final = 60.0
_ASK_EVERY_S: Final = 0.1
_HEALTH: Final = "/health/live"


def trials(stack: SecureStack) -> Iterator[Trial]:
    """Ask every path that the API says it has."""
    words = {scope.value: PREFIX + secrets.token_urlsafe(32) for scope in Scope}
    file = stack.secrets / "api-keys.yaml"
    for scope in Scope:
        name = scope.value.replace(":", "-")
        add(file, keys.made(name, [scope], words[scope.value]))
    callers = {"no key": "", "a wrong key": PREFIX + "wrong", **words}
    opens = {path: scope for scope, paths in access_table().api.items() for path in paths}
    with _serving(stack) as address, httpx.Client(base_url=address) as client:
        paths = client.get("/openapi.json").json()["paths"]
        for path in sorted({*paths, *opens}):
            for caller, word in callers.items():
                wanted = path.startswith("/health") or opens.get(path) == caller
                got = path in paths and _opens(client, path, paths[path], word)
                yield Trial(_SERVER, caller, path, wanted, got)


def _opens(client: httpx.Client, path: str, methods: dict[str, Any], word: str) -> bool:
    """Whether the key is good for it; what comes of the question does not matter."""
    (method,) = methods
    headers = {"Authorization": f"Bearer {word}"} if word else {}
    url = path.replace("{alert_id}", "0" * 8)
    with client.stream(method, url, headers=headers, timeout=_PATIENCE_S) as answer:
        return answer.status_code not in _REFUSED


@contextmanager
def _serving(stack: SecureStack) -> Iterator[str]:
    port = free_port()
    where = {
        "CITYHUM_API_PORT": str(port),
        "CITYHUM_API_KEYS_FILE": str(stack.secrets / "api-keys.yaml"),
        "CITYHUM_API_POSTGRES_HOST": HOST,
        "CITYHUM_API_POSTGRES_PORT": str(stack.postgres.port),
        "CITYHUM_API_POSTGRES_CA": str(stack.certificates.authority),
        "CITYHUM_API_POSTGRES_PASSWORD_FILE": str(stack.postgres.password_file("cityhum_reader")),
    }
    log = stack.folder / "log" / "api.log"
    with log.open("ab") as words:
        process = Popen(
            [sys.executable, "-m", "cityhum", "api"],
            cwd=ROOT,
            env={**os.environ, **where},
            stdout=words,
            stderr=words,
        )
    address = f"http://{HOST}:{port}"
    try:
        _wait(process, address, log)
        yield address
    finally:
        process.terminate()
        process.wait()


def _wait(process: Popen[bytes], address: str, log: Path) -> None:
    """Return once it answers."""
    until_s = time.monotonic() + _STARTS_WITHIN_S
    while True:
        try:
            httpx.get(address + _HEALTH)
        except httpx.TransportError:
            if process.poll() is not None or time.monotonic() > until_s:
                raise AssertionError(log.read_text(encoding="utf-8")[-500:]) from None
            time.sleep(_ASK_EVERY_S)
        else:
            return
