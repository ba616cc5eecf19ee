"""The fold says of every rule what brute force over the complete series says."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from random import Random

from hypothesis import assume, given
from hypothesis import strategies as st

from processors import alerts
from processors.event_time import SECOND_US, microseconds
from processors.folds import Event, Tick
from processors.rules import LabelRule, LevelRule, Rule
from schemas.base import SeqRange
from schemas.envelopes import LabelledBatch
from schemas.results import Alert
from tests.alert_reference import Found, Heard, found
from tests.builders import SESSION, STARTED_AT, labelled, levels

START = microseconds(STARTED_AT) // SECOND_US
LONG_AFTER = [Tick(STARTED_AT + timedelta(days=2, seconds=5 * n)) for n in range(20)]
SCORES = (0, 0, 200, 350, 450, 600, 900)
RANDOMS = st.builds(Random, st.integers(0, 2**32))


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    """Any rule, small enough for everything to happen within minutes."""
    of_seconds = draw(st.integers(1, 6))
    merge_s = draw(st.sampled_from([0, 0, 5, 15]))
    common = {
        "rule": "any",
        "of_seconds": of_seconds,
        "on_seconds": draw(st.integers(1, of_seconds)),
        "off_seconds": draw(st.integers(1, 6)),
        "cooldown_s": 0 if merge_s else draw(st.sampled_from([0, 3, 10])),
        "max_duration_s": 86400 if merge_s else draw(st.sampled_from([12, 30, 86400])),
        "min_duration_s": draw(st.sampled_from([0, 0, 4, 11])),
        "merge_s": merge_s,
    }
    if draw(st.booleans()):
        return LabelRule.model_validate(
            {**common, "label": "siren", "on_score": 500, "off_score": 300}
        )
    fields = draw(
        st.sampled_from(
            [
                {"level": "lafmax_db", "on_db": 80.0, "off_db": 70.0},
                {"level": "laeq_1s_db", "on_db": 72.0, "off_db": 62.0, "labels": ["siren"]},
                {"level": "laeq_1s_db", "on_db": 20.0, "off_db": 10.0, "above": "l90_1h"},
            ]
        )
    )
    return LevelRule.model_validate({**common, **fields})


def series(random: Random, count: int, *, gaps: bool = True) -> list[Heard]:
    """Sounds that come and go, in seconds of which some are missing."""
    heard, at, loud = [], START + random.randrange(300), False
    calibrated = random.random() < 0.5
    for _ in range(count):
        loud = random.random() < 0.8 if loud else random.random() < 0.1
        level = random.uniform(60, 95) if loud else random.uniform(40, 70)
        score = random.choice(SCORES[3:] if loud else SCORES[:4])
        scores = {"siren": score} if score else {}
        calibrated = calibrated ^ (random.random() < 0.004)
        overload = random.random() < 0.01
        heard.append(Heard(at, round(level, 1), scores, overload, calibrated))
        missing = gaps and random.random() < 0.02
        at += 1 + (random.choice([1, 2, 29, 30, 40, 200]) if missing else 0)
    return heard


def batch(one: Heard) -> LabelledBatch:
    """A second as it comes; its seq follows its time."""
    bare = labelled(
        one.at - START,
        [one.laeq_db],
        labels=[one.scores],
        started_at=STARTED_AT + timedelta(seconds=one.at - START),
        calibration="simulated" if one.calibrated else None,
    )
    return bare.model_copy(update={"levels": (levels(one.laeq_db, overload=one.overload),)})


def told(rule: Rule, events: Iterable[Event]) -> tuple[list[Found], list[Found]]:
    """Live and historical alerts in the end; every step begins at a stored state."""
    fold = alerts.fold([rule])
    state, rows = fold.empty("pole-07"), dict[object, Alert]()
    for event in events:
        state, outputs = fold.step(fold.load(fold.dump(state)), event)
        rows |= {one.alert_id: one for one in outputs.rows if isinstance(one, Alert)}
    ordered = sorted(rows.values(), key=lambda alert: alert.onset_at)
    return (
        [_found(alert) for alert in ordered if not alert.historical],
        [_found(alert) for alert in ordered if alert.historical],
    )


def _found(alert: Alert) -> Found:
    assert alert.ended_at is not None
    onset, raised, ended = (
        microseconds(at) // SECOND_US for at in (alert.onset_at, alert.raised_at, alert.ended_at)
    )
    assert alert.end_reason is not None
    return Found(
        onset,
        raised,
        ended,
        alert.end_reason,
        alert.active_s,
        alert.peak_laeq_1s_db,
        alert.background_db,
    )


@given(rule=rules(), random=RANDOMS, count=st.sampled_from([40, 150, 250]))
def test_the_fold_finds_what_brute_force_finds(rule: Rule, random: Random, count: int) -> None:
    heard = series(random, count)
    live, historical = told(rule, [*map(batch, heard), *LONG_AFTER])
    assert live == found(rule, heard)
    assert not historical


@given(rule=rules(), random=RANDOMS, lost=st.booleans())
def test_a_gap_filled_in_any_order_gives_what_it_would_have_given_alone(
    rule: Rule, random: Random, *, lost: bool
) -> None:
    assume(not (isinstance(rule, LevelRule) and rule.above))
    heard = series(random, 150, gaps=False)
    first, end = sorted(random.sample(range(5, 145), 2))
    spans = [heard[first:end]]
    backlog: list[Event] = []
    if lost and end - first > 4:
        middle = (first + end) // 2
        gone = SeqRange(session=SESSION, first_seq=heard[middle].at - START, count=2)
        spans = [heard[first:middle], heard[middle + 2 : end]]
        backlog.append(Tick(STARTED_AT, (gone,)))
    backlog += [batch(one) for span in spans for one in span]
    random.shuffle(backlog)
    live_only = [*heard[:first], *heard[end:]]
    live, historical = told(rule, [*map(batch, live_only), *backlog, *LONG_AFTER])
    assert live == found(rule, live_only)
    alone = [alert for span in spans for alert in found(rule, span)]
    assert historical == [alert for alert in alone if _is_apart(alert, live)]


def _is_apart(alert: Found, others: Sequence[Found]) -> bool:
    return all(alert.ended <= other.onset or other.ended <= alert.onset for other in others)
