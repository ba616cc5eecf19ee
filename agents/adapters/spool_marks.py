"""What was sent and what is safe: remembered, and written when it is worth a write."""

import sqlite3
from collections.abc import Collection, Iterable
from heapq import nsmallest
from typing import Final

from agents.batches import CONTEXT_READINGS

SAFE: Final = 2
TABLES: Final = ("reading", "fresh")

_AT_ONCE: Final = 1024
"""So many are written in one transaction: a disk that refuses lets them become many."""
_FORGET: Final = (
    "DELETE FROM reading WHERE state = 2 AND position BETWEEN ? AND ? AND NOT EXISTS (SELECT 1"
    " FROM present AS later WHERE later.position > reading.position"
    " AND later.position <= reading.position + ? AND later.state < 2)"
)
_FORGET_OLDEST: Final = (
    "DELETE FROM reading WHERE state = 2 AND position <"
    " (SELECT position FROM present WHERE state < 2 ORDER BY position LIMIT 1) - ?"
)


class Marks:
    """Positions whose state in the file is behind; a kill costs no more than this memory."""

    def __init__(self) -> None:
        self.sent: set[int] = set()
        self.safe: set[int] = set()
        self.at_once = _AT_ONCE

    def __bool__(self) -> bool:
        return bool(self.sent or self.safe)

    def until(self, position: int) -> int:
        """How many there are up to a position."""
        return sum(each <= position for each in self.sent | self.safe)

    def write(self, db: sqlite3.Connection, newest: int) -> list[int]:
        """Write the oldest; their positions, to be forgotten once the transaction is over."""
        oldest = nsmallest(self.at_once, self.sent | self.safe)
        write(db, [each for each in oldest if each not in self.safe], 1)
        safe = [each for each in oldest if each in self.safe]
        write(db, safe, SAFE)
        forget(db, safe, newest)
        return oldest

    def forget(self, positions: Collection[int]) -> None:
        """Positions that are written, or whose rows are gone."""
        self.sent.difference_update(positions)
        self.safe.difference_update(positions)


def write(db: sqlite3.Connection, positions: Iterable[int], state: int) -> None:
    """Raise the state of rows."""
    marks = [(state, position, state) for position in positions]
    for table in TABLES:
        db.executemany(
            f"UPDATE {table} SET state = ? WHERE position = ? AND state < ?",  # noqa: S608
            marks,
        )


def forget(db: sqlite3.Connection, safe: Collection[int], newest: int) -> None:
    """Delete rows that are safe, but for those that others or the next ones need as context."""
    if safe:
        first, last = min(safe) - CONTEXT_READINGS, min(max(safe), newest - CONTEXT_READINGS)
        db.execute(_FORGET, (first, last, CONTEXT_READINGS))


def forget_oldest(db: sqlite3.Connection) -> None:
    """Likewise, all that are older than what waits, if anything does."""
    db.execute(_FORGET_OLDEST, (CONTEXT_READINGS,))


def forget_each(db: sqlite3.Connection, safe: Iterable[int]) -> None:
    """Likewise, rows that may lie anywhere."""
    db.executemany(_FORGET, [(each, each, CONTEXT_READINGS) for each in safe])
