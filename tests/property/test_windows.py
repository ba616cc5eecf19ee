"""A window's row depends only on the set of its readings."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from functools import reduce
from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from acoustics.decibels import energy_of
from processors import (
    exact,
    sources,
    window_batch,
    window_columns,
    window_row_columns,
    window_rows,
    window_seconds,
    window_sums,
    windows,
)
from processors.folds import Event, Tick, Ticks
from processors.window_batch import Asked
from processors.window_keys import base
from processors.window_memory import WindowTable
from processors.window_questions import Touched
from processors.window_rows import Place
from processors.window_seconds import MIXED, NOTHING_HEARD, Heard, merged
from processors.window_sums import Sums
from schemas.codec import encode
from schemas.envelopes import LabelledBatch
from tests import window_reference
from tests.builders import OTHER_SESSION, SESSION, STARTED_AT, labelled

FOLD = windows.fold({"harbour": ZoneInfo("Asia/Kolkata")})
LONG_AFTER = Tick(STARTED_AT + timedelta(days=2))
BEFORE_THE_HOUR = STARTED_AT - timedelta(seconds=95.3)
SOUNDS: list[tuple[float, dict[str, int]]] = [
    (48.31, {}),
    (55.07, {"birds": 610, "siren": 499}),
    (71.5, {"siren": 500}),
    (90.02, {"siren": 998, "traffic": 740}),
]
sounds = st.sampled_from(SOUNDS)


@st.composite
def street(draw: st.DrawFn) -> list[LabelledBatch]:
    """Batches of two sessions, across the turn of an hour, with gaps; they may even overlap."""
    batches, at_s = [], 0.0
    for session in (SESSION, OTHER_SESSION):
        calibration = draw(st.sampled_from([None, "a", "b"]))
        seq = draw(st.sampled_from([0, 7]))
        for size in draw(st.lists(st.integers(1, 60), min_size=1, max_size=4)):
            heard = draw(st.lists(sounds, min_size=size, max_size=size))
            started_at = BEFORE_THE_HOUR + timedelta(seconds=at_s)
            batches.append(
                labelled(
                    seq,
                    [level for level, _ in heard],
                    labels=[scores for _, scores in heard],
                    session=session,
                    calibration=calibration,
                    started_at=started_at,
                    received_at=started_at + timedelta(days=1),
                )
            )
            seq += size
            at_s += size
        at_s += draw(st.floats(-30, 1000))
    return batches


def splits(batch: LabelledBatch, size: int) -> list[LabelledBatch]:
    """The same readings in smaller batches."""
    return [
        batch.model_copy(
            update={
                "first_seq": batch.first_seq + n,
                "started_at": batch.started_at + timedelta(seconds=n),
                "levels": batch.levels[n : n + size],
                "labels": batch.labels[n : n + size],
            }
        )
        for n in range(0, batch.count, size)
    ]


def table(
    events: Iterable[Event], per_commit: int = 1, device: str = "pole-07"
) -> dict[object, tuple[bytes, object]]:
    """Rows as the database has them after the events; every step starts from a stored state."""
    rows = WindowTable()
    stored = FOLD.dump(FOLD.empty(device))
    touched: list[Touched] = []
    for n, event in enumerate(events):
        state, outputs = FOLD.step(FOLD.load(stored), event)
        stored = FOLD.dump(state)
        touched += [row for row in outputs.rows if isinstance(row, Touched)]
        if n % per_commit == 0:
            rows.write(touched)
            touched = []
    rows.write(touched)
    return {key: (encode(row), row.sums) for key, row in rows.rows.items()}


@given(street(), st.randoms(use_true_random=False), st.integers(1, 7), st.integers(1, 9))
def test_order_duplicates_splits_commits_and_restarts_change_no_row(
    batches: list[LabelledBatch], random: object, size: int, per_commit: int
) -> None:
    disturbed = [part for batch in batches for part in splits(batch, size)]
    disturbed += random.choices(batches, k=3)  # type: ignore[attr-defined]
    random.shuffle(disturbed)  # type: ignore[attr-defined]
    assert table([*disturbed, LONG_AFTER], per_commit) == table([*batches, LONG_AFTER])


@given(batches=street(), ticks=st.lists(st.integers(0, 2000), max_size=5))
def test_ticks_change_no_final_row(batches: list[LabelledBatch], ticks: list[int]) -> None:
    events: list[Event] = list(batches)
    for at_s in ticks:
        events.insert(at_s % (len(batches) + 1), Tick(BEFORE_THE_HOUR + timedelta(seconds=at_s)))
    assert table([*events, LONG_AFTER]) == table([*batches, LONG_AFTER])


def heard(them: Sequence[tuple[float, dict[str, int]]], calibration: str | None) -> Heard:
    batch = labelled(
        0,
        [level for level, _ in them],
        labels=[scores for _, scores in them],
        calibration=calibration,
    )
    [part] = window_columns.parts([batch], 500)
    return part.heard


parts = st.lists(
    st.builds(
        heard,
        st.lists(sounds, min_size=1, max_size=4),
        st.sampled_from([None, "a", "b"]),
    ),
    max_size=6,
)


@given(parts, st.randoms(use_true_random=False))
def test_readings_merge_in_any_order_and_grouping(them: list[Heard], random: object) -> None:
    shuffled = list(them)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    middle = len(shuffled) // 2
    other = merged(
        reduce(merged, shuffled[:middle], NOTHING_HEARD),
        reduce(merged, shuffled[middle:], NOTHING_HEARD),
    )
    assert reduce(merged, them, NOTHING_HEARD) == other
    assert window_seconds.load(window_seconds.dump(other)) == other


@given(parts)
def test_calibrated_and_relative_levels_are_never_mixed(them: list[Heard]) -> None:
    calibrated = [part for part in them if part.calibration is not None]
    total = reduce(merged, them, NOTHING_HEARD)
    assert total.readings == sum(part.readings for part in calibrated or them)
    names = {part.calibration for part in calibrated}
    expected = MIXED if len(names) > 1 else next(iter(names), None)
    assert total.calibration == expected


def asked_of(them: Sequence[Heard], background: int | None) -> list[Asked]:
    """Windows that follow each other."""
    before = [None, *(one.last for one in them)]
    return [Asked(one, background, last) for one, last in zip(them, before, strict=False)]


def sums_of(windows_of_readings: Sequence[Heard], background: int | None) -> list[Sums]:
    """Sums of windows that follow each other."""
    asked = asked_of(windows_of_readings, background)
    return list(window_batch.summed([[one] for one in asked]).each())


backgrounds = st.one_of(st.none(), st.floats(30, 80).map(energy_of))
hours = st.lists(st.lists(sounds, min_size=10, max_size=10), min_size=1, max_size=12)


@given(hours, backgrounds, st.integers(1, 5))
def test_merging_windows_in_steps_equals_merging_all_at_once(
    them: list[list[tuple[float, dict[str, int]]]], background: int | None, size: int
) -> None:
    each = sums_of([heard(one, "a") for one in them], background)
    steps = [window_sums.merged(each[n : n + size]) for n in range(0, len(each), size)]
    assert window_sums.merged(steps) == window_sums.merged(each)
    restored = [window_sums.load(window_sums.dump(one)) for one in steps]
    assert window_sums.merged(restored) == window_sums.merged(each)


@given(hours)
def test_events_are_runs_of_active_seconds(
    them: list[list[tuple[float, dict[str, int]]]],
) -> None:
    total = window_sums.merged(sums_of([heard(one, "a") for one in them], None))
    active = [scores.get("siren", 0) >= 500 for one in them for _, scores in one]
    runs = sum(now and not before for before, now in zip([False, *active], active, strict=False))
    assert (total.labels["siren"].events if runs else 0) == runs


@given(hours, backgrounds)
def test_energy_closes(
    them: list[list[tuple[float, dict[str, int]]]], background: int | None
) -> None:
    total = window_sums.merged(sums_of([heard(one, "a") for one in them], background))
    whole = sum(energy_of(level) for one in them for level, _ in one)
    assert total.residual >= 0
    assert total.residual + sum(one.own for one in total.labels.values()) == whole
    assert all(0 <= one.own <= one.energy <= whole for one in total.labels.values())


labels = st.lists(st.tuples(st.sampled_from("abcde"), st.integers(0, 1000)), min_size=1)


@given(st.integers(0, 10**27), labels, st.one_of(st.none(), st.integers(0, 10**27)))
def test_nobody_is_given_more_than_there_is(
    energy: int, scores: list[tuple[str, int]], background: int | None
) -> None:
    excess = window_reference.excess(energy, background)
    given_away = window_reference.parts(excess, scores)
    assert excess - len(scores) < sum(given_away) <= excess <= energy
    for own in given_away:
        level, upper = sources.told(own, energy, 1)
        assert (level is None) != (upper is None)


@given(st.lists(st.integers(-12000, 14000), min_size=1, max_size=60))
def test_a_window_lies_between_its_seconds(hundredths: list[int]) -> None:
    them = [value / 100 for value in hundredths]
    rows = WindowTable()
    _, outputs = FOLD.step(FOLD.empty("pole-07"), labelled(0, them))
    rows.apply(outputs)
    [_, outputs] = FOLD.step(FOLD.step(FOLD.empty("pole-07"), labelled(0, them))[0], LONG_AFTER)
    rows.apply(outputs)
    row = rows.at(60, STARTED_AT)
    coarse_db = 0.02 if min(them) > -100 else 1.8  # where an energy of 1 or 2 stands for a level
    assert min(them) - coarse_db <= row.laeq_db <= max(them) + coarse_db
    assert row.l90_db <= row.l50_db <= row.l10_db <= max(them) + 0.051


@given(st.lists(street(), min_size=1, max_size=3), st.integers(1, 9), st.data())
def test_pages_of_many_devices_say_what_each_says_alone(
    them: list[list[LabelledBatch]], size: int, data: st.DataObject
) -> None:
    said = [
        batch.model_copy(update={"device": f"pole-{n}"})
        for n, batches in enumerate(them)
        for batch in batches
    ]
    shuffled = data.draw(st.permutations(said))
    rows, stored = WindowTable(), dict[str, bytes]()
    for begin in range(0, len(shuffled), size):
        at_work, page = FOLD.at_work(stored), shuffled[begin : begin + size]
        end = max(batch.started_at + timedelta(seconds=batch.count) for batch in page)
        tick = Tick(end + timedelta(seconds=data.draw(st.integers(-60, 60))))
        at_work.hear(page, Ticks(tick, {}))
        rows.apply(at_work.settle())
        stored |= at_work.changed()
    at_work = FOLD.at_work(stored)
    at_work.hear([], Ticks(LONG_AFTER, {}))
    rows.apply(at_work.settle())
    alone = dict[object, tuple[bytes, object]]()
    for device in {batch.device for batch in shuffled}:
        mine = [batch for batch in shuffled if batch.device == device]
        alone |= table([*mine, LONG_AFTER], device=device)
    assert {key: (encode(row), row.sums) for key, row in rows.rows.items()} == alone


@given(street(), st.randoms(use_true_random=False), st.integers(1, 7))
def test_what_the_book_remembers_is_what_it_would_be_told(
    batches: list[LabelledBatch], random: object, size: int
) -> None:
    said = [part for batch in batches for part in splits(batch, size)]
    late = random.sample(said, k=len(said) // 4)  # type: ignore[attr-defined]
    state, rows, stored = FOLD.empty("pole-07"), WindowTable(), WindowTable()
    for event in [*(part for part in said if part not in late), *late, LONG_AFTER]:
        state, outputs = FOLD.step(state, event)
        forgetful = WindowTable()
        forgetful.rows = stored.rows
        assert rows.apply(outputs) == forgetful.apply(outputs)


any_second = st.tuples(
    st.integers(-12_000, 14_000).map(lambda hundredths: hundredths / 100),
    st.dictionaries(
        st.sampled_from(["birds", "siren", "traffic", "no_label_of_ours"]), st.integers(0, 1000)
    ),
)
base_windows = st.lists(st.lists(any_second, min_size=1, max_size=10), min_size=1, max_size=6)


@given(base_windows, backgrounds)
def test_columns_say_what_one_second_after_the_other_says(
    them: list[list[tuple[float, dict[str, int]]]], background: int | None
) -> None:
    each = [heard(one, "a") for one in them]
    before = [None, *(one.each()[-1] for one in each)]
    expected = [
        window_reference.of_seconds(one, background, last)
        for one, last in zip(each, before, strict=False)
    ]
    assert sums_of(each, background) == expected
    [together] = window_batch.summed([asked_of(each, background)]).each()
    assert together == window_sums.merged(expected)


@given(base_windows, backgrounds)
def test_rows_in_columns_are_rows_one_by_one(
    them: list[list[tuple[float, dict[str, int]]]], background: int | None
) -> None:
    each = [heard(one, None) for one in them]
    places = [Place("harbour", "pole", base(10 * n), n % 2 == 0, n % 3 == 0) for n in range(6)]
    summed = window_batch.summed([[one] for one in asked_of(each, background)])
    columns = window_row_columns.base_rows(places[: len(each)], summed)
    expected = [
        window_rows.row(sums, place, window_seconds.dump(one))
        for sums, place, one in zip(summed.each(), places, each, strict=False)
    ]
    assert list(columns.each()) == expected
    assert list(window_row_columns.columns_of(expected).each()) == expected


@given(st.lists(any_second, min_size=1, max_size=10))
def test_packed_seconds_are_those_that_were_heard(them: list[tuple[float, dict[str, int]]]) -> None:
    batch = labelled(0, [level for level, _ in them], labels=[scores for _, scores in them])
    expected = window_reference.seconds_of(batch)
    assert heard(them, "a").each() == expected


big = st.integers(0, 10**32)


@given(st.lists(st.tuples(big, big, st.integers(1, 10**6)), min_size=1, max_size=9), st.data())
def test_exact_columns_are_exact(them: list[tuple[int, int, int]], data: st.DataObject) -> None:
    these, those, wholes = map(list, zip(*them, strict=True))
    parts = [data.draw(st.integers(0, whole)) for whole in wholes]
    columns = exact.limbs(these)
    assert exact.integers(columns) == these
    assert exact.integers(exact.sums(columns, np.array([0]))) == [sum(these)]
    expected = [max(a - b, 0) for a, b in zip(these, those, strict=True)]
    assert exact.integers(exact.excess(columns, exact.limbs(those))) == expected
    shares = exact.share(columns, np.array(parts), np.array(wholes))
    assert exact.integers(shares) == [
        a * part // whole for a, part, whole in zip(these, parts, wholes, strict=True)
    ]


@given(st.lists(st.floats(-200, 200) | st.integers(-40_000, 40_000).map(lambda n: n / 200)))
def test_columns_are_rounded_as_python_rounds(values: list[float]) -> None:
    assert window_row_columns.rounded(np.array(values), 2).tolist() == [
        round(one, 2) for one in values
    ]
