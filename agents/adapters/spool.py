"""Store and forward: what the bridge has not acknowledged waits in a bounded SQLite file."""

import logging
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from agents.adapters import spool_file, spool_room, spool_rows, spool_salvage
from agents.adapters.health import disk_free_bytes
from agents.adapters.spool_file import Outdated
from agents.adapters.spool_lock import SpoolLock
from agents.adapters.spool_quarantine import Quarantine
from agents.adapters.spool_rows import Damaged
from agents.adapters.spool_salvage import Found
from agents.adapters.spool_table import ReadingTable
from agents.delivery import Stored
from agents.reading import Reading
from schemas.base import SeqRange
from schemas.errors import Unavailable
from schemas.messages import Rejected

BYTES_PER_READING: Final = 530
BYTES_PER_LEVELS: Final = 120
"""What a reading takes in the file, whole and thinned to levels, its share of pages included."""
MAX_HELD: Final = 600
"""Readings kept in memory while the disk refuses them; the oldest beyond are lost."""
MAX_DAYS: Final = 30
"""The bridge takes nothing that is older."""

_CHUNK: Final = 500
_EVER_US: Final = 2**62
_DAY_US: Final = 86_400_000_000

log = logging.getLogger(__name__)


class SqliteSpool:
    """One file, one agent. Every call is one transaction of about a millisecond.

    A disk that is full or failing is `Unavailable`, and then the file has not changed: readings and
    rejections that could not be stored are stored with the next ones.

    Write-ahead log without a sync per commit: a killed agent loses nothing; a power cut may cost
    the seconds since the last `checkpoint`, which the agent runs beside its event loop.
    A file that is damaged is set aside, and what can be read of it goes on in a new one.
    """

    def __init__(
        self,
        path: Path,
        max_bytes: int,
        max_days: int = MAX_DAYS,
        disk_free: Callable[[], int] | None = None,
    ) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._max_days = max_days
        self._disk_free = disk_free or partial(disk_free_bytes, path.parent)
        self._unstored: list[Reading] = []
        self._lost: list[SeqRange] = []
        self._rejections = Quarantine()

    def __enter__(self) -> Self:
        with spool_file.told_in_a_line(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = SpoolLock(self._path)
            try:
                self._open()
            except BaseException:
                self._lock.release()
                raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for last in (self._store_held, self._write_rejections, self._table.flush):
            with suppress(Unavailable):
                last()
        self._db.close()
        if not isinstance(error, sqlite3.Error):  # which only a check would find again
            self._lock.closed()
        self._lock.release()

    def append(self, readings: Sequence[Reading]) -> None:
        """Store readings; beyond the bounds older ones are thinned or dropped."""
        readings = [*self._unstored, *readings]
        try:
            self._table.store(readings, self._lost)
        except Unavailable:
            self._keep(readings)
            with suppress(Unavailable):  # what is acknowledged makes room
                self._table.flush()
            raise
        self._unstored, self._lost = [], []
        try:
            self._write_rejections()
            self._keep_within_bounds()
        except (
            Unavailable,
            OSError,
        ) as error:  # stored they are, so this must not say that they are not
            log.warning("spool_not_relieved", extra={"detail": str(error)})

    def waiting(self, after: int, limit: int) -> list[Stored]:
        """Unacknowledged readings stored after a position, oldest first."""
        try:
            return self._table.waiting(after, limit)
        except Damaged:
            self._drop_damaged()
            return self._table.waiting(after, limit)

    def before(self, reading: Reading) -> list[Reading]:
        """Up to three readings of its session just before this one, oldest first."""
        try:
            return self._table.before(reading)
        except Damaged:
            self._drop_damaged()
            return self._table.before(reading)

    def newest(self) -> int:
        """Position of the reading stored last; 0 if there never was one."""
        return self._table.newest

    def kept(self) -> int:
        """Number of readings that were ever stored or are held in memory; it never shrinks."""
        return self._table.newest + len(self._unstored)

    def sent(self, seqs: SeqRange) -> None:
        """Note that these readings may have reached the bridge: none of them is thinned."""
        self._table.sent(seqs)

    def acknowledge(self, ranges: Iterable[SeqRange]) -> int:
        """Let go of what is safe at the other end; how many readings that newly were."""
        return sum(self._table.acknowledge(done) for done in ranges)

    def acknowledge_dropped(self, ranges: Sequence[SeqRange]) -> None:
        """Note that the other end knows which readings are lost."""
        if ranges:
            with self._table.transaction() as db:
                spool_room.mark_told(db, ranges)

    def quarantine(self, seqs: SeqRange, rejected: Rejected) -> None:
        """Stop sending what will never be accepted; its newest cases are remembered."""
        self._table.acknowledge(seqs)
        self._rejections.add(seqs, rejected)
        self._write_rejections()
        self._table.flush()

    def depth(self) -> int:
        """Number of unacknowledged readings."""
        return self._table.whole + self._table.thin + len(self._unstored)

    def quarantined(self) -> int:
        """Number of readings that were ever rejected."""
        return self._rejections.count(self._db)

    def dropped(self) -> tuple[SeqRange, ...]:
        """Lost ranges for the status: first those that nobody has acknowledged yet."""
        return (*self._lost, *spool_room.dropped(self._db))[: spool_room.MAX_TOLD]

    def heard_until(self) -> datetime | None:
        """Event time at which the newest reading that is left ended."""
        began_us = self._table.newest_us()
        return spool_rows.utc(began_us) + timedelta(seconds=1) if began_us else None

    def hold(self) -> None:
        """Give out no reading that is stored from now on, for its time is not known."""
        self._table.held_after = self._table.newest

    def restamp(self, by: timedelta) -> None:
        """Shift readings that are held unsynced, and give out as synced all that are held."""
        self._table.restamp(by)
        self._unstored = [
            replace(each, started_at=each.started_at + by, clock="synced")
            if each.clock == "unsynced"
            else each
            for each in self._unstored
        ]

    def release(self) -> None:
        """Give out the readings that are held as they are."""
        self._table.held_after = None

    def checkpoint(self) -> None:
        """Move the write-ahead log into the file and sync it; slow, call it in a thread."""
        spool_file.checkpoint(self._path)

    def take(self, readings: Iterable[Found], lost: Iterable[SeqRange]) -> int:
        """Take over what another spool held, how many readings that were.

        The bounds count from the next `append` on: until then the other's file fills the disk too.
        """
        taken = 0
        every = iter(readings)
        while chunk := list(islice(every, _CHUNK)):
            self._table.store([each for each, _ in chunk], ())
            for each in (each for each, was_sent in chunk if was_sent):
                self.sent(SeqRange(session=each.session, first_seq=each.seq, count=1))
            taken += len(chunk)
            if taken % (20 * _CHUNK) == 0:
                self.checkpoint()
        with self._table.transaction() as db:
            spool_room.remember_dropped(db, lost)
        self._table.flush()
        self.checkpoint()  # the log does not come along as the file is renamed
        return taken

    def _open(self) -> None:
        fresh = self._path.with_name(f"{self._path.name}.new")
        if fresh.exists() and not self._path.exists():  # killed while taking over
            fresh.rename(self._path)
        try:
            self._begin(spool_file.opened if self._lock.was_closed else spool_file.checked)
        except Damaged as error:
            self._take_over(fresh, "damaged", str(error))
        except Outdated as error:
            self._take_over(fresh, "outdated", f"version {error}")

    def _begin(self, opened: Callable[[Path], sqlite3.Connection]) -> None:
        self._db = opened(self._path)
        with spool_file.closed_on_failure(self._db, self._path):
            self._table = ReadingTable(self._db, str(self._path))

    def _take_over(self, fresh: Path, why: str, detail: str) -> None:
        """Begin a new file with what can be read of the old one, which is kept beside it."""
        spool_salvage.remove(fresh)
        with SqliteSpool(fresh, self._max_bytes, self._max_days) as new:
            lost = spool_salvage.dropped(self._path)
            taken = new.take(spool_salvage.readings(self._path), lost)
        fresh.with_suffix(".lock").unlink()
        aside = spool_salvage.set_aside(self._path, why)
        fresh.rename(self._path)
        extra = {"set_aside": str(aside), "recovered": taken, "detail": detail}
        log.error("spool_%s", why, extra=extra)
        self._begin(spool_file.opened)

    def _keep(self, readings: Sequence[Reading]) -> None:
        """Keep what the disk refuses, and the names of what memory does not hold either."""
        lost = readings[:-MAX_HELD]
        spans = spool_rows.extended([], 0, lost)
        self._lost += spool_rows.ranges(spans, range(len(lost)))
        self._unstored = list(readings[-MAX_HELD:])

    def _store_held(self) -> None:
        if self._unstored:
            self.append([])

    def _write_rejections(self) -> None:
        if self._rejections:
            with self._table.transaction() as db:
                self._rejections.write(db)
            self._rejections.clear()

    def _keep_within_bounds(self) -> None:
        too_old_us = self._max_days * _DAY_US
        while self._table.age_us() > too_old_us:
            self._drop("spool_old", self._table.newest_us() - too_old_us)
        thinned = 0
        while self._is_full() and (made := self._table.make_thinner()):
            thinned += made
        if thinned:
            log.error("spool_thinned", extra={"readings": thinned})
        while self._is_full():
            self._drop("spool_full", _EVER_US)

    def _is_full(self) -> bool:
        taken = BYTES_PER_READING * self._table.whole + BYTES_PER_LEVELS * self._table.thin
        if taken > self._max_bytes:
            return self.depth() > 1
        if self.depth() <= MAX_HELD or self._disk_free() >= min(spool_room.RESERVE_BYTES, taken):
            return False
        return spool_room.must_grow(self._db)

    def _drop(self, event: str, before_us: int) -> None:
        """Make room for a while: one reading at a time would cost a range each."""
        limit = max(1, min(spool_room.CHUNK, self.depth() // 2))
        lost = self._table.drop(limit, before_us)
        log.error(event, extra=_named(lost))

    def _drop_damaged(self) -> None:
        lost = self._table.drop_damaged()
        log.error("spool_rows_damaged", extra=_named(lost))


def _named(lost: Sequence[SeqRange]) -> Mapping[str, object]:
    """How many readings are lost, and the first of them."""
    first = lost[0].model_dump(include={"session", "first_seq"}) if lost else {}
    return {"dropped": sum(each.count for each in lost), **first}
