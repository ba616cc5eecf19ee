from collections.abc import Iterable, Sequence
from datetime import timedelta

import pytest

from processors import windows
from processors.folds import NOTHING, Event, Outputs, Tick
from processors.window_state import WindowsState
from schemas.results import Window
from tests.builders import OTHER_SESSION, STARTED_AT, labelled

FOLD = windows.fold()


def run(
    events: Iterable[Event], state: WindowsState | None = None
) -> tuple[WindowsState, list[Outputs]]:
    state = state or FOLD.empty("pole-07")
    outputs = []
    for event in events:
        state, output = FOLD.step(state, event)
        outputs.append(output)
    return state, outputs


def rows(outputs: Sequence[Outputs], length_s: int = 10) -> list[Window]:
    return [
        row
        for output in outputs
        for row in output.rows
        if isinstance(row, Window) and row.length_s == length_s
    ]


def tick(after_s: float) -> Tick:
    return Tick(STARTED_AT + timedelta(seconds=after_s))


def test_a_window_closes_two_seconds_after_its_end() -> None:
    _, outputs = run(labelled(n, [60.0]) for n in range(12))
    written = [n for n, output in enumerate(outputs) if output.rows]
    assert written == [11]  # the reading that ends at 12 s
    [row] = outputs[11].rows
    assert outputs[11].messages == (row,)
    assert isinstance(row, Window)
    assert (row.final, row.coverage_s, row.laeq_db) == (True, 10, 60.0)


def test_levels_are_combined_as_energies() -> None:
    _, outputs = run([labelled(0, [60.0] * 5 + [70.0] * 5 + [60.0] * 2)])
    [row] = rows(outputs)
    assert row.laeq_db == pytest.approx(67.4, abs=0.01)
    assert row.lceq_db == pytest.approx(71.9, abs=0.01)
    assert row.lafmax_db == 78.0
    assert (row.l10_db, row.l50_db, row.l90_db) == (70.0, 70.0, 60.0)


def test_a_reading_belongs_to_the_window_of_its_middle() -> None:
    start = STARTED_AT - timedelta(seconds=0.4)
    _, outputs = run([labelled(0, [60.0] * 13, started_at=start)])
    assert rows(outputs)[0].started_at == STARTED_AT
    assert rows(outputs)[0].coverage_s == 10


def test_a_label_is_active_where_it_reaches_its_threshold() -> None:
    labels = [{"siren": 499, "birds": 800}] * 6 + [{"siren": 500}] * 3 + [{"siren": 901}] * 3
    _, outputs = run([labelled(0, [50.0] * 6 + [80.0] * 6, labels=labels)])
    [row] = rows(outputs)
    birds, siren = row.labels
    assert (birds.label, birds.origin, birds.active_s) == ("birds", "natural", 6)
    assert birds.laeq_active_db == 50.0
    assert (siren.active_s, siren.max_score, siren.mean_score) == (4, 901, 600)
    assert siren.laeq_active_db == 80.0


def test_labels_that_are_not_ours_are_left_out() -> None:
    _, outputs = run([labelled(0, [50.0] * 12, labels=[{"other": 900}] * 12)])
    assert rows(outputs)[0].labels == ()


def test_larger_windows_hold_all_their_readings() -> None:
    _, outputs = run([*(labelled(n, [40.0 + n % 50]) for n in range(3605))])
    [hour] = [row for row in rows(outputs, 3600) if row.final]
    minutes = [row for row in rows(outputs, 60) if row.final]
    assert len(minutes) == 60
    assert hour.coverage_s == 3600
    assert hour.lafmax_db == max(row.lafmax_db for row in minutes)


def test_each_minute_writes_the_hour_as_it_stands() -> None:
    _, outputs = run(labelled(n, [60.0]) for n in range(125))
    assert [(row.coverage_s, row.final) for row in rows(outputs, 3600)] == [
        (60, False),
        (120, False),
    ]


def test_a_silent_device_gets_its_last_window_early() -> None:
    state, _ = run([labelled(0, [60.0] * 4)])
    state, outputs = run([tick(14)], state)
    assert outputs == [NOTHING]
    state, outputs = run([tick(15)], state)
    [row] = rows(outputs)
    assert (row.final, row.coverage_s) == (False, 4)
    assert not outputs[0].messages
    after, outputs = run([tick(20)], state)
    assert (after, outputs) == (state, [NOTHING])


def test_an_outage_filled_later_gives_whole_windows() -> None:
    before = labelled(0, [50.0] * 35)
    after = labelled(3 * 86400, [70.0] * 60)
    backlog = labelled(35, [80.0] * 60)
    _, outputs = run([before, tick(60), after, backlog, tick(3 * 86400 + 90)])
    at_30_s = [row for row in rows(outputs) if row.started_at == STARTED_AT + timedelta(seconds=30)]
    assert [(row.coverage_s, row.final) for row in at_30_s] == [(5, False), (5, True), (10, True)]
    assert at_30_s[-1].laeq_db == pytest.approx(77.0, abs=0.02)


def test_complete_windows_are_dropped_from_memory() -> None:
    state, _ = run(labelled(n, [60.0], session=OTHER_SESSION) for n in range(7300))
    # the session began in the first of each length; before it there may have been another
    assert len(state.slots) == 3 + 3
    assert len(FOLD.dump(state)) < 3000


def test_a_second_session_cannot_change_a_complete_window() -> None:
    state, _ = run([labelled(n, [60.0]) for n in range(60)])
    intruder = labelled(0, [90.0], session=OTHER_SESSION, started_at=STARTED_AT.replace(second=20))
    state, outputs = run([intruder, tick(300)], state)
    assert state.too_late == 1
    assert all(row.laeq_db == 60.0 for row in rows(outputs) + rows(outputs, 60))


def test_unsynced_readings_are_not_folded() -> None:
    state, outputs = run([labelled(0, [60.0] * 30, clock="unsynced")])
    assert state == FOLD.empty("pole-07")
    assert outputs == [NOTHING]


def test_two_calibrations_are_said() -> None:
    _, outputs = run(
        [labelled(0, [60.0] * 5, calibration="a"), labelled(5, [60.0] * 7, calibration="b")]
    )
    assert rows(outputs)[0].calibration == "mixed"


def test_a_duplicate_changes_nothing_but_its_count() -> None:
    state, _ = run([labelled(0, [60.0] * 5)])
    again, outputs = run([labelled(0, [60.0] * 5)], state)
    assert outputs == [NOTHING]
    assert again.slots is state.slots
    assert again.ledger.duplicates == 5
