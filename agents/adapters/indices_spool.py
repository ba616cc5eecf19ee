"""Minutes of indices that the bridge has not acknowledged, in a small SQLite file of their own."""

import logging
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from schemas import codec
from schemas.base import SeqRange
from schemas.errors import BadConfig, Unavailable
from schemas.messages import Indices

VERSION: Final = 1
MAX_MINUTES: Final = 30 * 24 * 60
"""The bridge takes nothing that is older than 30 days."""

_APPLICATION_ID: Final = 0x43484958  # "CHIX"
_SIDECARS: Final = ("", "-wal", "-shm")
_SCHEMA: Final = f"""
BEGIN;
CREATE TABLE minute (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    session TEXT NOT NULL, first_seq INTEGER NOT NULL, payload BLOB NOT NULL
);
PRAGMA application_id = {_APPLICATION_ID};
PRAGMA user_version = {VERSION};
COMMIT;
"""

log = logging.getLogger(__name__)


class IndicesSpool:
    """One file, one agent; a row a minute, synced as it is written.

    A damaged file is set aside and another begun: a lost index is a gap in a curve, no more.
    """

    def __init__(self, path: Path, max_minutes: int = MAX_MINUTES) -> None:
        self._path = path
        self._max_minutes = max_minutes
        self._safe: set[int] = set()

    def __enter__(self) -> Self:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._db = _opened(self._path)
        except sqlite3.OperationalError as error:
            raise Unavailable(f"{self._path}: {error}") from None
        except sqlite3.DatabaseError as error:
            log.error("indices_spool_damaged", extra={"detail": str(error)})  # noqa: TRY400
            _set_aside(self._path)
            self._db = _opened(self._path)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._db.close()

    def append(self, minute: Indices) -> None:
        """Store a minute; the oldest beyond the bound are dropped.

        Raises
        ------
        Unavailable
            The disk is full or failing; nothing has changed.
        """
        row = (minute.session, minute.first_seq, codec.encode(minute))
        with self._writing() as db:
            db.execute("INSERT INTO minute (session, first_seq, payload) VALUES (?, ?, ?)", row)
            db.execute(
                "DELETE FROM minute WHERE position <= (SELECT max(position) FROM minute) - ?",
                (self._max_minutes,),
            )

    def waiting(self, limit: int) -> list[tuple[SeqRange, bytes]]:
        """The oldest minutes that wait, by the seq of their first reading, and their payloads."""
        rows = self._db.execute(
            "SELECT position, session, first_seq, payload FROM minute ORDER BY position LIMIT ?",
            (limit + len(self._safe),),
        ).fetchall()
        return [
            (SeqRange(session=session, first_seq=seq, count=1), payload)
            for position, session, seq, payload in rows
            if position not in self._safe
        ][:limit]

    def acknowledge(self, minutes: Iterable[SeqRange]) -> None:
        """Let go of what is safe at the other end, or will never be accepted there."""
        for done in minutes:
            found = self._db.execute(
                "SELECT position FROM minute WHERE session = ? AND first_seq BETWEEN ? AND ?",
                (done.session, done.first_seq, done.first_seq + done.count - 1),
            )
            self._safe.update(position for (position,) in found)
        with suppress(Unavailable), self._writing():
            pass  # else they are deleted with the next minute

    def depth(self) -> int:
        """Number of minutes that wait."""
        rows = int(self._db.execute("SELECT count(*) FROM minute").fetchone()[0])
        return rows - len(self._safe)

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """All or nothing; what is safe is deleted as well."""
        try:
            with self._db:
                self._db.execute("BEGIN IMMEDIATE")
                safe = [(position,) for position in self._safe]
                self._db.executemany("DELETE FROM minute WHERE position = ?", safe)
                yield self._db
        except sqlite3.OperationalError as error:
            raise Unavailable(f"{self._path}: {error}") from None
        self._safe.clear()


def _opened(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None)
    try:
        _refuse_newer(db, path)
        db.execute("PRAGMA page_size = 1024")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        if not _version(db):
            db.executescript(_SCHEMA)
        _refuse_damage(db)
    except BaseException:
        db.close()
        raise
    return db


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def _refuse_newer(db: sqlite3.Connection, path: Path) -> None:
    if (version := _version(db)) > VERSION:
        raise BadConfig(
            f"{path} is of version {version}, this agent knows {VERSION}: install the newer"
            " agent, or move the file away"
        )


def _refuse_damage(db: sqlite3.Connection) -> None:
    (said,) = db.execute("PRAGMA quick_check(1)").fetchone()
    if said != "ok":
        raise sqlite3.DatabaseError(said)


def _set_aside(path: Path) -> None:
    for sidecar in _SIDECARS:
        with suppress(FileNotFoundError):
            Path(f"{path}{sidecar}").replace(f"{path}.damaged{sidecar}")
