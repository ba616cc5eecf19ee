"""The views of hour and day indicators against their reference in Python, and against clocks."""

import math
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, LiteralString
from zoneinfo import ZoneInfo

import psycopg
import pytest

from acoustics.decibels import level_of
from processors import window_sums
from processors.adapters import site_tables
from processors.indicators import Level, calendar, days
from processors.registry import Device, Limits, Registry, Site
from records import days as records_days
from records import indicators as records_indicators
from records.adapters.postgres import PostgresReader
from records.reader import Row
from tests.database import Database
from tests.recorded import address

BERLIN = Site(
    site="harbour", time_zone="Europe/Berlin", limits_db=Limits(day=65, evening=60, night=55)
)
ROME = Site(
    site="porto",
    time_zone="Europe/Rome",
    day_starts="06:00",
    evening_starts="20:00",
    night_starts="22:00",
)
LATE = Site(site="late", time_zone="America/St_Johns", day_starts="08:00", night_starts="00:00")
FACADE_DB = -3.0
VIEWS = ("period_window", "indicator_period", "indicator_day")
_DEVICE = """
INSERT INTO device (device, site, name, street, facade_correction_db)
VALUES ('indicated', %s, '', '', %s)"""
_SITE = """
INSERT INTO site VALUES (%s, '', %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (site) DO UPDATE SET name = excluded.name"""
_WINDOW = """
INSERT INTO level_window (site, device, length_s, started_at, calibration, laeq_db, lceq_db,
    lzeq_db, lafmax_db, lasmax_db, lcpeak_db, l10_db, l50_db, l90_db, coverage_s, overload_s,
    floor_s, final)
SELECT %s, 'indicated', length_s, at, 'a', laeq_db, 0, 0, 0, 0, 0, 0, 0, 0, coverage_s, 0, 0, true
FROM unnest(%s::integer[], %s::timestamptz[], %s::float8[], %s::integer[])
    AS heard (length_s, at, laeq_db, coverage_s)"""


@pytest.fixture
def indicated(database: Database) -> Iterator[Database]:
    yield database
    database.query("DELETE FROM device WHERE device = 'indicated'")
    database.query("DELETE FROM stand WHERE device = 'indicated'")
    database.query("DELETE FROM site WHERE site <> 'harbour'")


def stands(database: Database, site: Site, facade_correction_db: float) -> None:
    """Load a file by which the device stands at a site."""
    pole = Device(device="indicated", facade_correction_db=facade_correction_db)
    placed = site.model_copy(update={"devices": (pole,)})
    site_tables.load(database.settings, Registry((placed,), {"indicated": site.site}), [])


def heard(begin: datetime, quarters: int) -> list[Level]:
    """Quarters of any level, some of them not fully heard, some not at all."""
    return [
        Level(begin + timedelta(minutes=15 * n), 900 - 7 * (n % 5), 50.0 + 13 * n % 29)
        for n in range(quarters)
        if n % 17
    ]


def fill(database: Database, site: Site, levels: list[Level], length_s: int = 900) -> None:
    limits = site.limits_db
    allowed = (limits.day, limits.evening, limits.night) if limits else (None, None, None)
    starts = (site.day_starts, site.evening_starts, site.night_starts)
    database.query(_SITE, site.site, site.time_zone, *starts, *allowed)
    database.query("DELETE FROM device WHERE device = 'indicated'")
    database.query(_DEVICE, site.site, FACADE_DB)
    at, coverage_s, laeq_db = zip(*levels, strict=True)
    columns = ([length_s] * len(levels), list(at), list(laeq_db), list(coverage_s))
    database.query(_WINDOW, site.site, *columns)


@pytest.mark.parametrize("site", [BERLIN, ROME, LATE], ids=lambda site: site.time_zone)
@pytest.mark.parametrize("month", [3, 10], ids=["forward", "back"])
def test_views_agree_with_the_reference(indicated: Database, site: Site, month: int) -> None:
    begin = datetime(2026, month, 22 if month == 10 else 6, tzinfo=UTC)
    levels = heard(begin, 96 * 26)
    fill(indicated, site, levels)
    expected = days(levels, calendar(site), limits=site.limits_db, facade_db=FACADE_DB)
    rows = indicated.query(
        "SELECT date, ld_db, le_db, ln_db, lden_db, day_coverage, evening_coverage, night_coverage "
        "FROM indicator_day WHERE device = 'indicated' ORDER BY date"
    )
    assert [row[0] for row in rows] == list(expected)
    for row, day in zip(rows, expected.values(), strict=True):
        values = [period and period.laeq_db for period in day[:3]]
        coverages = [period and period.coverage for period in day[:3]]
        assert row[1:] == pytest.approx((*values, day.lden_db, *coverages), abs=1e-4)
    told = indicated.query(
        "SELECT date, period, exceeds FROM indicator_period WHERE device = 'indicated'"
    )
    assert {(on, period): exceeds for on, period, exceeds in told} == {
        (on, period): level.exceeds
        for on, day in expected.items()
        for period, level in zip(("day", "evening", "night"), day[:3], strict=True)
        if level
    }


