"""`cityhum devices`: which devices may log in at Mosquitto."""

import contextlib
import json
import os
import signal
from pathlib import Path
from typing import Annotated, Final

import typer
from pydantic import TypeAdapter, ValidationError

from cityhum import environment
from cityhum.output import AsJson, answer
from cityhum.password_book import SERVICES, PasswordBook, new_password
from cityhum.secret_files import write_private
from processors import registry
from processors.settings import ProcessorSettings
from schemas.adapters import text_file
from schemas.base import DeviceId
from schemas.errors import BadConfig

app = typer.Typer(no_args_is_help=True)

_ID: Final = TypeAdapter(DeviceId)
_RESERVED: Final = (*SERVICES, "admin")

Device = Annotated[str, typer.Argument(help="the device's id, its user at the broker")]
Secrets = Annotated[
    Path, typer.Option(help="`mosquitto/passwords` is below it, as Mosquitto reads it")
]
PidFile = Annotated[Path, typer.Option(help="of the Mosquitto that shall read it again")]
Credential = Annotated[
    Path | None, typer.Option(help="new file for the password [default: ./DEVICE.password]")
]
_SECRETS: Final = Path(".local/secrets")
_PID_FILE: Final = Path(".local/run/mosquitto.pid")


@app.callback()
def devices() -> None:
    """Which devices may log in at Mosquitto: each has a password of its own."""


@app.command()
def add(
    device: Device,
    credential: Credential = None,
    secrets: Secrets = _SECRETS,
    pid_file: PidFile = _PID_FILE,
    *,
    as_json: AsJson = False,
) -> None:
    """Let a device in; its password is written once, into a file for the device."""
    book = _book(secrets, device)
    if device in book.users():
        raise BadConfig(f"{device} has a password already: cityhum devices rotate {device}")
    _give(device, credential, secrets, pid_file, as_json=as_json)


@app.command()
def rotate(
    device: Device,
    credential: Credential = None,
    secrets: Secrets = _SECRETS,
    pid_file: PidFile = _PID_FILE,
    *,
    as_json: AsJson = False,
) -> None:
    """Give a device another password; the old one ends at once."""
    _known(secrets, device)
    _give(device, credential, secrets, pid_file, as_json=as_json)


@app.command()
def revoke(
    device: Device,
    secrets: Secrets = _SECRETS,
    pid_file: PidFile = _PID_FILE,
    *,
    as_json: AsJson = False,
) -> None:
    """Shut a device out: its connection ends, and its password no longer opens."""
    book = _known(secrets, device)
    book.shut_out(device)
    (secrets / "devices" / device).unlink(missing_ok=True)
    mosquitto = _reload(pid_file)
    told = {"device": device, "mosquitto": mosquitto}
    answer(told, f"{device} is shut out; {mosquitto}", as_json=as_json)


@app.command("list")
def list_devices(secrets: Secrets = _SECRETS, *, as_json: AsJson = False) -> None:
    """Say who may log in, who was shut out, and where the sites file puts each."""
    book = PasswordBook(secrets / "mosquitto")
    settings = environment.read(ProcessorSettings)
    sites = registry.parse(text_file.read(settings.sites_file), str(settings.sites_file)).site_of
    inside, outside = book.users() - set(SERVICES), book.revoked()
    may = {
        device: "yes" if device in inside else "revoked" if device in outside else "no password"
        for device in sorted(inside | outside | set(sites))
    }
    answer(
        [{"device": one, "may": what, "site": sites.get(one)} for one, what in may.items()],
        "\n".join(
            f"{one:<24}{what:<13}{sites.get(one, 'in no site')}" for one, what in may.items()
        ),
        as_json=as_json,
    )


def _give(
    device: str, credential: Path | None, secrets: Path, pid_file: Path, *, as_json: bool
) -> None:
    path = credential or Path(f"{device}.password")
    if path.exists():
        raise BadConfig(f"{path} exists: move it away, or name another with --credential")
    word = new_password()
    try:
        _store(path, device, word, secrets)
    except OSError as error:
        raise BadConfig(f"{error.filename}: {error.strerror}") from None
    mosquitto = _reload(pid_file)
    told = {"device": device, "password_file": str(path), "mosquitto": mosquitto}
    answer(told, f"{path}: {device}'s password, for it alone; {mosquitto}", as_json=as_json)


def _store(path: Path, device: str, word: str, secrets: Path) -> None:
    """Leave no file with a password that opens nothing."""
    try:
        write_private(path, f"{word}\n")
        PasswordBook(secrets / "mosquitto").let_in({device: word})
    except OSError:
        with contextlib.suppress(OSError):
            path.unlink()
        raise
    kept = secrets / "devices" / device  # the local stack plays all devices and keeps their words
    if kept.exists():
        write_private(kept, word)


def _book(secrets: Path, device: str) -> PasswordBook:
    try:
        _ID.validate_python(device)
    except ValidationError:
        raise BadConfig(
            f"{device[:70]!r} is no device id: small letters, digits, hyphens, at most 63"
        ) from None
    if device in _RESERVED:
        raise BadConfig(f"{device!r} is the name of a service")
    return PasswordBook(secrets / "mosquitto")


def _known(secrets: Path, device: str) -> PasswordBook:
    book = _book(secrets, device)
    if device not in book.users():
        raise BadConfig(f"{device} has no password: cityhum devices list")
    return book


def _reload(pid_file: Path) -> str:
    """Tell Mosquitto to read its files again, if it is the process that the file names."""
    try:
        found = json.loads(pid_file.read_text(encoding="utf-8"))
        pid = int(found["pid"] if isinstance(found, dict) else found)
        if Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip() != "mosquitto":
            raise ProcessLookupError
        os.kill(pid, signal.SIGHUP)
    except (OSError, ValueError, KeyError, TypeError):
        return f"Mosquitto was not told ({pid_file}): send it SIGHUP"
    return "Mosquitto has been told"
