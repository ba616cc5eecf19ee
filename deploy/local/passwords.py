"""Passwords: one file each, generated when first asked for, readable by their owner only."""

import base64
import hashlib
import os
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path

from schemas.errors import BadConfig

SERVICES = ("bridge", "relay", "viewer")
_PBKDF2_ROUNDS = 101  # Mosquitto's own; generated passwords need no more


class Passwords:
    """A folder of password files; a file's name is the user's name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def file(self, user: str) -> Path:
        """Return the password file of a user, generating the password if there is none."""
        path = self.folder / user
        if not path.exists():
            private_folder(self.folder)
            write_private(path, secrets.token_urlsafe(24))
        return path

    def read(self, user: str) -> str:
        """Return the password of a user, generating it if there is none."""
        return self.file(user).read_text(encoding="utf-8").strip()

    def everyone(self) -> Mapping[str, str]:
        """Return every user that has a password, with it."""
        files = sorted(self.folder.iterdir()) if self.folder.exists() else []
        return {path.name: self.read(path.name) for path in files}


class MqttUsers:
    """Who may log in at Mosquitto: services in `mqtt/`, devices in `devices/` of a folder."""

    def __init__(self, secrets_folder: Path) -> None:
        self.services = Passwords(secrets_folder / "mqtt")
        self.devices = Passwords(secrets_folder / "devices")
        self.hashes = secrets_folder / "mosquitto" / "passwords"

    def file(self, user: str) -> Path:
        """Return the password file of a service or device."""
        return (self.services if user in SERVICES else self.devices).file(user)

    def generate(self, devices: Iterable[str]) -> Path:
        """Give services and devices a password each; return the file for Mosquitto, hashed."""
        for device in devices:
            if device in SERVICES:
                raise BadConfig(f"device {device!r} has the name of a service: rename it")
            self.devices.file(device)
        for service in SERVICES:
            self.services.file(service)
        everyone = {**self.devices.everyone(), **self.services.everyone()}
        private_folder(self.hashes.parent)
        lines = [f"{user}:{mosquitto_hash(word)}\n" for user, word in everyone.items()]
        write_private(self.hashes, "".join(lines))
        return self.hashes


def mosquitto_hash(password: str) -> str:
    """Hash a password as `mosquitto_passwd` does (type 7), which not every machine has."""
    salt = secrets.token_bytes(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _PBKDF2_ROUNDS)
    encoded = [base64.b64encode(part).decode() for part in (salt, digest)]
    return "$".join(["", "7", str(_PBKDF2_ROUNDS), *encoded])


def private_folder(folder: Path) -> None:
    """Make a folder, and the one that holds it, for our eyes only."""
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    new.replace(path)
