"""Where the record is; apart from what connects to it, since every command reads settings."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Address:
    """Where the database is, and who asks."""

    host: str
    port: int
    database: str
    user: str
    password_file: Path | None = None
    ca: Path | None = None
    """With it, the server must prove that it is `host`."""
