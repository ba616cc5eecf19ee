"""What a backup says of itself, and which ones are kept. Pure: `adapters.backup` makes them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, TypeVar

from pydantic import Field

from schemas.base import Frozen, UtcTime

Place = TypeVar("Place")


class Reached(Frozen):
    """How far a program was: from here it reads Kafka on after a restore."""

    program: str
    topic: str
    partition: int
    next_offset: int


class Backup(Frozen):
    """Of one moment of the database, beside its dump."""

    version: Literal[1] = 1
    made_at: UtcTime
    revision: str = Field(description="of the schema; `cityhum migrate` brings it to today's")
    sha256: str
    bytes: int
    readings: int
    newest_reading_at: UtcTime | None
    reached: tuple[Reached, ...]


def name_of(made_at: datetime) -> str:
    """Name of a backup's folder: names in their order are times in theirs.

    >>> from datetime import UTC
    >>> name_of(datetime(2026, 5, 4, 10, 15, 30, tzinfo=UTC))
    '20260504T101530Z'
    """
    return made_at.strftime("%Y%m%dT%H%M%SZ")


def outdated(places: Sequence[Place], keep: int) -> Sequence[Place]:
    """Those that may go, of backups with the oldest first.

    >>> outdated(["monday", "tuesday", "wednesday"], keep=2)
    ['monday']
    """
    return places[: max(0, len(places) - keep)]
