"""Laws of a device's pace at the bridge."""

from collections import Counter, deque

from hypothesis import given
from hypothesis import strategies as st

from processors import pace
from processors.pace import MAX_HELD, Limit, Pace, Turn

limits = st.builds(Limit, st.floats(0.5, 100))
gaps_s = st.lists(st.floats(0, 3), min_size=1, max_size=200)


def heard(limit: Limit, gaps: list[float]) -> tuple[list[float], Counter[Turn], Pace]:
    """Let messages come after these pauses: when each was taken, and how many had which turn."""
    now_s, turns = 0.0, Counter[Turn]()
    state, taken = pace.first(limit, now_s), []
    for gap_s in gaps:
        now_s += gap_s
        state, count = pace.released(state, limit, now_s)
        taken += [now_s] * count
        state, turn = pace.arrived(state, limit, now_s)
        turns[turn] += 1
        taken += [now_s] * (turn == "now")
    return taken, turns, state


@given(limits, gaps_s)
def test_no_span_of_time_takes_more_than_a_bucket_and_its_refill(
    limit: Limit, gaps: list[float]
) -> None:
    taken, _, _ = heard(limit, gaps)
    for first, since_s in enumerate(taken):
        for last in range(first, len(taken)):
            most = limit.burst + limit.messages_per_s * (taken[last] - since_s)
            assert last - first + 1 <= most + 1e-6


@given(limits, gaps_s)
def test_every_message_is_taken_or_waits_or_is_dropped(limit: Limit, gaps: list[float]) -> None:
    taken, turns, state = heard(limit, gaps)
    assert turns.total() == len(gaps) == len(taken) + state.held + turns["never"]
    assert state.held <= MAX_HELD


@given(limits, st.floats(0.1, 1), st.integers(2, 200))
def test_who_keeps_to_the_limit_never_waits(limit: Limit, share: float, count: int) -> None:
    gap_s = 1.001 / (share * limit.messages_per_s)
    _, turns, _ = heard(limit, [gap_s] * count)
    assert turns == {"now": count}


@given(limits, st.integers(1, MAX_HELD), st.integers(1, 500))
def test_a_drained_spool_is_slowed_down_but_loses_nothing_and_keeps_its_order(
    limit: Limit, on_the_way: int, messages: int
) -> None:
    """A device of ours sends the next message when one of the few on their way is answered."""
    now_s, state = 0.0, pace.first(limit, 0.0)
    to_send, held, taken = deque(range(messages)), deque[int](), list[int]()
    while len(taken) < messages:
        while to_send and len(held) < on_the_way:
            state, turn = pace.arrived(state, limit, now_s)
            assert turn != "never"
            (held if turn == "later" else taken).append(to_send.popleft())
        if held:
            now_s = max(now_s, pace.due_s(state, limit)) + 1e-6
            state, count = pace.released(state, limit, now_s)
            assert count
            taken += [held.popleft() for _ in range(count)]
    assert taken == list(range(messages))
    assert now_s <= max(0.0, messages - limit.burst + 1) / limit.messages_per_s + 0.01


@given(limits, st.floats(0, 100), st.floats(-100, 0))
def test_a_clock_that_stands_gives_no_tokens(limit: Limit, tokens: float, back_s: float) -> None:
    before = Pace(min(tokens, limit.burst), 50.0, held=1)
    assert pace.refilled(before, limit, 50.0 + back_s) == before
