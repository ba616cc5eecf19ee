from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import orjson
import pytest

from processors import alerts
from processors.alerts import AlertsState
from processors.folds import NOTHING, Event, Outputs, Tick
from processors.rule_terms import Hours
from processors.rules import LabelRule, LevelRule, Rule
from schemas.envelopes import LabelledBatch
from schemas.errors import BadConfig
from schemas.results import Alert
from tests.builders import OTHER_SESSION, STARTED_AT, labelled, unlabelled

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


def ticks(first_s: int, last_s: int) -> list[Tick]:
    """What the bridge writes every 5 s."""
    return [Tick(at(seconds)) for seconds in range(first_s, last_s + 1, 5)]


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
    state, outputs = run(ticks(9, 29), state=state)
    assert outputs == [NOTHING] * 5
    _, outputs = run(ticks(34, 39), state=state)
    [lost] = told(outputs)
    assert (lost.state, lost.end_reason, lost.ended_at) == ("cleared", "signal_lost", at(4))


def test_a_device_that_sends_once_a_minute_is_not_lost_between() -> None:
    minute = labelled(0, [75.0] * 60, labels=[{"siren": 800}] * 60)
    state, _ = run([minute])
    _, outputs = run(ticks(60 + 5, 60 + 95), state=state)
    assert [n for n, output in enumerate(outputs) if output.messages] == [17]
    assert len(outputs) == 19


def test_where_no_ticks_come_nobody_listened_and_no_device_is_silent() -> None:
    state, _ = run(heard("SSSS"))
    state, outputs = run([*ticks(9, 14), *ticks(300, 305)], state=state)
    assert not told(outputs)
    _, outputs = run(heard("SS......", 4), state=state)  # sent as soon as there was a broker again
    assert [alert.active_s for alert in told(outputs)] == [6]


def test_ticks_that_come_seldom_end_an_alert_too() -> None:
    state, _ = run(heard("SSSS"))
    _, outputs = run([Tick(at(100 * n)) for n in range(1, 5)], state=state)
    assert [len(output.messages) for output in outputs] == [0, 0, 1, 0]


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


@pytest.mark.parametrize("rules", [[], [SIREN.model_copy(update={"on_score": 950})]])
def test_a_rule_that_is_no_more_ends_its_alert_and_begins_none(rules: list[Rule]) -> None:
    """However its seconds are batched."""
    state, _ = run(heard("SSS"))
    sounds = "." * 27 + "S" * 20 + "." * 13
    singly = heard(sounds, 3)
    levels = [one.levels[0].laeq_1s_db for one in singly]
    at_once = labelled(3, levels, labels=[one.labels[0] for one in singly])
    [cleared] = told(run([at_once], rules, state)[1])
    assert (cleared.state, cleared.ended_at) == ("cleared", at(3))
    assert told(run(singly, rules, state)[1]) == [cleared]


ABRUPT = SIREN.model_copy(
    update={"on_seconds": 1, "of_seconds": 1, "off_seconds": 1, "cooldown_s": 0}
)


def test_seconds_that_waited_for_a_tick_begin_nothing_for_a_rule_that_is_no_more() -> None:
    state, _ = run([*heard("...S"), *heard(".S", 5)], [ABRUPT])
    _, outputs = run([Tick(at(9))], [], state)
    assert [alert.state for alert in told(outputs)] == ["cleared"]


def test_a_rule_that_is_no_more_merges_but_begins_nothing_after_a_gap() -> None:
    state, _ = run(heard("S..."), [ABRUPT.model_copy(update={"merge_s": 10})])
    sounds = [*heard("..S...", 4), *heard("S....", 20)]
    assert [(a.state, a.ended_at) for a in told(run(sounds, [], state)[1])] == [("cleared", at(7))]


def test_what_is_no_alert_yet_does_not_become_one_without_its_rule() -> None:
    long = SIREN.model_copy(update={"min_duration_s": 8})
    state, _ = run(heard("SSSS"), [long])
    assert not told(run(heard("S" * 10, 4), [], state)[1])


