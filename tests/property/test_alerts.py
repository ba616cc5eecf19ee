"""Alerts depend on the readings and their event time, not on how they were delivered."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from random import Random

from hypothesis import assume, given
from hypothesis import strategies as st

from processors import alerts
from processors.folds import Event, Tick
from processors.rules import LabelRule, LevelRule
from schemas.base import LabelScores
from schemas.envelopes import LabelledBatch
from schemas.results import Alert
from tests.builders import OTHER_SESSION, SESSION, STARTED_AT, labelled, unlabelled

RULES = (
    LabelRule(
        rule="siren",
        label="siren",
        on_score=500,
        off_score=300,
        on_seconds=2,
        of_seconds=4,
        off_seconds=3,
        cooldown_s=4,
        max_duration_s=12,
    ),
    LevelRule(
        rule="loud",
        level="laeq_1s_db",
        on_db=85.0,
        off_db=80.0,
        on_seconds=1,
        of_seconds=1,
        off_seconds=2,
        cooldown_s=0,
        max_duration_s=600,
    ),
    LabelRule(
        rule="sirens",
        label="siren",
        on_score=500,
        off_score=300,
        on_seconds=1,
        of_seconds=1,
        off_seconds=1,
        cooldown_s=0,
        max_duration_s=600,
        min_duration_s=2,
        merge_s=3,
        update_s=2,
    ),
)
FOLD = alerts.fold(RULES)
LONG_AFTER = [Tick(STARTED_AT + timedelta(days=2, seconds=5 * n)) for n in range(20)]
SOUNDS: Sequence[tuple[float, LabelScores]] = (
    (50.0, {}),
    (60.0, {"siren": 400}),
    (75.0, {"siren": 700}),
    (90.0, {"siren": 900}),
)

RANDOMS = st.builds(Random, st.integers(0, 2**32))  # many draws: cheaper than Hypothesis' own


@st.composite
def seconds(draw: st.DrawFn) -> list[LabelledBatch]:
    """Single readings of two sessions in event-time order, some of them missing."""
    readings, at_s = [], 0
    for session in (SESSION, OTHER_SESSION):
        sounds = draw(st.lists(st.sampled_from(SOUNDS), min_size=2, max_size=25))
        missing = draw(st.sets(st.integers(0, 24), max_size=3))
        is_labelled = draw(st.sampled_from([True, True, False]))
        for seq, (level, scores) in enumerate(sounds):
            if seq not in missing:
                started_at = STARTED_AT + timedelta(seconds=at_s + seq)
                one = labelled(
                    seq, [level], labels=[scores], session=session, started_at=started_at
                )
                readings.append(one if is_labelled else unlabelled(one))
        at_s += len(sounds) + draw(st.sampled_from([0, 1, 40]))
    return readings


def together(readings: Sequence[LabelledBatch], random: Random) -> list[LabelledBatch]:
    """The same readings in larger batches."""
    batches: list[LabelledBatch] = []
    for one in readings:
        last = batches[-1] if batches else None
        follows = last and (last.session, last.first_seq + last.count) == (
            one.session,
            one.first_seq,
        )
        if last and follows and random.random() < 0.6:
            joined = {"levels": last.levels + one.levels, "labels": (*last.labels, *one.labels)}
            batches[-1] = last.model_copy(update=joined)
        else:
            batches.append(one)
    return batches


def run(events: Iterable[Event]) -> tuple[list[Alert], list[Alert]]:
    """Messages, and the rows as the database has them; every step starts from a stored state."""
    messages, rows = [], dict[object, Alert]()
    stored = FOLD.dump(FOLD.empty("pole-07"))
    for event in events:
        state, outputs = FOLD.step(FOLD.load(stored), event)
        stored = FOLD.dump(state)
        messages += [one for one in outputs.messages if isinstance(one, Alert)]
        rows |= {one.alert_id: one for one in outputs.rows if isinstance(one, Alert)}
    return messages, list(rows.values())


@given(readings=seconds(), random=RANDOMS)
def test_shuffles_within_the_hold_back_and_duplicates_change_no_alert(
    readings: list[LabelledBatch], random: Random
) -> None:
    assume(readings)
    # a second is given up once the third after it has come
    jittered = {one.started_at.timestamp() + random.uniform(0, 2.9): one for one in readings}
    arrived = [jittered[at] for at in sorted(jittered)]
    for one in random.choices(readings, k=5):
        came = next(n for n, other in enumerate(arrived) if other is one)
        arrived.insert(random.randint(came + 1, len(arrived)), one)
    assert run([*arrived, *LONG_AFTER]) == run([*readings, *LONG_AFTER])


@given(readings=seconds(), random=RANDOMS)
def test_batches_may_be_of_any_size(readings: list[LabelledBatch], random: Random) -> None:
    assert run([*together(readings, random), *LONG_AFTER]) == run([*readings, *LONG_AFTER])


@given(readings=seconds(), random=RANDOMS)
def test_alerts_of_a_rule_never_overlap_and_all_end(
    readings: list[LabelledBatch], random: Random
) -> None:
    events: list[Event] = [*together(readings, random)]
    assume(readings)
    events += random.choices(events, k=3)
    events += [Tick(STARTED_AT + timedelta(seconds=random.randint(0, 120))) for _ in range(4)]
    random.shuffle(events)
    messages, rows = run([*events, *LONG_AFTER])
    for rule in RULES:
        of_rule = [row for row in rows if row.rule == rule.rule]
        for one, following in pairwise(sorted(of_rule, key=onset)):
            assert one.ended_at is not None
            assert one.ended_at <= following.onset_at
    assert all(row.state == "cleared" and row.ended_at for row in rows)
    for row in rows:
        changes = [message for message in messages if message.alert_id == row.alert_id]
        assert row.historical == (not changes)
        assert [one.revision for one in changes] == list(range(len(changes)))
        assert [one.state for one in changes[:1]] in ([], ["raised"])


def onset(alert: Alert) -> datetime:
    return alert.onset_at
