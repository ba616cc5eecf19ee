from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from zoneinfo import ZoneInfo

import pytest

from processors import window_seconds, windows
from processors.folds import Event, Tick, Ticks
from processors.window_memory import WindowTable
from processors.window_rows import WindowRow
from processors.window_seconds import Second
from tests.builders import OTHER_SESSION, STARTED_AT, labelled


class Street:
    """The fold of one device over a table in memory."""

    def __init__(self, zones: windows.Zones = MappingProxyType({})) -> None:
        self.fold = windows.fold(zones)
        self.state = self.fold.empty("pole-07")
        self.table = WindowTable()

    def hear(self, *events: Event) -> list[WindowRow]:
        """Rows that are written."""
        written = []
        for event in events:
            self.state, outputs = self.fold.step(self.state, event)
            written += self.table.apply(outputs)
        return written


def of(rows: Iterable[WindowRow], length_s: int = 10) -> list[WindowRow]:
    return [row for row in rows if row.length_s == length_s]


def tick(after_s: float) -> Tick:
    return Tick(STARTED_AT + timedelta(seconds=after_s))


def test_a_window_closes_two_seconds_after_its_end() -> None:
    street = Street()
    written = [street.hear(labelled(n, [60.0])) for n in range(12)]
    assert [n for n, rows in enumerate(written) if rows] == [11]  # the reading that ends at 12 s
    [row] = written[11]
    assert (row.final, row.coverage_s, row.laeq_db) == (True, 10, 60.0)


def test_levels_are_combined_as_energies() -> None:
    [row] = Street().hear(labelled(0, [60.0] * 5 + [70.0] * 5 + [60.0] * 2))
    assert row.laeq_db == pytest.approx(67.4, abs=0.01)
    assert row.lceq_db == pytest.approx(71.9, abs=0.01)
    assert row.lafmax_db == 78.0
    assert (row.l10_db, row.l50_db, row.l90_db) == (70.0, 70.0, 60.0)


def test_a_reading_belongs_to_the_window_of_its_middle() -> None:
    start = STARTED_AT - timedelta(seconds=0.4)
    [row] = Street().hear(labelled(0, [60.0] * 13, started_at=start))
    assert (row.started_at, row.coverage_s) == (STARTED_AT, 10)


def test_a_label_is_active_where_it_reaches_its_threshold() -> None:
    labels = [{"siren": 499, "birds": 800}] * 6 + [{"siren": 500}] * 3 + [{"siren": 901}] * 3
    [row] = Street().hear(labelled(0, [50.0] * 6 + [80.0] * 6, labels=labels))
    birds, siren = row.labels
    assert (birds.label, birds.origin, birds.active_s) == ("birds", "natural", 6)
    assert birds.laeq_active_db == 50.0
    assert (siren.active_s, siren.max_score, siren.mean_score) == (4, 901, 600)
    assert siren.laeq_active_db == 80.0


def test_labels_that_are_not_ours_are_left_out() -> None:
    [row] = Street().hear(labelled(0, [50.0] * 12, labels=[{"other": 900}] * 12))
    assert row.labels == ()


def test_larger_windows_hold_all_their_readings() -> None:
    street = Street()
    street.hear(*(labelled(n, [40.0 + n % 50]) for n in range(3605)), tick(100_000))
    table = street.table
    final = [sum(row.final for row in table.of(length_s)) for length_s in (10, 60, 900, 3600)]
    assert final == [360, 60, 4, 1]
    [hour, _] = table.of(3600)
    assert hour.coverage_s == 3600
    assert hour.lafmax_db == max(row.lafmax_db for row in table.of(60))
    assert sum(row.coverage_s for row in table.of(86400)) == 3605


def test_a_quarter_writes_the_hour_and_the_day_as_they_stand() -> None:
    rows = Street().hear(*(labelled(n, [60.0]) for n in range(905)))
    assert [(row.length_s, row.coverage_s, row.final) for row in rows if row.length_s > 60] == [
        (900, 900, True),
        (3600, 900, False),
        (86400, 900, False),
    ]


def test_days_are_those_of_the_site() -> None:
    street = Street({"harbour": ZoneInfo("Asia/Kolkata")})
    started_at = datetime(2026, 5, 4, 18, 20, tzinfo=UTC)  # ten minutes before midnight
    street.hear(labelled(0, [60.0] * 60, started_at=started_at))
    street.hear(labelled(700, [70.0] * 60, started_at=started_at + timedelta(seconds=700)))
    street.hear(Tick(started_at + timedelta(days=3)))
    today, tomorrow = street.table.of(86400)
    assert today.started_at == datetime(2026, 5, 3, 18, 30, tzinfo=UTC)
    assert (today.laeq_db, tomorrow.laeq_db) == (60.0, 70.0)


def test_a_silent_device_gets_its_last_window_early() -> None:
    street = Street()
    street.hear(labelled(0, [60.0] * 4))
    assert not street.hear(tick(14))
    [row] = street.hear(tick(15))
    assert (row.final, row.coverage_s) == (False, 4)
    assert not street.hear(tick(20))
    [minute] = street.hear(tick(65))
    assert (minute.length_s, minute.coverage_s, minute.final) == (60, 4, False)
    after = street.hear(labelled(70, [60.0] * 2))
    assert [(row.length_s, row.final) for row in after] == [(10, True), (60, True)]