def test_unsynced_readings_are_not_heard() -> None:
    assert not told(run(heard("SSSS", clock="unsynced"))[1])


def test_readings_that_come_late_because_a_processor_was_down_alert_live() -> None:
    """They are still newer than anything heard: ticks of before and after do not change that."""
    quiet, siren = heard("..."), heard("SSSS......", 3)
    waited = [one.model_copy(update={"received_at": at(95)}) for one in siren]
    in_time, in_a_lump = run([*quiet, *siren]), run([*quiet, Tick(at(60)), *waited, Tick(at(95))])
    assert [a.state for a in told(in_a_lump[1])] == ["raised", "cleared"]
    assert told(in_a_lump[1]) == told(in_time[1])


def test_events_nearer_than_the_rule_says_are_one() -> None:
    merging = SIREN.model_copy(update={"merge_s": 20})
    sirens = heard("SSS" + "." * 12 + "SSS" + "." * 20)
    _, outputs = run(sirens, [merging])
    one, *_, end = told(outputs)
    assert {alert.alert_id for alert in told(outputs)} == {one.alert_id}
    assert (end.state, end.ended_at, end.active_s) == ("cleared", at(18), 6)
    _, apart = run(sirens, [SIREN.model_copy(update={"merge_s": 10, "cooldown_s": 0})])
    assert [alert.ended_at for alert in told(apart) if alert.ended_at] == [at(3), at(18)]


def test_what_is_shorter_than_the_rule_says_is_no_alert() -> None:
    long = SIREN.model_copy(update={"min_duration_s": 8})
    assert not told(run(heard("S" * 7 + "." * 10), [long])[1])
    [raised, *_] = told(run(heard("S" * 9), [long])[1])
    assert (raised.onset_at, raised.raised_at, raised.active_s) == (at(0), at(8), 8)


def test_a_rule_listens_where_and_when_it_says() -> None:
    night = Hours(starts="22:00", ends="06:00", time_zone="Europe/Berlin")
    deaf = [
        SIREN.model_copy(update={"sites": ("park",)}),
        SIREN.model_copy(update={"devices": ("pole-08",)}),
        SIREN.model_copy(update={"hours": night}),  # it is noon in Berlin
    ]
    for rule in deaf:
        assert not told(run(heard("SSSS"), [rule])[1])
    here = SIREN.model_copy(update={"sites": ("harbour",), "devices": ("pole-07", "pole-08")})
    assert told(run(heard("SSSS"), [here])[1])
    evening = [
        one.model_copy(update={"started_at": at(12 * 3600 + n)})
        for n, one in enumerate(heard("SSSS"))
    ]
    assert told(run(evening, [SIREN.model_copy(update={"hours": night})])[1])


def test_a_level_rule_may_ask_for_a_label() -> None:
    horn = LOUD.model_copy(update={"labels": ("car_horn",)})
    assert not told(run([labelled(0, [90.0] * 4)], [horn])[1])
    hooting = labelled(0, [90.0] * 4, labels=[{"car_horn": 500}] * 4)
    assert told(run([hooting], [horn])[1])


OUTBURST = LOUD.model_copy(update={"above": "l90_1h", "on_db": 20.0, "off_db": 10.0})


def minutes(level_db: float, count: int, first_seq: int = 0) -> list[LabelledBatch]:
    return [labelled(first_seq + 60 * n, [level_db] * 60) for n in range(count)]


def test_a_level_may_be_above_the_background_of_the_last_hour() -> None:
    night = [*minutes(40.0, 10), labelled(600, [55.0, 61.0, 62.0, 45.0, 45.0, 45.0])]
    raised, cleared = told(run(night, [OUTBURST])[1])
    assert (raised.onset_at, raised.background_db) == (at(601), 40.0)
    assert (cleared.ended_at, cleared.peak_laeq_1s_db) == (at(603), 62.0)
    day = [*minutes(55.0, 10), labelled(600, [65.0, 71.0, 72.0])]
    assert not told(run(day, [OUTBURST])[1])


