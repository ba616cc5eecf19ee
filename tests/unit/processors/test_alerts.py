from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from processors import alerts
from processors.alerts import AlertsState
from processors.folds import NOTHING, Event, Outputs, Tick
from processors.rules import LabelRule, LevelRule, Rule
from schemas.envelopes import LabelledBatch
from schemas.results import Alert
from tests.builders import OTHER_SESSION, STARTED_AT, labelled

SIREN = LabelRule(
    rule="siren",
    label="siren",
    on_score=500,
    off_score=300,
    on_seconds=3,
    of_seconds=5,
    off_seconds=6,
    cooldown_s=10,
    max_duration_s=600,
)
LOUD = LevelRule(
    rule="loud",
    level="laeq_1s_db",
    on_db=85.0,
    off_db=80.0,
    on_seconds=2,
    of_seconds=2,
    off_seconds=3,
    cooldown_s=0,
    max_duration_s=600,
)


def heard(scores: str, first_seq: int = 0, **overrides: object) -> list[LabelledBatch]:
    """One batch per character: S a siren, s a faint one, . none."""
    levels = {"S": 75.0, "s": 65.0, ".": 55.0}
    score = {"S": {"siren": 800}, "s": {"siren": 400}, ".": {}}
    return [
        labelled(n, [levels[one]], labels=[score[one]], **overrides)
        for n, one in enumerate(scores, first_seq)
    ]


def run(
    events: Iterable[Event], rules: Sequence[Rule] = (SIREN,), state: AlertsState | None = None
) -> tuple[AlertsState, list[Outputs]]:
    fold = alerts.fold(rules)
    state = state or fold.empty("pole-07")
    outputs = []
    for event in events:
        state, output = fold.step(fold.load(fold.dump(state)), event)
        outputs.append(output)
    return state, outputs


def told(outputs: Iterable[Outputs]) -> list[Alert]:
    return [m for output in outputs for m in output.messages if isinstance(m, Alert)]


def historical(outputs: Iterable[Outputs]) -> list[Alert]:
    return [r for output in outputs for r in output.rows if isinstance(r, Alert) and r.historical]


def at(seconds: float) -> datetime:
    return STARTED_AT + timedelta(seconds=seconds)


def test_raised_after_n_of_m_seconds_and_cleared_after_quiet_ones() -> None:
    _, outputs = run(heard("..S.SS..." + "." * 5))
    raised, cleared = told(outputs)
    assert (raised.state, raised.revision, raised.active_s) == ("raised", 0, 3)
    assert (raised.onset_at, raised.raised_at) == (at(2), at(6))
    assert (cleared.state, cleared.end_reason, cleared.ended_at) == ("cleared", "cleared", at(6))
    assert cleared.alert_id == raised.alert_id
    assert cleared.revision == 1
    assert [n for n, output in enumerate(outputs) if output.urgent] == [5, 11]


def test_the_onset_is_the_first_counted_second_not_the_decision() -> None:
    [raised] = told(run(heard("S..SS"))[1])
    assert (raised.onset_at, raised.raised_at) == (at(0), at(5))


def test_too_few_seconds_raise_nothing() -> None:
    assert not told(run(heard("SS...SS...S.S...SS"))[1])


def test_a_faint_siren_keeps_an_alert_open_but_does_not_raise_one() -> None:
    assert not told(run(heard("s" * 20))[1])
    _, outputs = run(heard("SSS" + "....." + "s" + "....."))
    assert [alert.state for alert in told(outputs)] == ["raised", "updated"]


def test_one_siren_is_one_alert_that_is_updated() -> None:
    _, outputs = run(heard("S" * 25 + "." * 6))
    states = [alert.state for alert in told(outputs)]
    assert states == ["raised", "updated", "updated", "cleared"]
    assert [alert.revision for alert in told(outputs)] == [0, 1, 2, 3]
    assert told(outputs)[-1].active_s == 25


def test_a_peak_is_told_with_the_next_update() -> None:
    louder = labelled(3, [79.0], labels=[{"siren": 990}])
    _, outputs = run([*heard("SSS"), louder, *heard("S" * 9, 4)], [SIREN])
    raised, updated = told(outputs)
    assert (raised.peak_laeq_1s_db, raised.peak_score) == (75.0, 800)
    assert (updated.peak_laeq_1s_db, updated.peak_score, updated.active_s) == (79.0, 990, 13)


def test_updates_come_no_more_often_than_the_rule_says() -> None:
    often = SIREN.model_copy(update={"update_s": 4})
    _, outputs = run(heard("S" * 16), [often])
    assert [n for n, output in enumerate(outputs) if output.messages] == [2, 6, 10, 14]


