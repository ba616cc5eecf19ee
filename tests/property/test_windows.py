"""A window's row depends only on the set of its readings."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from processors import window_sums, windows
from processors.folds import Event, Tick
from processors.window_sums import EMPTY, MIXED, Sums, merged
from schemas.codec import encode
from schemas.envelopes import LabelledBatch
from schemas.results import Window
from tests.builders import OTHER_SESSION, SESSION, STARTED_AT, labelled, levels

FOLD = windows.fold()
LONG_AFTER = Tick(STARTED_AT + timedelta(days=2))
BEFORE_THE_HOUR = STARTED_AT - timedelta(seconds=25.3)


@st.composite
def street(draw: st.DrawFn) -> list[LabelledBatch]:
    """Batches of two sessions, one after the other, across the turn of an hour."""
    batches, at_s = [], 0.0
    for session in (SESSION, OTHER_SESSION):
        calibration = draw(st.sampled_from([None, "a", "b"]))
        seq = draw(st.sampled_from([0, 7]))
        for size in draw(st.lists(st.integers(1, 25), min_size=1, max_size=4)):
            sounds = draw(st.lists(st.sampled_from(SOUNDS), min_size=size, max_size=size))
            batches.append(
                labelled(
                    seq,
                    [level for level, _ in sounds],
                    labels=[scores for _, scores in sounds],
                    session=session,
                    calibration=calibration,
                    started_at=BEFORE_THE_HOUR + timedelta(seconds=at_s),
                )
            )
            seq += size
            at_s += size
        at_s += draw(st.floats(0, 30))
    return batches


SOUNDS: list[tuple[float, dict[str, int]]] = [
    (48.31, {}),
    (55.07, {"birds": 610, "siren": 499}),
    (71.5, {"siren": 500}),
    (90.02, {"siren": 998, "traffic": 740}),
]


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


def table(events: Iterable[Event]) -> dict[tuple[int, object], bytes]:
    """Rows as the database has them after the events; every step starts from a stored state."""
    rows: dict[tuple[int, object], bytes] = {}
    stored = FOLD.dump(FOLD.empty("pole-07"))
    for event in events:
        state, outputs = FOLD.step(FOLD.load(stored), event)
        stored = FOLD.dump(state)
        for row in outputs.rows:
            assert isinstance(row, Window)
            rows[row.length_s, row.started_at] = encode(row)
    return rows


@given(batches=street(), random=st.randoms(use_true_random=False), size=st.integers(1, 7))
def test_order_duplicates_splits_and_restarts_change_no_row(
    batches: list[LabelledBatch], random: object, size: int
) -> None:
    disturbed = [part for batch in batches for part in splits(batch, size)]
    disturbed += random.choices(batches, k=3)  # type: ignore[attr-defined]
    random.shuffle(disturbed)  # type: ignore[attr-defined]
    assert table([*disturbed, LONG_AFTER]) == table([*batches, LONG_AFTER])


@given(batches=street(), ticks=st.lists(st.integers(0, 200), max_size=5))
def test_ticks_change_no_final_row(batches: list[LabelledBatch], ticks: list[int]) -> None:
    events: list[Event] = list(batches)
    for at_s in ticks:
        events.insert(at_s % (len(batches) + 1), Tick(BEFORE_THE_HOUR + timedelta(seconds=at_s)))
    assert table([*events, LONG_AFTER]) == table([*batches, LONG_AFTER])


def sums(sounds: Sequence[tuple[float, dict[str, int]]], calibration: str | None) -> Sums:
    return window_sums.of_readings(
        [levels(level) for level, _ in sounds],
        [scores for _, scores in sounds],
        calibration=calibration,
        active_score=500,
    )


parts = st.lists(
    st.builds(
        sums,
        st.lists(st.sampled_from(SOUNDS), min_size=1, max_size=4),
        st.sampled_from([None, "a", "b"]),
    ),
    max_size=6,
)


def content(total: Sums) -> object:
    return (
        (total.count, total.energies, total.maxima_db, total.overload_s, total.floor_s),
        total.calibration,
        dict(total.classes),
        dict(total.labels),
    )


@given(parts, st.randoms(use_true_random=False))
def test_sums_merge_in_any_order_and_grouping(them: list[Sums], random: object) -> None:
    one = reduce(merged, them, EMPTY)
    shuffled = list(them)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    middle = len(shuffled) // 2
    other = merged(
        reduce(merged, shuffled[:middle], EMPTY), reduce(merged, shuffled[middle:], EMPTY)
    )
    assert content(one) == content(other)


@given(parts)
def test_calibrated_and_relative_levels_are_never_mixed(them: list[Sums]) -> None:
    calibrated = [part for part in them if part.calibration is not None]
    total = reduce(merged, them, EMPTY)
    assert total.count == sum(part.count for part in calibrated or them)
    names = {part.calibration for part in calibrated}
    expected = MIXED if len(names) > 1 else next(iter(names), None)
    assert total.calibration == expected


@given(st.lists(st.integers(-12000, 14000), min_size=1, max_size=90))
def test_a_window_lies_between_its_seconds(hundredths: list[int]) -> None:
    them = [value / 100 for value in hundredths]
    total = sum(window_sums.energy(level) for level in them)
    assert total == sum(window_sums.energy(level) for level in sorted(them))
    row = window_sums.row(
        sums([(level, {}) for level in them], None),
        site="harbour",
        device="pole-07",
        started_s=0,
        length_s=60,
        final=True,
    )
    coarse_db = 0.02 if min(them) > -100 else 1.8  # where an energy of 1 or 2 stands for a level
    assert min(them) - coarse_db <= row.laeq_db <= max(them) + coarse_db
    assert row.l90_db <= row.l50_db <= row.l10_db <= max(them) + 0.051