def test_without_a_minute_of_background_nothing_is_above_it() -> None:
    start = [labelled(0, [40.0] * 30), labelled(30, [90.0] * 5)]
    assert not told(run(start, [OUTBURST])[1])


def test_the_background_forgets_after_an_hour() -> None:
    quieter = [*minutes(60.0, 60), *minutes(40.0, 70, 3600), labelled(7800, [62.0] * 3)]
    assert [alert.background_db for alert in told(run(quieter, [OUTBURST])[1])] == [40.0]
    still = [*minutes(60.0, 60), *minutes(59.0, 2, 3600), labelled(3720, [79.5] * 3)]
    assert not [a for a in told(run(still, [OUTBURST])[1]) if a.background_db != 59.0]


def test_relative_and_calibrated_levels_have_no_background_in_common() -> None:
    """Calibrated after an hour: the level is what it was, though the numbers are others."""
    relative = [one.model_copy(update={"calibration": None}) for one in minutes(-50.0, 60)]
    calibrated = [*minutes(55.0, 10, 3600), labelled(4200, [55.0, 76.0, 77.0])]
    [raised] = told(run([*relative, *calibrated], [OUTBURST])[1])
    assert (raised.onset_at, raised.background_db) == (at(4201), 55.0)


@pytest.mark.parametrize("seqs", [[0], [1, 4], [0, 1, 9, 5]], ids=["start", "gap", "late"])
def test_what_waits_of_a_device_without_labels_is_stored(seqs: list[int]) -> None:
    fold = alerts.fold(())
    state = fold.empty("pole-07")
    for seq in seqs:
        state, _ = fold.step(state, unlabelled(labelled(seq, [90.0])))
    assert state.live.pending or state.late.waiting
    assert fold.load(fold.dump(state)) == state


def dumped_under_a_label_of_old(scores: str) -> bytes:
    state, _ = run(heard(scores))
    return state.dump().replace(b'"label":"siren"', b'"label":"syren"')


def test_a_rule_that_can_be_no_more_is_forgotten_with_its_cooldown() -> None:
    state = alerts.load(dumped_under_a_label_of_old("SSS......"))
    assert not state.live.watches
    assert told(run(heard("SSS", 20), state=state)[1])


def test_an_open_alert_of_a_rule_that_can_be_no_more_is_named_in_one_line() -> None:
    with pytest.raises(BadConfig, match=r"is open .*: rule siren: label 'syren' is") as one:
        alerts.load(dumped_under_a_label_of_old("SSS"))
    assert "\n" not in str(one.value)


def test_a_state_of_a_newer_version_is_refused() -> None:
    with pytest.raises(BadConfig, match="format 4"):
        alerts.load(b'[4, "pole-07"]')


def test_a_state_of_the_second_version_keeps_its_background_and_what_waits() -> None:
    state, _ = run([*minutes(40.0, 2), labelled(121, [40.0])], [OUTBURST])
    _, *stored = orjson.loads(state.dump())
    live = stored[4]
    live[6] = [second[:-1] for second in live[6]]
    live[8] = live[8][:-1]
    loaded = alerts.load(orjson.dumps([2, *stored]))
    assert [second.seq for second in loaded.live.pending] == [121]
    assert loaded.live.background.level_db == 40.0
    _, outputs = run([labelled(120, [62.0]), labelled(122, [62.0] * 3)], [OUTBURST], loaded)
    assert [alert.background_db for alert in told(outputs)] == [40.0]


def test_a_state_of_the_first_version_keeps_what_was_counted() -> None:
    state, _ = run(heard("SS"))
    first = orjson.dumps(["pole-07", "harbour", state.ledger.dump(), [], [], {}, 0])
    assert alerts.load(first).ledger == state.ledger
