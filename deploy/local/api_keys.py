"""The demo's key to the API, generated once like a password, and the file that knows it."""

from pathlib import Path

from api import keys
from api.keys import KeyFile, Scope
from cityhum.secret_files import private_folder, write_private
from deploy.local.passwords import Passwords

USER = "demo"


def secret_file(secrets: Path) -> Path:
    """Return the file that holds the key itself, generating the key if there is none."""
    return Passwords(secrets / "api").file(USER)


def keys_file(secrets: Path) -> Path:
    """Return the file of keys for the API; one that is there stays, with the keys added to it.

    In a folder of its own, which containers mount: a file that is replaced would not change there.
    """
    path = secrets / "api-keys" / "keys.yaml"
    former = secrets / "api-keys.yaml"
    private_folder(path.parent)
    if former.exists() and not path.exists():
        former.replace(path)
    if not path.exists():
        secret = secret_file(secrets).read_text(encoding="utf-8").strip()
        write_private(path, keys.written(KeyFile(keys=(keys.made(USER, [*Scope], secret),))))
    return path