@pytest.mark.parametrize("per_page", [2, 1])
def test_a_minute_that_falls_due_is_background_whichever_page_heard_it(per_page: int) -> None:
    """A tick has written all that was heard of it, but not the minute, which is not over."""
    fold, table = windows.fold(), WindowTable()
    at_work = fold.at_work({})
    siren = labelled(60, [60.0] * 60, labels=[{"siren": 900}] * 60)
    said = [(labelled(0, [50.0] * 45), tick(56)), (siren, tick(180))]
    for n, (batch, marked) in enumerate(said, 1):
        at_work.hear([batch], Ticks(marked, {}))
        if n % per_page == 0:
            table.apply(at_work.settle())
    [label] = table.at(60, STARTED_AT + timedelta(seconds=60)).labels
    assert label.source_leq_db == pytest.approx(59.54, abs=0.01)  # 60 dB without 50 dB
    assert label.energy_share == pytest.approx(0.9, abs=0.001)


def test_an_outage_filled_later_gives_whole_windows() -> None:
    street = Street()
    street.hear(labelled(0, [50.0] * 35), tick(60), labelled(3 * 86400, [70.0] * 60))
    street.hear(labelled(35, [80.0] * 60, received_at=STARTED_AT + timedelta(days=3)))
    row = street.table.at(10, STARTED_AT + timedelta(seconds=30))
    assert (row.coverage_s, row.final) == (10, True)
    assert row.laeq_db == pytest.approx(77.0, abs=0.02)
    assert street.table.at(60, STARTED_AT).coverage_s == 60


def test_the_state_does_not_grow() -> None:
    street = Street()
    siren = [{"siren": 900}] * 20
    street.hear(*(labelled(n, [60.0] * 20, labels=siren) for n in range(0, 7300, 20)))
    assert len(street.state.held) == 1
    assert len(street.fold.dump(street.state)) < 700


def test_two_agents_with_one_id_are_counted() -> None:
    street = Street()
    street.hear(*(labelled(n, [60.0]) for n in range(30)))
    street.hear(*(labelled(n, [60.0], session=OTHER_SESSION) for n in range(5, 60)))
    assert street.state.overlapping > 30
    assert street.table.at(10, STARTED_AT).laeq_db == 60.0


def test_a_restart_is_not_two_agents() -> None:
    street = Street()
    street.hear(labelled(0, [60.0] * 30))
    later = STARTED_AT + timedelta(seconds=32)
    street.hear(labelled(0, [60.0] * 60, session=OTHER_SESSION, started_at=later))
    assert street.state.overlapping == 0


@pytest.mark.parametrize("year", [1970, 2099])
def test_a_time_that_cannot_be_disturbs_nothing(year: int) -> None:
    street = Street()
    street.hear(labelled(0, [60.0] * 5))
    before = street.state
    wrong = labelled(5, [90.0], started_at=STARTED_AT.replace(year=year), received_at=STARTED_AT)
    assert not street.hear(wrong)
    assert street.state == before._replace(off_clock=1)


def test_a_jump_of_seq_is_missing_until_it_comes() -> None:
    street = Street()
    street.hear(labelled(0, [60.0] * 5), labelled(65, [60.0] * 5))
    assert street.state.account().missing == 60
    street.hear(labelled(5, [60.0] * 60))
    assert street.state.account().missing == 0


def test_unsynced_readings_are_not_folded() -> None:
    street = Street()
    before = street.state
    assert not street.hear(labelled(0, [60.0] * 30, clock="unsynced"))
    assert street.state == before


def test_two_calibrations_are_said() -> None:
    street = Street()
    rows = street.hear(
        labelled(0, [60.0] * 5, calibration="a"), labelled(5, [60.0] * 7, calibration="b")
    )
    assert of(rows)[0].calibration == "mixed"


def test_a_duplicate_changes_nothing_but_its_count() -> None:
    street = Street()
    street.hear(labelled(0, [60.0] * 5))
    before = street.state
    assert not street.hear(labelled(0, [60.0] * 5))
    assert street.state.held is before.held
    assert street.state.ledger.duplicates == 5


def test_a_source_is_told_from_the_background_before_it() -> None:
    street = Street()
    quiet = [labelled(60 * n, [50.0] * 60) for n in range(3)]
    loud = [70.0] * 10 + [50.0] * 50
    siren = [{"siren": 900}] * 10 + [{}] * 50
    street.hear(*quiet, labelled(180, loud, labels=siren), labelled(240, [50.0] * 3))
    [heard] = street.table.at(60, STARTED_AT + timedelta(minutes=3)).labels
    assert (heard.events, heard.active_s, heard.laeq_active_db) == (1, 10, 70.0)
    assert heard.source_leq_db == pytest.approx(69.96, abs=0.01)  # 70 dB without 50 dB
    assert heard.source_leq_upper_db is None
    assert heard.energy_share == pytest.approx(0.943, abs=0.001)


def test_a_source_no_louder_than_the_background_has_an_upper_bound_only() -> None:
    street = Street()
    quiet = [labelled(60 * n, [50.0] * 60) for n in range(3)]
    birds = [{"birds": 900}] * 10 + [{}] * 50
    street.hear(*quiet, labelled(180, [52.0] * 10 + [50.0] * 50, labels=birds))
    [heard] = street.table.at(10, STARTED_AT + timedelta(minutes=3)).labels
    assert (heard.source_leq_db, heard.source_leq_upper_db) == (None, 52.0)


def test_windows_stored_in_the_first_format_are_read() -> None:
    stored = bytes.fromhex(
        "01030001000000581bf41a602201000a0161cb444271764eb6429d0209f401eb17dc0598efc409ee1b05626972"
        "647301000000620205736972656e02000000f4010200e603"
    )
    heard = window_seconds.load(stored)
    assert heard.each() == [
        Second(500, 6123, (("birds", 610), ("siren", 500))),
        Second(1500, -4200),
        Second(2500, 7150, (("siren", 998),)),
    ]
    assert heard[4:] == (12345678901234567890123, 9, (7000, 6900, 8800), 1, 0, "a")
    assert window_seconds.load(window_seconds.dump(heard)) == heard
