"""Passwords: one file each, generated when first asked for, readable by their owner only."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from cityhum.password_book import SERVICES, PasswordBook, new_password
from cityhum.secret_files import private_folder, write_private
from schemas.errors import BadConfig


class Passwords:
    """A folder of password files; a file's name is the user's name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def file(self, user: str) -> Path:
        """Return the password file of a user, generating the password if there is none."""
        path = self.folder / user
        if not path.exists():
            private_folder(self.folder)
            write_private(path, new_password())
        return path

    def read(self, user: str) -> str:
        """Return the password of a user, generating it if there is none."""
        return self.file(user).read_text(encoding="utf-8").strip()

    def everyone(self) -> Mapping[str, str]:
        """Return every user that has a password, with it."""
        files = sorted(self.folder.iterdir()) if self.folder.exists() else []
        return {path.name: self.read(path.name) for path in files}


def scram_arguments(passwords: Passwords, users: Iterable[str]) -> str:
    """Arguments, a line each, that give Kafka's first users their passwords at `format`."""
    return "".join(
        f"--add-scram\nSCRAM-SHA-512=[name={user},password={passwords.read(user)}]\n"
        for user in users
    )


class MqttUsers:
    """Who may log in at Mosquitto: services in `mqtt/`, devices in `devices/` of a folder."""

    def __init__(self, secrets_folder: Path) -> None:
        self.services = Passwords(secrets_folder / "mqtt")
        self.devices = Passwords(secrets_folder / "devices")
        self._book = PasswordBook(secrets_folder / "mosquitto")
        self.hashes = self._book.path

    def file(self, user: str) -> Path:
        """Return the password file of a service or device."""
        return (self.services if user in SERVICES else self.devices).file(user)

    def generate(self, devices: Iterable[str]) -> Path:
        """Give services and devices a password each; return the file for Mosquitto, hashed.

        Whoever `cityhum devices revoke` has shut out stays outside.
        """
        for device in sorted(set(devices) - self._book.revoked()):
            if device in SERVICES:
                raise BadConfig(f"device {device!r} has the name of a service: rename it")
            self.devices.file(device)
        for service in SERVICES:
            self.services.file(service)
        self._book.keep({**self.devices.everyone(), **self.services.everyone()})
        return self.hashes
