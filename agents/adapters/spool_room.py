"""Making room in a full spool: first thin what was never sent, then drop the oldest. SQL only."""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Final

from agents.adapters import spool_rows
from agents.adapters.spool_file import number
from agents.reading import READING_CODE_BYTES
from schemas.base import SeqRange

CHUNK: Final = 60
"""Room is made for a while: one reading at a time would cost a range each."""
MAX_TOLD: Final = 64
RESERVE_BYTES: Final = 64 * 1024 * 1024
"""Of so much at the end of a disk a spool takes no more than half: to make room takes room."""
_SPARE_PAGES: Final = 64
_KEPT_WHOLE: Final = 64
"""The newest readings keep their frames: they may be on their way any moment."""


def must_grow(db: sqlite3.Connection) -> bool:
    """Whether the next readings will soon find no free pages in the file."""
    return number(db, "PRAGMA freelist_count") < _SPARE_PAGES


def thin(db: sqlite3.Connection, after: int, newest: int) -> list[int]:
    """Drop the frames of the oldest whole readings that were never sent; their positions."""
    rows = db.execute(
        "SELECT position, started_us, levels FROM reading WHERE position > ? AND position <= ?"
        " AND state = 0 AND length(codes) >= ? ORDER BY position LIMIT ?",
        (after, newest - _KEPT_WHOLE, READING_CODE_BYTES, CHUNK),
    ).fetchall()
    # rows that only shrink would leave their pages half empty
    db.executemany("DELETE FROM reading WHERE position = ?", [(row[0],) for row in rows])
    db.executemany(
        "INSERT INTO reading VALUES (?, ?, ?, ?, ?, 0)",
        [spool_rows.thinned(*row) for row in rows],
    )
    return [row[0] for row in rows]


def remember_dropped(db: sqlite3.Connection, lost: Iterable[SeqRange]) -> None:
    """Keep ranges until somebody has acknowledged that they are lost; neighbours as one."""
    for seqs in lost:
        longer = db.execute(
            "UPDATE dropped SET count = count + ? WHERE session = ? AND first_seq + count = ?"
            " AND NOT told AND number = (SELECT max(number) FROM dropped)",
            (seqs.count, seqs.session, seqs.first_seq),
        )
        if not longer.rowcount:
            db.execute(
                "INSERT INTO dropped (session, first_seq, count) VALUES (?, ?, ?)",
                (seqs.session, seqs.first_seq, seqs.count),
            )


def mark_told(db: sqlite3.Connection, ranges: Iterable[SeqRange]) -> None:
    """Note which losses are known at the other end; a range may have grown since it was told."""
    for seqs in ranges:
        db.execute(
            "INSERT INTO dropped (session, first_seq, count)"
            " SELECT session, first_seq + :count, count - :count FROM dropped"
            " WHERE session = :session AND first_seq = :first_seq AND count > :count AND NOT told",
            {"count": seqs.count, "session": seqs.session, "first_seq": seqs.first_seq},
        )
        db.execute(
            "UPDATE dropped SET told = 1, count = ? WHERE session = ? AND first_seq = ?"
            " AND NOT told",
            (seqs.count, seqs.session, seqs.first_seq),
        )
    db.execute(
        "DELETE FROM dropped WHERE told AND number NOT IN"
        " (SELECT number FROM dropped WHERE told ORDER BY number DESC LIMIT ?)",
        (MAX_TOLD,),
    )


def dropped(db: sqlite3.Connection) -> Sequence[SeqRange]:
    """What a status says: losses not yet acknowledged, oldest first; then others, newest first.

    The latter because a retained status is all that a late reader of it ever sees.
    """
    rows = db.execute(
        "SELECT session, first_seq, count FROM dropped"
        " ORDER BY told, CASE WHEN told THEN -number ELSE number END LIMIT ?",
        (MAX_TOLD,),
    )
    return [SeqRange(session=s, first_seq=first, count=n) for s, first, n in rows]
