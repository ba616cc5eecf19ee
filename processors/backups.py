"""What a backup says of itself, and which ones are kept. Pure: `adapters.backup` makes them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, TypeVar

from pydantic import Field

from schemas.base import Frozen, UtcTime

Place = TypeVar("Place")

_NAME: Final = "%Y%m%dT%H%M%SZ"
_LONGEST: Final = timedelta(days=1)


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
    return made_at.strftime(_NAME)


def is_abandoned(name: str, now: datetime) -> bool:
    """Whether a backup of this name that is not finished was begun more than a day ago.

    >>> from datetime import UTC
    >>> now = datetime(2026, 5, 5, 10, 15, 31, tzinfo=UTC)
    >>> [is_abandoned(name, now) for name in ("20260504T101530Z", "20260504T101531Z", "mine")]
    [True, False, False]
    """
    try:
        begun = datetime.strptime(name, _NAME).replace(tzinfo=UTC)
    except ValueError:
        return False
    return now - begun > _LONGEST


def outdated(places: Sequence[Place], keep: int) -> Sequence[Place]:
    """Those that may go, of backups with the oldest first.

    >>> outdated(["monday", "tuesday", "wednesday"], keep=2)
    ['monday']
    """
    return places[: max(0, len(places) - keep)]
