"""The readings of an open spool: their rows, what they share, and which of them still wait.

The newest lie in the slots of table `fresh`, each written over when its reading is safe: one page
a second is all that a device with a good link ever writes. Once a slot is needed whose reading
still waits, everything fresh moves to table `reading`, as large as the bounds let it grow.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import astuple
from datetime import timedelta
from itertools import islice
from typing import Final

from agents.adapters import spool_marks, spool_room, spool_rows
from agents.adapters.spool_census import census
from agents.adapters.spool_marks import SAFE, TABLES, Marks
from agents.adapters.spool_rows import Row
from agents.batches import CONTEXT_READINGS
from agents.delivery import Stored
from agents.reading import Reading
from schemas.base import SeqRange
from schemas.errors import Unavailable

_FLUSH: Final = 64
_MORE_SPANS: Final = 32
SLOTS: Final = 64
_ROW: Final = "SELECT position, started_us, levels, codes, check_sum FROM present "

Found = tuple[int, bool]
"""Position of a reading that waits, and whether it is thinned to levels."""


class ReadingTable:
    """Rows by position. State 0: never sent, 1: sent, 2: safe, context only, 3: moved.

    What was sent or acknowledged is remembered, and written together with later readings or not
    at all: a kill costs that memory, and what was safe is then sent once more.
    """

    def __init__(self, db: sqlite3.Connection, name: str) -> None:
        self._db = db
        self._name = name
        self._marks = Marks()
        self._safe_until = 0
        self._whole_until = 0
        self.held_after: int | None = None
        """Nothing after this position is given out."""
        found = census(db)
        self.newest, self.whole, self.thin = found.newest, found.whole, found.thin
        self._moved_until = found.moved_until
        self._spans = found.spans
        self._many_spans = 0
        # what was sent a moment before the last end may not have been noted
        recent = db.execute(
            "SELECT position FROM present WHERE position > ? AND state = 0",
            (self.newest - 2 * _FLUSH,),
        )
        self._marks.sent.update(position for (position,) in recent)
        with suppress(Unavailable):  # on a full disk: another time
            self._tidy(found.safe)
            self.flush()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing; `Unavailable` if the disk is full or failing."""
        try:
            with self._db:
                self._db.execute("BEGIN IMMEDIATE")
                yield self._db
        except sqlite3.OperationalError as error:
            raise Unavailable(f"{self._name}: {error}") from None

    def store(self, readings: Sequence[Reading], lost: Sequence[SeqRange]) -> None:
        """Add readings, and name those that are lost."""
        first, last = self.newest + 1, self.newest + len(readings)
        newest = self._spans[-1:]
        begun = spool_rows.extended(newest, first, readings)[len(newest) :]
        rows = [spool_rows.row(position, each) for position, each in enumerate(readings, first)]
        many = len(rows) > SLOTS
        crowded = many or not self._may_overwrite(last - SLOTS)
        marked = crowded or self._marks.until(self._moved_until) >= _FLUSH
        with self.transaction() as db:
            written = self._marks.write(db, self.newest) if marked else []
            if crowded:
                _move_fresh(db)
            spool_room.remember_dropped(db, lost)
            new = [astuple(span) for span in begun]
            db.executemany("INSERT INTO span VALUES (?, ?, ?, ?, ?)", new)
            if many:
                db.executemany("INSERT INTO reading VALUES (?, ?, ?, ?, ?, 0)", rows)
            else:
                slots = [(row[0] % SLOTS, *row) for row in rows]
                db.executemany("REPLACE INTO fresh VALUES (?, ?, ?, ?, ?, ?, 0)", slots)
            oldest = 0
            if crowded or len(self._spans) >= self._many_spans:
                spool_marks.forget_oldest(db)
                oldest = spool_rows.forget_spans(db)
        self._marks.forget(written)
        if crowded:
            self._moved_until = last if many else self.newest
        else:
            overwritten = range(self._moved_until + 1, last - SLOTS + 1)
            self._marks.forget(overwritten)
            self._moved_until = max(self._moved_until, last - SLOTS)
        self._spans += begun
        self.newest = last
        if oldest:
            self._keep_spans(oldest)
        self._count([(row[0], not row[3]) for row in rows], +1)

    def flush(self) -> None:
        """Write what was sent and what is safe."""
        while self._marks:
            with self.transaction() as db:
                written = self._marks.write(db, self.newest)
            self._marks.forget(written)

    def waiting(self, after: int, limit: int) -> list[Stored]:
        """Unacknowledged readings stored after a position, oldest first; Damaged if one is."""
        last = self.newest if self.held_after is None else self.held_after
        first = max(after, self._safe_until)
        query = _ROW + "WHERE position > ? AND position <= ? AND state < 2 ORDER BY position"
        with closing(self._db.execute(query, (first, last))) as rows:
            found = list(islice((row for row in rows if row[0] not in self._marks.safe), limit))
        if after <= self._safe_until:  # not to be read once more while no mark can be written
            self._safe_until = found[0][0] - 1 if found else last
        return [spool_rows.stored(self._spans, row) for row in found]

    def before(self, reading: Reading) -> list[Reading]:
        """Up to three readings of its session just before this one, oldest first."""
        first = max(0, reading.seq - CONTEXT_READINGS)
        if first == reading.seq:
            return []
        seqs = SeqRange(session=reading.session, first_seq=first, count=reading.seq - first)
        rows: list[Row] = []
        for stretch in spool_rows.stretches(self._spans, seqs, self.newest):
            rows += self._db.execute(
                _ROW + "WHERE position BETWEEN ? AND ? ORDER BY position", stretch
            )
        return [spool_rows.stored(self._spans, row).reading for row in rows]

    def sent(self, seqs: SeqRange) -> None:
        """Note that readings may have reached the bridge; at once, unless it is a live one.

        On a disk that is full it is only remembered, for they are to be sent all the same.
        """
        found = {position for position, _ in self._unacknowledged(seqs)}
        self._marks.sent |= found
        if len(found) > 1:
            with suppress(Unavailable):
                self.flush()

    def acknowledge(self, seqs: SeqRange) -> int:
        """Let go of readings; how many of them waited."""
        found = self._unacknowledged(seqs)
        self._marks.safe |= {position for position, _ in found}
        self._count(found, -1)
        return len(found)

    def make_thinner(self) -> int:
        """Drop the frames of some readings that were never sent; of how many."""
        self.flush()
        with self.transaction() as db:
            positions = spool_room.thin(db, self._whole_until, self.newest)
        self._whole_until = positions[-1] if positions else self._whole_until
        self.whole -= len(positions)
        self.thin += len(positions)
        return len(positions)

    def drop(self, limit: int, before_us: int) -> list[SeqRange]:
        """Drop the oldest readings that began before some time, and remember that."""
        self.flush()
        with self.transaction() as db:
            found: list[Found] = db.execute(
                "SELECT position, codes = x'' FROM present WHERE state < 2 AND started_us < ?"
                " ORDER BY position LIMIT ?",
                (before_us, limit),
            ).fetchall()
            lost = self._lose(db, [position for position, _ in found])
        self._count(found, -1)
        return lost

    def drop_damaged(self) -> list[SeqRange]:
        """Drop rows that are no longer as they were written, and remember those that waited."""
        self.flush()
        bad: list[int] = []
        waited: list[Found] = []
        for *row, state in self._db.execute(_ROW.replace(" FROM", ", state FROM")):
            if not spool_rows.is_whole(self._spans, row):
                bad.append(row[0])
                waited += [(row[0], not row[3])] if state < SAFE else []
        with self.transaction() as db:
            lost = self._lose(db, [position for position, _ in waited])
            for table in TABLES:
                gone = [(each,) for each in bad]
                db.executemany(f"DELETE FROM {table} WHERE position = ?", gone)  # noqa: S608
        self._count(waited, -1)
        return lost

    def restamp(self, by: timedelta) -> None:
        """Shift what is held unsynced in time, and hold nothing any longer."""
        if self.held_after is not None:
            with self.transaction() as db:
                _move_fresh(db)
                spans = spool_rows.restamped(db, self._spans, self.held_after, by)
            self._spans, self._moved_until = spans, self.newest
        self.held_after = None

    def newest_us(self) -> int:
        """When the newest reading that is left began; 0 if there is none."""
        query = "SELECT position, started_us FROM present ORDER BY position DESC LIMIT 1"
        found = self._db.execute(query).fetchone()
        return int(found[1]) if found else 0

    def age_us(self) -> int:
        """How much older than the newest reading the oldest is that waits; 0 for wrong clocks."""
        oldest = self._db.execute(
            "SELECT position, started_us FROM present WHERE state < 2 ORDER BY position LIMIT 1"
        ).fetchone()
        if oldest is None:
            return 0
        ends = (spool_rows.span_at(self._spans, position) for position in (oldest[0], self.newest))
        synced = all(span is not None and span.clock == "synced" for span in ends)
        return self.newest_us() - int(oldest[1]) if synced else 0

    def _tidy(self, safe: Sequence[int]) -> None:
        """Forget older sessions but for what waiting readings need, and for the newest reading."""
        with self.transaction() as db:
            spool_marks.forget_each(db, [each for each in safe if each < self.newest])
            oldest = spool_rows.forget_spans(db)
        self._keep_spans(oldest)

    def _keep_spans(self, oldest: int) -> None:
        """Forget those before it, and look for more to forget once there are more again."""
        self._spans = [span for span in self._spans if span.base >= oldest]
        self._many_spans = len(self._spans) + _MORE_SPANS

    def _may_overwrite(self, until: int) -> bool:
        """Whether nobody needs the fresh readings up to a position, not even as context."""
        if until <= self._moved_until:
            return True
        waiting = self._db.execute(
            "SELECT position FROM fresh WHERE position <= ? AND state < 2",
            (until + CONTEXT_READINGS,),
        )
        return self._marks.safe.issuperset(position for (position,) in waiting)

    def _lose(self, db: sqlite3.Connection, positions: Sequence[int]) -> list[SeqRange]:
        lost = list(spool_rows.ranges(self._spans, positions))
        spool_room.remember_dropped(db, lost)
        spool_marks.write(db, positions, SAFE)
        spool_marks.forget(db, positions, self.newest)
        return lost

    def _unacknowledged(self, seqs: SeqRange) -> list[Found]:
        found: list[Found] = []
        for stretch in spool_rows.stretches(self._spans, seqs, self.newest):
            found += self._db.execute(
                "SELECT position, codes = x'' FROM present"
                " WHERE position BETWEEN ? AND ? AND state < 2",
                stretch,
            )
        return [each for each in found if each[0] not in self._marks.safe]

    def _count(self, found: Sequence[Found], sign: int) -> None:
        thin = sum(is_thin for _, is_thin in found)
        self.thin += sign * thin
        self.whole += sign * (len(found) - thin)


def _move_fresh(db: sqlite3.Connection) -> None:
    """Move what is fresh to its lasting place."""
    db.execute(
        "INSERT INTO reading SELECT position, started_us, levels, codes, check_sum, state"
        " FROM fresh WHERE state < 3 ORDER BY position"
    )
    db.execute("UPDATE fresh SET state = 3")
