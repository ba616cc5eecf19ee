"""Reads the small files that people write."""

from pathlib import Path

from schemas.errors import BadConfig


def read(path: Path) -> str:
    """Text of a file; `BadConfig` in one line if there is none."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise BadConfig(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadConfig(f"{path}: not a text file") from None


def password(path: Path | None) -> str | None:
    """What a password file holds; None if none is named."""
    try:
        return read(path).strip() if path else None
    except BadConfig as wrong:
        raise BadConfig(f"password file {wrong}") from None


def looks(path: Path) -> tuple[int, ...]:
    """Whatever differs once the file has been written or replaced; empty if there is none."""
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_mtime_ns, found.st_size, found.st_ino
