"""`cityhum health`: ask a running process whether it lives and is ready."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import orjson
import typer

from cityhum import environment
from cityhum.output import AsJson, answer
from cityhum.status import Status
from processors.settings import ProcessorSettings
from schemas.errors import BadConfig, Unavailable

_WITHIN_S: Final = 5.0
_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104  # asked, not listened at


def app(
    address: Annotated[
        str | None, typer.Argument(help="default: CITYHUM_METRICS_HOST and CITYHUM_METRICS_PORT")
    ] = None,
    *,
    live: Annotated[bool, typer.Option("--live", help="only whether its loop turns")] = False,
    as_json: AsJson = False,
) -> None:
    """Ask a process how it is: status 0 if it is well, 1 if not, 3 if nobody answers."""
    base = (address or _own()).rstrip("/")
    well, told = _asked(f"{base}/health/{'live' if live else 'ready'}")
    answer(told, "\n".join(_words(told)), as_json=as_json)
    if not well:
        raise typer.Exit(Status.PROBLEMS)


def _own() -> str:
    settings = environment.read(ProcessorSettings)
    if not settings.metrics_port:
        raise BadConfig("CITYHUM_METRICS_PORT is not set: nothing tells how the process is")
    host = _EVERYWHERE.get(settings.metrics_host, settings.metrics_host)
    return f"http://{host}:{settings.metrics_port}"


def _asked(url: str) -> tuple[bool, Mapping[str, Any]]:
    if not url.startswith(("http://", "https://")):
        raise BadConfig(f"{url} is no http address")
    try:
        with urlopen(url, timeout=_WITHIN_S) as answered:  # noqa: S310  # http, as was just checked
            return True, _told(url, answered.read())
    except HTTPError as error:
        with error:
            return False, _told(url, error.read())
    except (URLError, OSError) as error:
        raise Unavailable(f"{url} does not answer: {getattr(error, 'reason', error)}") from None


def _told(url: str, body: bytes) -> Mapping[str, Any]:
    try:
        told = orjson.loads(body)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise Unavailable(f"{url} is no health of ours")
    return told


def _words(told: Mapping[str, Any]) -> Iterable[str]:
    yield str(told.get("detail") or told.get("status") or "")  # the API says why in a detail
    for name, part in told.get("parts", {}).items():
        state = "ready" if part["ready"] else "not ready"
        yield f"  {name}: {state}{', ' if part['detail'] else ''}{part['detail']}"
