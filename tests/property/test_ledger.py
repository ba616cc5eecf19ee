from hypothesis import given
from hypothesis import strategies as st

from processors import ledger
from processors.ledger import Ledger

runs = st.lists(
    st.tuples(st.sampled_from("AB"), st.integers(0, 40), st.integers(1, 12)), max_size=30
)


@given(runs)
def test_every_seq_is_new_exactly_once(events: list[tuple[str, int, int]]) -> None:
    known, expected, seen = Ledger(), set[tuple[str, int]](), set[tuple[str, int]]()
    for session, first, count in events:
        known, new = known.counted(session, first, count, at_s=0)
        assert list(new) == sorted(new)
        assert not seen & {(session, seq) for seq in new}
        seen |= {(session, seq) for seq in new}
        expected |= {(session, seq) for seq in range(first, first + count)}
    assert seen == expected
    assert known.duplicates == sum(count for _, _, count in events) - len(seen)


@given(runs, st.randoms(use_true_random=False))
def test_ranges_are_disjoint_sorted_and_independent_of_the_order(
    events: list[tuple[str, int, int]], random: object
) -> None:
    shuffled = list(events)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = Ledger(), Ledger()
    for session, first, count in events:
        one, _ = one.counted(session, first, count, at_s=0)
    for session, first, count in shuffled:
        duplicates, sessions = other.dump()
        other = ledger.load((duplicates, sessions))  # type: ignore[arg-type]
        other, _ = other.counted(session, first, count, at_s=0)
    assert one.sessions == other.sessions
    for counted in one.sessions.values():
        flat = [bound for bounds in counted.ranges for bound in bounds]
        assert flat == sorted(set(flat))


@given(runs)
def test_what_is_declared_is_held_as_if_it_had_been_counted(
    events: list[tuple[str, int, int]],
) -> None:
    counted, declared = Ledger(), Ledger()
    for session, first, count in events:
        counted, new = counted.counted(session, first, count, at_s=0)
        after = declared.declared(session, first, count, at_s=0)
        assert (after is declared) == (not new)
        declared = after
    assert declared.sessions == counted.sessions
