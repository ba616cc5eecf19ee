"""Seconds that the live lane had passed by: found once their gap is closed, told to nobody."""

from processors.alerts import AlertsState
from processors.folds import Event, Tick
from schemas.base import SeqRange
from schemas.envelopes import LabelledBatch
from tests.builders import OTHER_SESSION, SESSION, labelled
from tests.unit.processors.test_alerts import at, heard, historical, run, told


def dropped(first_seq: int, count: int, *, after_s: float = 500) -> Tick:
    return Tick(at(after_s), (SeqRange(session=SESSION, first_seq=first_seq, count=count),))


def test_a_backlog_gives_a_historical_alert_and_leaves_the_present_alone() -> None:
    before, gap, after = heard("." * 10), heard("..SSSS" + "." * 34, 10), heard("." * 20, 50)
    live = run([*before, *after])
    state, outputs = run(gap, state=live[0])
    assert not told(outputs)
    [found] = historical(outputs)
    assert (found.state, found.revision, found.onset_at) == ("cleared", 0, at(12))
    assert found.ended_at == at(16)
    assert state.live.position_us == live[0].live.position_us


def test_a_historical_alert_never_overlaps_another() -> None:
    before, gap, after = heard("." * 5 + "SSSS", 0), heard("S" * 10, 9), heard("SSSS", 19)
    state, outputs = run([*before, *after])
    assert [alert.state for alert in told(outputs)] == ["raised", "updated"]
    _, outputs = run([*gap, Tick(at(2000))], state=state)
    assert not historical(outputs)


def test_a_backlog_that_stops_is_taken_as_it_is() -> None:
    state, _ = run([*heard("." * 5), *heard("." * 5, 100)])
    _, outputs = run([*heard("SSSSSS", 20), Tick(at(200)), Tick(at(900))], state=state)
    [found] = historical(outputs)
    assert (found.onset_at, found.ended_at, found.end_reason) == (at(20), at(26), "signal_lost")


def test_spans_may_come_in_any_order() -> None:
    live = [*heard("."), *heard(".", 30), *heard(".", 60), *heard("." * 3, 90)]
    first, second, third = (heard("....SSSSSS" + "." * 19, 1 + 30 * n) for n in range(3))
    found = [
        historical(run([*live, *spans])[1])
        for spans in ([*first, *second, *third], [*third, *second, *first], [*second, *third])
    ]
    assert [[a.onset_at for a in sorted(some, key=lambda a: a.onset_at)] for some in found] == [
        [at(5), at(35), at(65)],
        [at(5), at(35), at(65)],
        [at(35), at(65)],
    ]


def test_a_span_waits_for_its_beginning() -> None:
    """Batch 2 of a backlog overtakes batch 1: the siren over their border is one alert."""
    live = [*heard("." * 5), *heard("." * 5, 65)]
    backlog = heard("." * 27 + "SSSSSS" + "." * 27, 5)
    state, outputs = run([*live, *backlog[30:], *backlog[:30]])
    [found] = historical(outputs)
    assert (found.onset_at, found.active_s) == (at(32), 6)
    assert not state.late.waiting
    assert not state.late.runs


def test_what_is_declared_dropped_is_not_waited_for() -> None:
    live = [*heard("." * 5), *heard("." * 5, 65)]
    state, outputs = run([*live, *heard("SSSS" + "." * 51, 10)])
    assert not historical(outputs)
    state, outputs = run([dropped(5, 5)], state=state)
    [found] = historical(outputs)
    assert (found.onset_at, found.ended_at) == (at(10), at(14))
    assert not state.late.runs


def test_the_live_lane_does_not_hold_back_for_what_is_dropped() -> None:
    one, two, _, four, _ = heard("SS.SS")
    _, outputs = run([one, two, dropped(2, 1, after_s=2.5), four])
    assert [alert.raised_at for alert in told(outputs)] == [at(4)]
    _, outputs = run([one, two, four, dropped(2, 1, after_s=3.5)])
    assert [alert.raised_at for alert in told(outputs)] == [at(4)]


def test_drops_that_are_told_again_change_nothing() -> None:
    state, _ = run([*heard("."), dropped(5, 5)])
    again, [output] = run([dropped(5, 5)], state=state)
    assert again.dropped == state.dropped
    assert not output.rows


def test_a_seq_that_jumps_is_waited_for_no_longer_than_a_backlog_may_pause() -> None:
    live = [*heard("." * 5), *heard("." * 5, 1000)]
    state, outputs = run([*live, *heard("SSSSSS", 500), Tick(at(1100))])
    assert not historical(outputs)
    _, outputs = run([Tick(at(1106))], state=state)
    assert [alert.onset_at for alert in historical(outputs)] == [at(500)]


def test_more_than_can_wait_is_taken_as_it_is() -> None:
    live = [*heard("." * 5), *heard("." * 5, 3000)]
    backlog = [labelled(10 + 60 * n, [50.0] * 60) for n in range(1, 12)]
    state, outputs = run([*live, *heard("SSSSSS......", 58), *backlog[:9]])
    assert len(state.late.waiting) == 552
    assert not historical(outputs)
    state, outputs = run(backlog[9:], state=state)
    assert not state.late.waiting
    assert [alert.onset_at for alert in historical(outputs)] == [at(58)]


def other_agent(scores: str, offset_s: float) -> list[LabelledBatch]:
    return [
        one.model_copy(update={"session": OTHER_SESSION, "started_at": at(offset_s + n)})
        for n, one in enumerate(heard(scores))
    ]


def test_two_agents_with_one_id_give_no_alert_twice() -> None:
    one, other = heard("..SSSS" + "." * 10), other_agent("..SSSS" + "." * 10, 0.3)
    both: list[Event] = [each for pair in zip(one, other, strict=True) for each in pair]
    _, outputs = run([*both, Tick(at(2000))])
    assert [alert.state for alert in told(outputs)] == ["raised", "cleared"]
    assert not historical(outputs)


def test_a_clock_that_steps_back_leaves_the_live_lane_alone() -> None:
    """At most 60 s: what is further ahead is no reading. Until then it is evaluated as late."""
    before, after = heard("." * 50), other_agent("..SSSS" + "." * 34 + "SSSS", 10)
    state, outputs = run([*before, *after[:40]])
    assert not told(outputs)
    live_at = state.live.position_us
    _, outputs = run(after[40:], state=state)
    assert [alert.onset_at for alert in told(outputs)] == [at(50)]
    assert live_at < state.live.position_us + 1


def test_a_clock_that_steps_forward_ends_what_is_open_where_it_was_heard() -> None:
    _, outputs = run([*heard("SSSS"), *other_agent("...", 3600)])
    assert told(outputs)[-1].end_reason == "signal_lost"
    assert told(outputs)[-1].ended_at == at(4)


def test_alerts_too_old_to_be_compared_are_counted_not_stored() -> None:
    rule_breaks = "SSS" + "." * 17
    before = heard(".")
    many = heard(rule_breaks * 64, 200)
    state, outputs = run([*before, *many])
    assert len([a for a in told(outputs) if a.state == "cleared"]) == 64
    state, outputs = run([*heard("SSSS" + "." * 195, 1)], state=state)
    assert not historical(outputs)
    assert isinstance(state, AlertsState)
    assert state.unsure == 1