def test_the_same_device_is_silent_during_cooldown() -> None:
    _, outputs = run(heard("SSS......" + "SSSSSS......"))  # ends at 9 s, silent until 19 s
    assert [alert.state for alert in told(outputs)] == ["raised", "cleared"]
    _, outputs = run(heard("SSS......" + "." * 8 + "SSSS"))
    again = told(outputs)[-1]
    assert (again.state, again.onset_at, again.raised_at) == ("raised", at(17), at(20))


def test_an_alert_ends_after_its_longest_duration() -> None:
    rule = SIREN.model_copy(update={"max_duration_s": 12})
    _, outputs = run(heard("S" * 20), [rule])
    ended = [alert for alert in told(outputs) if alert.state == "cleared"]
    assert [(alert.end_reason, alert.ended_at) for alert in ended] == [("max_duration", at(12))]


def test_silence_of_the_device_ends_an_alert_by_received_time() -> None:
    state, _ = run(heard("SSSS"))
    state, outputs = run([Tick(at(33))], state=state)
    assert outputs == [NOTHING]
    _, outputs = run([Tick(at(34)), Tick(at(39))], state=state)
    [lost] = told(outputs)
    assert (lost.state, lost.end_reason, lost.ended_at) == ("cleared", "signal_lost", at(4))


def test_a_device_that_sends_once_a_minute_is_not_lost_between() -> None:
    minute = labelled(0, [75.0] * 60, labels=[{"siren": 800}] * 60)
    state, _ = run([minute])
    _, outputs = run([Tick(at(60 + 45)), Tick(at(60 + 95))], state=state)
    assert [len(output.messages) for output in outputs] == [0, 1]


def test_a_gap_in_event_time_ends_an_alert() -> None:
    _, outputs = run([*heard("SSSS"), *heard("...", first_seq=40)])
    assert told(outputs)[-1].end_reason == "signal_lost"
    assert told(outputs)[-1].ended_at == at(4)


def test_a_missing_second_is_waited_for() -> None:
    one, two, three, four = heard("SS.S")
    _, outputs = run([one, two, four, three])
    assert [len(output.messages) for output in outputs] == [0, 0, 0, 1]


def test_a_missing_second_is_waited_for_no_longer_than_two_seconds() -> None:
    one, two, _, four, five, six = heard("SS.SSS")
    state, outputs = run([one, two, four, five])
    assert not told(outputs)
    _, outputs = run([six], state=state)
    assert [alert.onset_at for alert in told(outputs)] == [at(0)]


def test_a_tick_ends_the_waiting() -> None:
    one, two, _, four = heard("SS.S")
    _, outputs = run([one, two, four, Tick(at(6))])
    assert [alert.raised_at for alert in told(outputs)] == [at(4)]


def test_duplicates_raise_nothing_twice() -> None:
    events = heard("SSSS......")
    assert told(run([*events, *events])[1]) == told(run(events)[1])


def test_an_alert_goes_on_in_the_next_session() -> None:
    second = [
        labelled(n, [75.0], labels=[{"siren": 800}], session=OTHER_SESSION, started_at=at(6 + n))
        for n in range(6)
    ]
    _, outputs = run([*heard("SSSS"), *second])
    assert [alert.state for alert in told(outputs)] == ["raised"]


def test_a_level_rule_needs_no_label() -> None:
    _, outputs = run([labelled(0, [70.0, 86.0, 90.0, 82.0, 79.0, 79.0, 79.0])], [LOUD])
    raised, cleared = told(outputs)
    assert (raised.onset_at, raised.peak_laeq_1s_db, raised.peak_score) == (at(1), 90.0, None)
    assert cleared.ended_at == at(4)


def test_an_overloaded_second_meets_a_level_rule() -> None:
    batch = labelled(0, [70.0] * 4)
    overloaded = tuple(one.model_copy(update={"overload": True}) for one in batch.levels)
    _, outputs = run([batch.model_copy(update={"levels": overloaded})], [LOUD])
    assert [alert.state for alert in told(outputs)] == ["raised"]


def test_a_new_rule_version_lets_what_is_open_end_under_the_old_one() -> None:
    stricter = SIREN.model_copy(update={"on_score": 900, "off_score": 850})
    state, outputs = run(heard("SSS"))
    _, more = run(heard("SS......", first_seq=3), [stricter], state)
    raised, cleared = told(outputs) + told(more)
    assert cleared.alert_id == raised.alert_id
    assert cleared.rule_version == SIREN.version
    assert cleared.ended_at == at(5)
    _, none_left = run(heard("SSSSSS", first_seq=3), [], state)
    assert not told(none_left)


def test_unsynced_readings_are_not_heard() -> None:
    assert not told(run(heard("SSSS", clock="unsynced"))[1])


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
