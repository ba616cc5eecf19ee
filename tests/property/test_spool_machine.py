"""The spool as a state machine: whatever happens, and wherever it is killed, nothing is lost."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from agents import batches
from agents.adapters.spool import SqliteSpool
from schemas.errors import Unavailable
from schemas.messages import Rejected
from tests.builders import OTHER_SESSION, SESSION, reading, seqs

REJECTED = Rejected(digest="0" * 32, reason="clock", detail="of tomorrow")
SESSIONS = (SESSION, OTHER_SESSION)
PLENTY = 2**30
FEW_MARKS = 8
"""So many are written at once, lest it take a thousand readings to leave some unwritten."""


class SpoolMachine(RuleBasedStateMachine):
    """The model: which readings of which session were appended, and which still wait."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(mkdtemp())
        self.session = SESSION
        self.appended: dict[str, int] = {}
        self.waiting: list[tuple[str, int]] = []
        self.acknowledged: set[tuple[str, int]] = set()
        self.rejected = 0
        self.refused: list[tuple[str, int]] = []
        """Appended, but held in memory: the disk is full."""
        self.unnoted = 0
        """Rejections that are not in the file."""
        self.is_full = False
        self._open()

    def _open(self) -> None:
        self.spool = SqliteSpool(self.folder / "spool.sqlite", PLENTY).__enter__()
        self.spool._table._marks.at_once = FEW_MARKS
        self.is_full = False

    @rule(count=st.integers(1, 20) | st.just(66))
    def append(self, count: int) -> None:
        first = self.appended.get(self.session, 0)
        new = range(first, first + count)
        self.appended[self.session] = first + count
        self.refused += [(self.session, seq) for seq in new]
        with self._unless_full():
            self.spool.append([reading(seq, session=self.session) for seq in new])
            self.waiting += self.refused
            self.refused = []
            self.unnoted = 0

    @rule()
    def fill_the_disk_or_make_room(self) -> None:
        self.is_full = not self.is_full
        self.spool._db.execute(f"PRAGMA query_only = {self.is_full}")

    @contextmanager
    def _unless_full(self) -> Iterator[None]:
        try:
            yield
            assert not self.is_full
        except Unavailable:
            assert self.is_full

    @rule(old=st.integers(0, 60), live=st.integers(1, 20))
    def deliver(self, old: int, live: int) -> None:
        """As on a good link: the backlog's oldest and, beside it, what is live."""
        for session, seq in {*self.waiting[:old], *self.waiting[-live:]}:
            self.acknowledge(session, seq, 1)

    @rule(live=st.integers(1, 60), old=st.integers(0, 60), more=st.sampled_from([1, 20, 66]))
    def drain_a_backlog_beside_live_readings(self, live: int, old: int, more: int) -> None:
        self.append(66)
        self.append(live)
        self.deliver(old, live)
        self.append(more)

    @rule(session=st.sampled_from(SESSIONS), first=st.integers(0, 60), count=st.integers(1, 30))
    def acknowledge(self, session: str, first: int, count: int) -> None:
        left = [
            (each, seq)
            for each, seq in self.waiting
            if each != session or not first <= seq < first + count
        ]
        newly = self.spool.acknowledge([seqs(first, count, session=session)])
        assert newly == len(self.waiting) - len(left)
        self.acknowledged |= set(self.waiting) - set(left)
        self.waiting = left

    @rule()
    def reject_the_oldest(self) -> None:
        if self.waiting:
            session, seq = self.waiting.pop(0)
            self.acknowledged.add((session, seq))
            self.rejected += 1
            self.unnoted += 1
            with self._unless_full():
                self.spool.quarantine(seqs(seq, session=session), REJECTED)
                self.unnoted = 0

    @rule()
    def checkpoint(self) -> None:
        self.spool.checkpoint()

    @rule()
    def restart(self) -> None:
        """As an agent does: with a new session, if there is one left."""
        if self.is_full:
            self.crash()
        else:
            self.waiting += self.refused
            self.refused = []
            self.unnoted = 0
            self._reopen(self.folder)

    @rule()
    def crash(self) -> None:
        """What a kill leaves: the files as they are at this moment, nothing closed."""
        copy = Path(mkdtemp())
        for path in self.folder.iterdir():
            shutil.copy(path, copy / path.name)
        self._reopen(copy)
        stored = self.spool.waiting(0, 10_000)
        found = [(each.reading.session, each.reading.seq) for each in stored]
        again = [each for each in found if each in self.acknowledged]  # sent once more
        self.rejected -= self.unnoted
        self.unnoted = 0
        assert [each for each in found if each not in again] == self.waiting
        self.waiting = found
        self.acknowledged -= set(again)

    def _reopen(self, folder: Path) -> None:
        self.spool.__exit__(None, None, None)
        if folder != self.folder:
            shutil.rmtree(self.folder)
            self.folder = folder
        self._open()
        for session, _ in self.refused:  # memory is gone
            self.appended[session] -= 1
        self.refused = []
        self.session = OTHER_SESSION if self.session in self.appended else self.session

    @invariant()
    def everything_waits_in_order(self) -> None:
        stored = self.spool.waiting(0, 10_000)
        assert [(each.reading.session, each.reading.seq) for each in stored] == self.waiting
        assert self.spool.depth() == len(self.waiting) + len(self.refused)
        assert self.spool.quarantined() == self.rejected

    @invariant()
    def what_waits_has_its_context(self) -> None:
        for stored in self.spool.waiting(0, 10_000):
            one = stored.reading
            earlier = [
                reading(seq, session=one.session) for seq in range(max(0, one.seq - 3), one.seq)
            ]
            expected = batches.context(earlier, one)
            assert batches.context(self.spool.before(one), one) == expected

    def teardown(self) -> None:
        self.spool.__exit__(None, None, None)
        shutil.rmtree(self.folder)


TestSpoolMachine = SpoolMachine.TestCase
TestSpoolMachine.settings = settings(stateful_step_count=12)
