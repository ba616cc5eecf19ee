"""Passwords: one file each, generated when first asked for, readable by their owner only."""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path


class Passwords:
    """A folder of password files.

    Parameters
    ----------
    folder : Path
        Made if missing; a file's name is the user's name.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)

    def file(self, user: str) -> Path:
        """Return the password file of a user, generating the password if there is none."""
        path = self.folder / user
        if not path.exists():
            write_private(path, secrets.token_urlsafe(24))
        return path

    def read(self, user: str) -> str:
        """Return the password of a user, generating it if there is none."""
        return self.file(user).read_text(encoding="utf-8").strip()

    def everyone(self) -> Mapping[str, str]:
        """Return every user with its password."""
        return {path.name: self.read(path.name) for path in sorted(self.folder.iterdir())}


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    new.replace(path)
