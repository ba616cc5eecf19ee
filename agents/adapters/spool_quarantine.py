"""What the bridge will never accept: counted for good, the newest cases kept for who looks."""

import sqlite3
from collections import deque
from typing import Final

from agents.adapters.spool_file import number
from schemas.base import SeqRange
from schemas.messages import Rejected

MAX_KEPT: Final = 64

_KEEP: Final = (
    "INSERT INTO quarantine (session, first_seq, count, digest, reason, detail)"
    " VALUES (?, ?, ?, ?, ?, ?)"
)
_FORGET: Final = "DELETE FROM quarantine WHERE number <= (SELECT max(number) FROM quarantine) - ?"


class Quarantine:
    """Rejections that are not written yet: few, unless the disk refuses them."""

    def __init__(self) -> None:
        self._uncounted = 0
        self._cases: deque[tuple[SeqRange, Rejected]] = deque(maxlen=MAX_KEPT)

    def __bool__(self) -> bool:
        return self._uncounted > 0

    def add(self, seqs: SeqRange, rejected: Rejected) -> None:
        """Remember a rejection until it is written."""
        self._uncounted += seqs.count
        self._cases.append((seqs, rejected))

    def write(self, db: sqlite3.Connection) -> None:
        """Write them; `clear` once the transaction is over."""
        db.execute("UPDATE tally SET quarantined = quarantined + ?", (self._uncounted,))
        rows = [
            (seqs.session, seqs.first_seq, seqs.count, case.digest, case.reason, case.detail)
            for seqs, case in self._cases
        ]
        db.executemany(_KEEP, rows)
        db.execute(_FORGET, (MAX_KEPT,))

    def clear(self) -> None:
        """They are written."""
        self._uncounted = 0
        self._cases.clear()

    def count(self, db: sqlite3.Connection) -> int:
        """Number of readings that were ever rejected."""
        return number(db, "SELECT quarantined FROM tally") + self._uncounted