@pytest.mark.parametrize("month", [3, 5, 10], ids=["with 23 h", "of 24 h", "with 25 h"])
def test_a_constant_60_db_gives_66_4(indicated: Database, month: int) -> None:
    begin = datetime(2026, month, 24, tzinfo=UTC)
    fill(
        indicated, BERLIN, [Level(begin + timedelta(minutes=15 * n), 900, 63.0) for n in range(672)]
    )
    whole = indicated.query(
        "SELECT lden_db, day_coverage, evening_coverage, night_coverage FROM indicator_day "
        "WHERE device = 'indicated' ORDER BY date OFFSET 1 LIMIT 5"
    )
    assert whole == [pytest.approx((66.4, 1.0, 1.0, 1.0), abs=0.05)] * 5


def test_hours_above_the_limit_are_counted_by_the_local_clock(indicated: Database) -> None:
    begin = datetime(2026, 5, 4, tzinfo=UTC)  # 02:00 in Berlin
    loud = {5, 20, 22}  # 07:00, 22:00 and 00:00: day, evening and night
    fill(
        indicated,
        BERLIN,
        [Level(begin + timedelta(hours=n), 3600, 67.0 if n in loud else 50.0) for n in range(24)],
        length_s=3600,
    )
    exceeding = indicated.query(
        "SELECT date::text, period, limit_db FROM indicator_hour "
        "WHERE device = 'indicated' AND exceeds ORDER BY started_at"
    )
    assert exceeding == [("2026-05-04", "evening", 60.0), ("2026-05-04", "night", 55.0)]


def test_the_past_of_a_device_that_has_moved_goes_by_the_site_where_it_was(
    indicated: Database,
) -> None:
    fill(indicated, LATE, heard(datetime(2026, 3, 6, tzinfo=UTC), 96 * 5))
    stands(indicated, LATE, FACADE_DB)
    looks = [f"SELECT * FROM {view} ORDER BY 1, 2, 3, 4, 5" for view in VIEWS]  # noqa: S608
    before = [indicated.query(look) for look in looks]
    stands(indicated, BERLIN, 4.0)
    assert indicated.query(
        "SELECT site, facade_correction_db FROM device WHERE device = 'indicated'"
    ) == [("harbour", 4.0)]
    assert all(before)
    assert [indicated.query(look) for look in looks] == before
    stands(indicated, LATE, FACADE_DB + 1)  # measured anew where it was
    [(shift_db,)] = indicated.query(
        "SELECT max(laeq_db) - %s FROM period_window", max(row[5] for row in before[0])
    )
    assert shift_db == pytest.approx(1)


def test_hours_above_the_limit_count_at_the_site_where_they_were(indicated: Database) -> None:
    """On the day of a move both sites have a row."""
    begin = datetime(2026, 5, 4, 6, tzinfo=UTC)
    loud = [Level(begin + timedelta(hours=n), 3600, 70.0) for n in range(10)]
    for length_s, levels in ((900, [loud[0], loud[5]]), (3600, loud)):
        fill(indicated, BERLIN, levels, length_s=length_s)
    limited = Site(site="porto", time_zone="Europe/Rome", limits_db=BERLIN.limits_db)
    fill(indicated, limited, [Level(begin + timedelta(hours=12), 3600, 70.0)], length_s=3600)
    fill(indicated, limited, [Level(begin + timedelta(hours=12), 900, 70.0)])
    assert indicated.query(
        "SELECT date::text, site, hours_over_limit FROM indicator_day ORDER BY site"
    ) == [("2026-05-04", "harbour", 10), ("2026-05-04", "porto", 1)]


def test_only_windows_of_the_devices_and_dates_are_read(indicated: Database) -> None:
    site = Site(site="late", time_zone="America/St_Johns")
    for year in (2025, 2026):
        begin = datetime(year, 3, 1, tzinfo=UTC)
        fill(indicated, site, heard(begin, 96 * 61))
        hours = [Level(begin + timedelta(hours=n), 3600, 50.0) for n in range(24 * 61)]
        fill(indicated, site, hours, length_s=3600)
    indicated.query(
        "INSERT INTO level_window SELECT (jsonb_populate_record(one, "
        "jsonb_build_object('device', other))).* FROM level_window AS one, "
        "unnest(ARRAY['pole-01', 'pole-02']) AS other"
    )
    indicated.query("ANALYZE level_window, device, site")
    first, last = date(2026, 4, 4), date(2026, 4, 5)
    [(whole,)] = indicated.query("SELECT count(*) FROM level_window")
    for question, days_read in (
        (records_indicators.by_day, 7),
        (records_indicators.by_month, 30 + 5),
        (records_days.hours_over, 7),
    ):
        explained = Explained(indicated)
        question(explained, ["indicated"], first, last)
        assert 0 < explained.touched <= days_read * (96 + 24) < whole / 9, question


class Explained:
    """A reader that counts the windows which PostgreSQL touches, and answers nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.touched = 0

    def rows(self, sql: LiteralString, asked: Mapping[str, object], of: type[Row]) -> list[Row]:
        del of
        with psycopg.connect(self._database.postgres.conninfo("cityhum_reader")) as connection:
            [(plan,)] = connection.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + sql, asked)
        self.touched += touched(plan[0]["Plan"])
        return []


def touched(node: Mapping[str, Any]) -> int:
    """Count rows of `level_window` that a plan has read, also those it then left out."""
    below = sum(touched(one) for one in node.get("Plans", ()))
    if node.get("Relation Name") != "level_window":
        return below
    removed = ("Rows Removed by Filter", "Rows Removed by Index Recheck")
    read = node["Actual Rows"] + sum(node.get(name, 0) for name in removed)
    return below + int(read * node["Actual Loops"])


@pytest.mark.parametrize(
    ("time_zone", "begins"),
    [
        ("Asia/Tokyo", datetime(2026, 10, 31, 15, tzinfo=UTC)),
        ("America/Havana", datetime(2026, 11, 1, 4, tzinfo=UTC)),  # midnight, and an hour later
    ],
)
def test_dates_are_those_of_the_site_where_the_device_was(
    indicated: Database, time_zone: str, begins: datetime
) -> None:
    on = date(2026, 11, 1)
    assert datetime(2026, 11, 1, tzinfo=ZoneInfo(time_zone)).timestamp() == begins.timestamp()
    site = Site(site="late", time_zone=time_zone)
    fill(indicated, site, [Level(begins, 86400, 63.0)], length_s=86400)
    sums = window_sums.dump(window_sums.Sums(seconds=1, energies=(10, 0, 0), classes={600: 1}))
    indicated.query("UPDATE level_window SET sums = %s", sums)
    day_before = on - timedelta(days=1)
    with PostgresReader(address(indicated)) as reader:
        for now_at in ("late", "harbour"):
            indicated.query("UPDATE device SET site = %s WHERE device = 'indicated'", now_at)
            (row,) = records_days.percentiles(reader, ["indicated"], on, on)
            (month,) = records_days.percentiles_by_month(reader, ["indicated"], on, on)
            assert (row.date, month.date) == (on, on)
            assert not records_days.percentiles(reader, ["indicated"], day_before, day_before)


def test_a_month_in_which_a_device_moved_has_the_correction_of_each_site(
    indicated: Database,
) -> None:
    heard_at = {"porto": (ROME, -3.0), "harbour": (BERLIN, 4.0)}
    for number, (site, correction_db) in enumerate(heard_at.values()):
        begins = datetime(2026, 5, 3 + number, 22, tzinfo=UTC)
        fill(indicated, site, [Level(begins, 86400, 60.0)], length_s=86400)
        stands(indicated, site, correction_db)
    indicated.query(
        "UPDATE level_window SET sums = %s",
        window_sums.dump(window_sums.Sums(seconds=1, energies=(10**10, 0, 0), classes={600: 1})),
    )
    first, last = date(2026, 5, 1), date(2026, 5, 31)
    with PostgresReader(address(indicated)) as reader:
        days_of = records_days.percentiles(reader, ["indicated"], first, last)
        (month,) = records_days.percentiles_by_month(reader, ["indicated"], first, last)
    assert [day.laeq_db for day in days_of] == [57.0, 64.0]
    mean_db = level_of(10**10, 1) + 10 * math.log10((10**-0.3 + 10**0.4) / 2)
    assert month.laeq_db == pytest.approx(mean_db, abs=1e-6)
    assert (month.l10_db, month.l90_db) == pytest.approx((64.0, 57.0), abs=0.05)


def test_the_reader_may_look(indicated: Database) -> None:
    for view in ("indicator_hour", "indicator_day", "indicator_period", "origin_window", "ledger"):
        [(allowed,)] = indicated.query(
            f"SELECT has_table_privilege('cityhum_reader', '{view}', 'SELECT')"
        )
        assert allowed
