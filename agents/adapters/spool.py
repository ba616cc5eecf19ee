"""Store and forward: what the bridge has not acknowledged waits in a bounded SQLite file."""

import fcntl
import logging
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from agents.adapters import spool_file
from agents.batches import CONTEXT_READINGS
from agents.delivery import Stored
from agents.reading import Reading
from schemas.base import SeqRange
from schemas.errors import BadConfig, Unavailable
from schemas.messages import Levels, Rejected

BYTES_PER_READING: Final = 1100
"""What a reading takes in the file, its share of indices and pages included; measured."""
MAX_QUARANTINE: Final = 64
MAX_DROPPED_RANGES: Final = 64

_DROP_CHUNK: Final = 60
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_SECOND: Final = timedelta(seconds=1)
_SELECT: Final = (
    "SELECT position, session, seq, started_us, clock, calibration, levels, codes FROM reading "
)
# safe, and none of the next three readings waits for its frames
_FORGET: Final = (
    "DELETE FROM reading WHERE safe AND NOT EXISTS"
    " (SELECT 1 FROM reading AS later WHERE later.session = reading.session"
    " AND later.seq > reading.seq AND later.seq <= reading.seq + ? AND NOT later.safe)"
)

log = logging.getLogger(__name__)


class SqliteSpool:
    """One file, one agent. Every call is one transaction of well under a millisecond.

    A disk that is full or failing is `Unavailable`, and then nothing has changed.

    Write-ahead log without a sync per commit: a killed agent loses nothing; a power cut may cost
    the seconds since the last `checkpoint`, which the agent runs beside its event loop.
    Readings that are safe stay until none after them needs their frames as context.
    """

    def __init__(self, path: Path, max_bytes: int) -> None:
        self._path = path
        self._capacity = max(1, max_bytes // BYTES_PER_READING)
        self._waiting = 0
        self._held_after: int | None = None

    def __enter__(self) -> Self:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = self._path.with_suffix(".lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._db = spool_file.opened(self._path)
            self._begin()
        except BlockingIOError:
            self._lock.close()
            raise BadConfig(f"another agent is using the spool {self._path}") from None
        except BadConfig:
            self._lock.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def append(self, readings: Sequence[Reading]) -> None:
        """Store readings; beyond the bound the oldest ones are dropped and remembered."""
        waiting = self._waiting + len(readings)
        with self._transaction() as db:
            db.executemany(
                "INSERT INTO reading (session, seq, started_us, clock, calibration, levels,"
                " codes) VALUES (?, ?, ?, ?, ?, ?, ?)",
                [_row(reading) for reading in readings],
            )
            db.executemany(
                "UPDATE tally SET heard_until_us = ?",
                [(_microseconds(reading.started_at + _SECOND),) for reading in readings[-1:]],
            )
            if waiting > self._capacity:
                waiting -= self._drop(waiting - self._capacity)
        self._waiting = waiting

    def waiting(self, after: int, limit: int) -> list[Stored]:
        """Unacknowledged readings stored after a position, oldest first."""
        rows = self._db.execute(
            _SELECT + "WHERE position > ? AND position <= ? AND NOT safe ORDER BY position LIMIT ?",
            (after, self.newest() if self._held_after is None else self._held_after, limit),
        )
        return [_stored(row) for row in rows]

    def hold(self) -> None:
        """Give out no reading that is stored from now on, for its time is not known."""
        self._held_after = self.newest()

    def restamp(self, by: timedelta) -> None:
        """Shift the readings that are held, and give them out as synced."""
        by_us = by // _MICROSECOND
        with self._transaction() as db:
            db.execute(
                "UPDATE reading SET started_us = started_us + ?, clock = 'synced'"
                " WHERE position > ?",
                (by_us, self._held_after),
            )
            db.execute("UPDATE tally SET heard_until_us = heard_until_us + ?", (by_us,))
        self._held_after = None

    def release(self) -> None:
        """Give out the readings that are held as they are."""
        self._held_after = None

    def before(self, reading: Reading) -> list[Reading]:
        """Up to three readings of its session just before this one, oldest first."""
        rows = self._db.execute(
            _SELECT + "WHERE session = ? AND seq >= ? AND seq < ? ORDER BY seq",
            (reading.session, reading.seq - CONTEXT_READINGS, reading.seq),
        )
        return [_stored(row).reading for row in rows]

    def newest(self) -> int:
        """Position of the reading stored last; 0 if there never was one."""
        row = self._db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'reading'").fetchone()
        return int(row[0]) if row else 0

    def acknowledge(self, ranges: Iterable[SeqRange]) -> int:
        """Let go of what is safe at the other end; how many readings that newly were."""
        with self._transaction():
            newly = sum(self._mark_safe(done) for done in ranges)
        self._waiting -= newly
        return newly

    def quarantine(self, seqs: SeqRange, rejected: Rejected) -> None:
        """Stop sending what will never be accepted; its newest cases are remembered."""
        with self._transaction() as db:
            db.execute("UPDATE tally SET quarantined = quarantined + ?", (seqs.count,))
            db.execute(
                "INSERT INTO quarantine (session, first_seq, count, digest, reason, detail)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (*_range(seqs), rejected.digest, rejected.reason, rejected.detail),
            )
            self._keep_newest("quarantine", MAX_QUARANTINE)
            newly = self._mark_safe(seqs)
        self._waiting -= newly

    def depth(self) -> int:
        """Number of unacknowledged readings."""
        return self._waiting

    def quarantined(self) -> int:
        """Number of readings that were ever rejected."""
        return spool_file.number(self._db, "SELECT quarantined FROM tally")

    def dropped(self) -> tuple[SeqRange, ...]:
        """The newest ranges that were lost because the spool was full, oldest first."""
        rows = self._db.execute("SELECT session, first_seq, count FROM dropped ORDER BY number")
        return tuple(SeqRange(session=s, first_seq=first, count=n) for s, first, n in rows)

    def heard_until(self) -> datetime | None:
        """Event time at which the reading stored last ended."""
        (end_us,) = self._db.execute("SELECT heard_until_us FROM tally").fetchone()
        return None if end_us is None else _EPOCH + end_us * _MICROSECOND

    def checkpoint(self) -> None:
        """Move the write-ahead log into the file and sync it; slow, call it in a thread."""
        with self._translated(), closing(sqlite3.connect(self._path)) as other:
            other.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._translated(), self._db:
            self._db.execute("BEGIN IMMEDIATE")
            yield self._db

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise Unavailable(f"{self._path}: {error}") from None

    def _begin(self) -> None:
        # an agent starts with a new session: of older ones only what waiting readings need is kept
        self._db.execute(_FORGET, (CONTEXT_READINGS,))
        self._waiting = spool_file.number(self._db, "SELECT count(*) FROM reading WHERE NOT safe")

    def _close(self) -> None:
        self._db.close()
        self._lock.close()

    def _mark_safe(self, done: SeqRange) -> int:
        end = done.first_seq + done.count
        marked = self._db.execute(
            "UPDATE reading SET safe = 1 WHERE session = ? AND seq >= ? AND seq < ? AND NOT safe",
            (done.session, done.first_seq, end),
        )
        self._db.execute(
            _FORGET + " AND session = ? AND seq >= ? AND seq < ? AND position <= ?",
            (
                CONTEXT_READINGS,
                done.session,
                done.first_seq - CONTEXT_READINGS,
                end,
                self.newest() - CONTEXT_READINGS,  # the next readings will need the last ones
            ),
        )
        return marked.rowcount

    def _drop(self, excess: int) -> int:
        """Make room for a while: one reading at a time would cost a range each."""
        limit = max(excess, min(_DROP_CHUNK, self._capacity // 2))
        rows = self._db.execute(_SELECT + "WHERE NOT safe ORDER BY position LIMIT ?", (limit,))
        doomed = [_stored(row) for row in rows]
        for stored in doomed:
            self._remember_dropped(stored.reading)
        self._keep_newest("dropped", MAX_DROPPED_RANGES)
        last = doomed[-1].position
        self._db.execute("UPDATE reading SET safe = 1 WHERE position <= ?", (last,))
        self._db.execute("DELETE FROM reading WHERE position <= ?", (last - CONTEXT_READINGS,))
        log.error("spool_full", extra={"dropped": len(doomed)})
        return len(doomed)

    def _remember_dropped(self, reading: Reading) -> None:
        longer = self._db.execute(
            "UPDATE dropped SET count = count + 1 WHERE session = ? AND first_seq + count = ?"
            " AND number = (SELECT max(number) FROM dropped)",
            (reading.session, reading.seq),
        )
        if not longer.rowcount:
            self._db.execute(
                "INSERT INTO dropped (session, first_seq, count) VALUES (?, ?, 1)",
                (reading.session, reading.seq),
            )

    def _keep_newest(self, table: str, limit: int) -> None:
        self._db.execute(
            f"DELETE FROM {table} WHERE number <= (SELECT max(number) FROM {table}) - ?",  # noqa: S608
            (limit,),
        )


def _row(reading: Reading) -> tuple[str, int, int, str, str | None, str, bytes]:
    return (
        reading.session,
        reading.seq,
        _microseconds(reading.started_at),
        reading.clock,
        reading.calibration,
        reading.levels.model_dump_json(),
        reading.codes,
    )


def _stored(row: tuple[object, ...]) -> Stored:
    position, session, seq, started_us, clock, calibration, levels, codes = row
    reading = Reading(
        session=session,  # type: ignore[arg-type]  # the columns' own types, as `_row` wrote them
        seq=seq,  # type: ignore[arg-type]
        started_at=_EPOCH + started_us * _MICROSECOND,  # type: ignore[operator]
        clock=clock,  # type: ignore[arg-type]
        calibration=calibration,  # type: ignore[arg-type]
        levels=Levels.model_validate_json(levels),  # type: ignore[arg-type]
        codes=codes,  # type: ignore[arg-type]
    )
    return Stored(position, reading)  # type: ignore[arg-type]


def _microseconds(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND


def _range(seqs: SeqRange) -> tuple[str, int, int]:
    return seqs.session, seqs.first_seq, seqs.count
