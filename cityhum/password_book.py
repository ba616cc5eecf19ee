"""Mosquitto's password file, and who was shut out: changed by one at a time, each file at once."""

import base64
import hashlib
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from cityhum.secret_files import alone_in, private_folder, replace_text

SERVICES: Final = ("bridge", "relay", "viewer")
"""Users that are no devices."""
_PBKDF2_ROUNDS: Final = 101  # Mosquitto's own; generated passwords need no more
_PRIVATE: Final = 0o600


def new_password() -> str:
    """192 random bits, for a file."""
    return secrets.token_urlsafe(24)


def mosquitto_hash(password: str) -> str:
    """Hash a password as `mosquitto_passwd` does (type 7), which not every machine has."""
    salt = secrets.token_bytes(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _PBKDF2_ROUNDS)
    encoded = [base64.b64encode(part).decode() for part in (salt, digest)]
    return "$".join(["", "7", str(_PBKDF2_ROUNDS), *encoded])


class PasswordBook:
    """`passwords`, read by Mosquitto, and `revoked` beside it, read by us; hashes only."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "passwords"
        self._revoked = folder / "revoked"

    def users(self) -> frozenset[str]:
        """Who may log in."""
        return frozenset(self._hashes())

    def revoked(self) -> frozenset[str]:
        """Who was shut out and not let in again."""
        return frozenset(_lines(self._revoked))

    def let_in(self, passwords: Mapping[str, str]) -> None:
        """Give users these passwords, shut out or not."""
        with self._alone():
            self._write(self._hashes() | _hashed(passwords), self.revoked() - set(passwords))

    def keep(self, passwords: Mapping[str, str]) -> None:
        """Give users these passwords, except those shut out; the others keep theirs."""
        with self._alone():
            shut = self.revoked()
            kept = {user: word for user, word in passwords.items() if user not in shut}
            self._write(self._hashes() | _hashed(kept), shut)

    def shut_out(self, user: str) -> None:
        """Take a user's password away."""
        with self._alone():
            hashes = {name: word for name, word in self._hashes().items() if name != user}
            self._write(hashes, self.revoked() | {user})

    def _hashes(self) -> dict[str, str]:
        split = (line.partition(":") for line in _lines(self.path))
        return {user: hashed for user, colon, hashed in split if colon}

    def _write(self, hashes: Mapping[str, str], revoked: frozenset[str]) -> None:
        """`revoked` first: a crash between both never lets anybody in again."""
        replace_text(self._revoked, "".join(f"{u}\n" for u in sorted(revoked)), _PRIVATE)
        text = "".join(f"{user}:{hashed}\n" for user, hashed in sorted(hashes.items()))
        # a container's Mosquitto may read it as another user: its rights stay
        mode = self.path.stat().st_mode & 0o777 if self.path.exists() else _PRIVATE
        replace_text(self.path, text, mode)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        private_folder(self.path.parent)
        with alone_in(self.path.parent):
            yield


def _hashed(passwords: Mapping[str, str]) -> dict[str, str]:
    return {user: mosquitto_hash(word) for user, word in passwords.items()}


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []
