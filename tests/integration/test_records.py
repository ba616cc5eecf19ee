"""Questions to the record, answered by a real database through the reader's rights."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest

from records import alerts, devices, indicators, labels, levels, sounds, windows
from records.adapters.postgres import PostgresReader
from records.spans import Span, last
from schemas.errors import BadQuestion, Unavailable
from tests.database import Database
from tests.recorded import ALERT_IDS, HOUR, LOUD, QUIET, SECONDS, SILENT, address, fill

_EVERY_DAY = """
INSERT INTO label_window (device, length_s, started_at, label, origin, active_s, mean_score,
    max_score, laeq_active_db, events, source_leq_db, energy_share)
SELECT %s, 86400, at, 'sound_' || n, 'human', 100 * n, 800, 900, 66, 1, 64.5, 0.1
FROM generate_series(%s, %s - interval '1 s', interval '1 day') AS at,
     generate_series(1, 8) AS n"""

_RELATIVE = """
INSERT INTO label_window (device, length_s, started_at, label, origin, active_s, mean_score,
    max_score, laeq_active_db, events, source_leq_db, energy_share)
SELECT %s, length_s, started_at, label, origin, active_s, mean_score, max_score, -18, events, -20,
       energy_share
FROM label_window WHERE device = %s"""


@pytest.fixture
def reader(database: Database) -> Iterator[PostgresReader]:
    fill(database)
    with PostgresReader(address(database)) as opened:
        yield opened


def test_levels_are_answered_in_seconds_and_in_windows(reader: PostgresReader) -> None:
    seconds = levels.over_time(reader, [LOUD], HOUR, 1)
    assert [row.laeq_db for row in seconds[:2]] == [60, 61]
    assert len(seconds) == SECONDS
    quarters = levels.over_time(reader, [LOUD, QUIET, SILENT], HOUR, 900)
    assert [(row.device, row.laeq_db) for row in quarters] == 4 * [(LOUD, 65.25)] + 4 * [
        (QUIET, 50.5)
    ]
    assert sum(row.coverage_s for row in quarters if row.device == LOUD) == 3600


def test_labels_are_answered_by_the_second_and_by_the_window(reader: PostgresReader) -> None:
    heard = labels.by_second(reader, LOUD, HOUR)
    assert [(row.label, row.score) for row in heard] == 5 * [("siren", 900)]  # wind is not active
    found = labels.in_windows(reader, [LOUD, QUIET], HOUR, 900, labels=["siren"])
    assert [(row.label, row.active_s, row.source_leq_db) for row in found.items] == [
        ("siren", 5, 64.5)
    ]


def test_seconds_whose_time_is_a_guess_have_neither_levels_nor_labels(
    reader: PostgresReader, database: Database
) -> None:
    database.query("UPDATE reading SET clock = 'unsynced' WHERE seq >= 2")
    assert len(levels.over_time(reader, [LOUD], HOUR, 1)) == 2
    assert len(labels.by_second(reader, LOUD, HOUR)) == 2


def test_ten_years_of_days_reach_today_with_the_labels_heard_most(
    reader: PostgresReader, database: Database
) -> None:
    decade = last(3652 * 86_400, HOUR.end)
    database.query(_EVERY_DAY, QUIET, decade.begin, decade.end)
    found = labels.shares(reader, QUIET, decade, 86_400, most=7)
    assert {row.label for row in found} == {f"sound_{n}" for n in range(2, 9)}
    assert len(found) == 7 * 3652
    newest = found[-1]
    assert newest.started_at == decade.end - timedelta(days=1)
    assert (newest.label, newest.share) == ("sound_8", 800 / 86_400)


def test_hours_heard_without_a_label_count_as_hours_without_it(
    reader: PostgresReader, database: Database
) -> None:
    quiet = "UPDATE level_window SET started_at = started_at + interval '1 hour' WHERE device = %s"
    database.query(quiet, QUIET)
    both = Span(HOUR.begin, HOUR.end + timedelta(hours=1))
    found = sounds.rhythm(reader, [LOUD, QUIET], both, "UTC")
    assert [(row.label, row.weekday, row.hour, row.active_s, row.coverage_s) for row in found] == [
        (label, 1, hour, active_s, 3600)
        for label in ("birds", "siren")
        for hour, active_s in ((10, 5), (11, 0))
    ]


def test_relative_levels_are_not_compared_with_calibrated_ones(
    reader: PostgresReader, database: Database
) -> None:
    database.query("UPDATE level_window SET calibration = NULL WHERE device = %s", QUIET)
    database.query(_RELATIVE, QUIET, LOUD)
    of_both = sounds.loudest(reader, [LOUD, QUIET], HOUR, 900)
    assert [(row.label, row.active_s, row.source_leq_db) for row in of_both] == [
        ("birds", 10, 64.5),
        ("siren", 10, 64.5),
    ]
    assert {(row.loudest_device, row.loudest_db, row.calibrated) for row in of_both} == {
        (LOUD, 64.5, True)
    }
    of_one = sounds.loudest(reader, [QUIET], HOUR, 900)
    assert {(row.loudest_device, row.loudest_db, row.calibrated) for row in of_one} == {
        (QUIET, -20, False)
    }


def test_pages_hold_every_row_once_in_order(reader: PostgresReader) -> None:
    def walk(limit: int) -> list[tuple[datetime, str]]:
        found, cursor = [], None
        while True:
            page = windows.of_length(reader, [LOUD, QUIET], HOUR, 60, cursor=cursor, limit=limit)
            found += [(row.started_at, row.device) for row in page.items]
            if (cursor := page.next) is None:
                return found

    assert walk(7) == walk(1000) == sorted(walk(7))
    assert len(walk(7)) == 120


def test_a_window_is_told_as_it_is_published(reader: PostgresReader) -> None:
    first = windows.of_length(reader, [LOUD], HOUR, 900).items[0]
    assert (first.laeq_db, first.l90_db) == (65.25, 59.25)
    assert [(one.label, one.origin) for one in first.labels] == [
        ("birds", "natural"),
        ("siren", "technogenic"),
    ]


def test_alerts_come_newest_first_and_page_by_page(reader: PostgresReader) -> None:
    first = alerts.newest(reader, HOUR, limit=2)
    second = alerts.newest(reader, HOUR, cursor=first.next, limit=10)
    ids = [alert.alert_id for alert in (*first.items, *second.items)]
    assert ids == list(reversed(ALERT_IDS))
    still = alerts.newest(reader, HOUR, alerts.Wanted(open_only=True, devices=[LOUD]))
    assert [alert.alert_id for alert in still.items] == [ALERT_IDS[-1]]
    found = alerts.one(reader, ALERT_IDS[0])
    assert found is not None
    assert found.state == "cleared"


def test_all_alerts_of_a_span_are_read_page_by_page(reader: PostgresReader) -> None:
    found = alerts.every(reader, HOUR, at_once=2)
    assert [alert.alert_id for alert in found] == list(reversed(ALERT_IDS))


def test_alerts_overlap_a_span_that_began_after_them(reader: PostgresReader) -> None:
    end = HOUR.begin.timestamp() + 9
    for seconds, expected in (
        (end - 1, {ALERT_IDS[0]}),  # in its last second
        (end, set()),
        (HOUR.end.timestamp(), {ALERT_IDS[-1]}),  # still open
    ):
        begin = datetime.fromtimestamp(seconds, UTC)
        found = alerts.overlapping(reader, LOUD, Span(begin, begin + timedelta(seconds=5)), 9)
        assert {alert.alert_id for alert in found} == expected


def test_a_month_that_nobody_heard_says_coverage_0(reader: PostgresReader) -> None:
    month = indicators.by_day(reader, [SILENT], date(2026, 4, 1), date(2026, 4, 30))
    assert len(month) == 30
    assert all(row.day_coverage == 0 and row.lden_db is None for row in month)


def test_a_day_has_its_levels_and_its_coverage(reader: PostgresReader) -> None:
    (day,) = indicators.by_day(reader, [LOUD], date(2026, 5, 4), date(2026, 5, 4))
    assert day.ld_db == pytest.approx(65.25 - 3)  # the façade's correction
    assert day.day_coverage == pytest.approx(1 / 12)
    assert day.night_coverage == 0
    (month,) = indicators.by_month(reader, [LOUD], date(2026, 5, 4), date(2026, 5, 4))
    assert month.date == date(2026, 5, 1)
    assert month.ld_db == pytest.approx(65.25 - 3)
    assert month.day_coverage == pytest.approx(1 / 12 / 31)


def test_unknown_devices_are_told_apart_from_silent_ones(reader: PostgresReader) -> None:
    devices.require(reader, [LOUD, SILENT])
    with pytest.raises(devices.UnknownDevice, match="'pole-99'"):
        devices.require(reader, [LOUD, "pole-99"])
    assert {one.device for one in devices.installed(reader)} >= {LOUD, QUIET, SILENT}


def test_a_statement_that_takes_too_long_is_cancelled(database: Database) -> None:
    with (
        PostgresReader(address(database), statement_s=0.01) as hurried,
        pytest.raises(Unavailable, match=r"took longer than 0\.01 s"),
    ):
        hurried.rows("SELECT pg_sleep(5)::text AS device", {}, devices._Named)


def test_a_database_that_was_away_answers_again(database: Database) -> None:
    with PostgresReader(address(database)) as reader:
        assert devices.sites(reader)
        database.postgres.stop()
        try:
            with pytest.raises(Unavailable, match="database: "):
                devices.sites(reader)
        finally:
            database.postgres.start()
        assert devices.sites(reader)


def test_what_no_column_can_hold_is_a_bad_question(reader: PostgresReader) -> None:
    with pytest.raises(BadQuestion):
        devices.require(reader, ["pole\x00"])


def test_the_reader_can_write_nothing(reader: PostgresReader) -> None:
    with pytest.raises(Exception, match="read-only"):
        reader.rows("DELETE FROM alert RETURNING device", {}, devices._Named)
