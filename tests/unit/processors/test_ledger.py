import orjson

from processors import ledger
from processors.ledger import MAX_RANGES, MAX_SESSIONS, Digests, Ledger

DAY_S = 86400


def counted(known: Ledger, session: str, first: int, count: int, at_s: int = 0) -> Ledger:
    return known.counted(session, first, count, at_s=at_s)[0]


def test_a_redelivered_run_is_counted_once() -> None:
    known, new = Ledger().counted("A", 4711, 60, at_s=0)
    assert list(new) == list(range(4711, 4771))
    known, new = known.counted("A", 4711, 60, at_s=0)
    assert list(new) == []
    assert known.duplicates == 60


def test_a_refilled_gap_is_counted() -> None:
    known = counted(counted(Ledger(), "A", 0, 10), "A", 20, 10)
    known, new = known.counted("A", 5, 20, at_s=0)
    assert list(new) == list(range(10, 20))
    assert known.sessions["A"].ranges == ((0, 30),)


def test_sessions_are_counted_apart() -> None:
    _, new = counted(Ledger(), "A", 0, 5).counted("B", 0, 5, at_s=0)
    assert list(new) == [0, 1, 2, 3, 4]


def test_holds_tells_whether_all_of_a_run_is_here() -> None:
    known = counted(counted(Ledger(), "A", 0, 10), "A", 11, 10)
    assert known.holds("A", 2, 9)
    assert not known.holds("A", 2, 10)
    assert not known.holds("B", 0, 0)


def test_a_session_older_than_the_horizon_is_forgotten() -> None:
    known = counted(counted(Ledger(), "A", 0, 5, at_s=0), "B", 0, 5, at_s=32 * DAY_S)
    assert list(known.sessions) == ["B"]


def test_memory_is_bounded() -> None:
    known = Ledger()
    for n in range(MAX_SESSIONS + 5):
        known = counted(known, f"S{n}", 0, 1, at_s=n)
    assert len(known.sessions) == MAX_SESSIONS
    assert "S4" not in known.sessions
    for n in range(MAX_RANGES + 5):
        known = counted(known, "gappy", 2 * n, 1, at_s=DAY_S)
    assert len(known.sessions["gappy"].ranges) == MAX_RANGES


def test_a_stored_ledger_is_the_same() -> None:
    known = counted(counted(counted(Ledger(), "A", 3, 2), "A", 9, 4), "B", 0, 1)
    duplicates, sessions = known.dump()
    assert isinstance(duplicates, int)
    assert isinstance(sessions, dict)
    assert ledger.load((duplicates, sessions)) == known


def test_the_content_of_the_newest_batches_is_remembered() -> None:
    known = Digests()
    for first in range(200):
        known, _ = known.seen("A", first, 1, "a" * 32)
    assert not known.seen("A", 0, 1, "b" * 32)[1]  # long ago
    for first in range(140, 200):
        assert known.seen("A", first, 1, "b" * 32)[1]
    for one in range(40):
        known, _ = known.seen(f"later {one}", 0, 1, "a" * 32)
    assert len(orjson.dumps(dict(known.recent))) < 1000


def test_other_content_under_the_same_seq_is_named() -> None:
    known, differs = Digests().seen("A", 0, 5, "a" * 32)
    assert not differs
    known, differs = known.seen("A", 0, 5, "a" * 32)
    assert not differs
    known, differs = known.seen("A", 0, 5, "b" * 32)
    assert differs
    _, differs = known.seen("A", 0, 5, "a" * 32)  # the first in the log stays
    assert not differs
