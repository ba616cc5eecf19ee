"""Files that only their owner may read, written whole or not at all, and by one at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def private_folder(folder: Path) -> None:
    """Make a folder, and the one that holds it, for our eyes only."""
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    replace_text(path, text, 0o600)


def replace_text(path: Path, text: str, mode: int) -> None:
    """Replace a file at once, with these rights from its first byte on."""
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), mode)  # whatever the umask
        file.write(text)
    new.replace(path)


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """One at a time: of two who change what both have read, the later would lose the other's."""
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)  # the folder itself: no file is left
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
