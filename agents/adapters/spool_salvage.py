"""A spool that is damaged or of an older version: what can still be read, and where it goes."""

import logging
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from itertools import count
from pathlib import Path
from typing import Final

from agents.adapters import spool_rows
from agents.adapters.spool_file import SIDECARS, number
from agents.adapters.spool_rows import Damaged, Span
from agents.reading import Reading
from schemas.base import SeqRange
from schemas.messages import Levels

_CHUNK: Final = 60
_MAX_MISSES: Final = 100_000
"""Stop looking beyond so many unreadable places in a row: 69 days of readings."""

log = logging.getLogger(__name__)

Found = tuple[Reading, bool]
"""What waits, and whether it may have been sent."""

_Read = Callable[[sqlite3.Connection, int], Sequence[tuple[int, Found | None]]]


def readings(path: Path) -> Iterator[Found]:
    """What waits in a spool, as far as it can be read, oldest first."""
    with closing(_connection(path)) as db, suppress(sqlite3.DatabaseError):
        for read in _readers(db):
            yield from _forward(db, read)


def dropped(path: Path) -> list[SeqRange]:
    """Ranges that the spool knew to be lost and that nobody has acknowledged."""
    with closing(_connection(path)) as db:
        for condition in ("WHERE NOT told", ""):
            with suppress(sqlite3.DatabaseError):
                rows = db.execute(
                    f"SELECT session, first_seq, count FROM dropped {condition} ORDER BY number"  # noqa: S608
                ).fetchall()
                return [SeqRange(session=s, first_seq=f, count=n) for s, f, n in rows]
    return []


def set_aside(path: Path, why: str) -> Path:
    """Rename a file, and what SQLite keeps beside it, to a name that is free."""
    free = (path.with_name(f"{path.name}.{why}-{n}") for n in count(1))
    target = next(name for name in free if not name.exists())
    for sidecar in SIDECARS:
        with suppress(FileNotFoundError):
            Path(f"{path}{sidecar}").rename(f"{target}{sidecar}")
    return target


def remove(path: Path) -> None:
    """Delete a file and what SQLite keeps beside it."""
    for sidecar in SIDECARS:
        Path(f"{path}{sidecar}").unlink(missing_ok=True)


def _connection(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None)
    # nothing is written: this lets SQLite read a file that is shorter than its header says
    db.execute("PRAGMA writable_schema = ON")
    return db


def _readers(db: sqlite3.Connection) -> Iterator[_Read]:
    if number(db, "PRAGMA user_version") == 1:
        yield _read_first_version
        return
    rows = db.execute("SELECT base, session, first_seq, clock, calibration FROM span ORDER BY base")
    spans = [Span(*row) for row in rows]
    yield lambda db, after: _read(db, after, spans, "reading")
    yield lambda db, after: _read(db, after, spans, "fresh")


def _forward(db: sqlite3.Connection, read: _Read) -> Iterator[Found]:
    """Read on behind every place that cannot be read."""
    after, misses = 0, 0
    while misses < _MAX_MISSES:
        try:
            chunk = read(db, after)
        except sqlite3.DatabaseError:
            after, misses = after + _CHUNK // 2, misses + 1
            continue
        if not chunk:
            return
        yield from (found for _, found in chunk if found is not None)
        after, misses = chunk[-1][0], 0


def _read(
    db: sqlite3.Connection, after: int, spans: Sequence[Span], table: str
) -> list[tuple[int, Found | None]]:
    rows = db.execute(
        f"SELECT position, started_us, levels, codes, check_sum, state FROM {table}"  # noqa: S608
        " WHERE position > ? AND state < 2 ORDER BY position LIMIT ?",
        (after, _CHUNK),
    ).fetchall()
    found: list[tuple[int, Found | None]] = []
    for *row, state in rows:
        try:
            found.append((row[0], (spool_rows.stored(spans, tuple(row)).reading, state > 0)))
        except Damaged:
            found.append((row[0], None))
    return found


def _read_first_version(db: sqlite3.Connection, after: int) -> list[tuple[int, Found | None]]:
    rows = db.execute(
        "SELECT position, session, seq, started_us, clock, calibration, levels, codes"
        " FROM reading WHERE position > ? AND NOT safe ORDER BY position LIMIT ?",
        (after, _CHUNK),
    ).fetchall()
    return [
        (
            position,
            (
                Reading(
                    session=session,
                    seq=seq,
                    started_at=spool_rows.utc(started_us),
                    clock=clock,
                    calibration=calibration,
                    levels=Levels.model_validate_json(levels),
                    codes=codes,
                ),
                True,  # for all we know
            ),
        )
        for position, session, seq, started_us, clock, calibration, levels, codes in rows
    ]
