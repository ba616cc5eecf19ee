"""The wall clock of the server."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Time of this host, UTC."""
    return datetime.now(UTC)
