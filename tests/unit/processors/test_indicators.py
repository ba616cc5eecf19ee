from datetime import UTC, date, datetime, timedelta

import pytest

from processors.indicators import Level, calendar, days
from processors.registry import Limits, Site

BERLIN = calendar(Site(site="harbour", time_zone="Europe/Berlin"))
ROME = calendar(
    Site(
        site="porto",
        time_zone="Europe/Rome",
        day_starts="06:00",
        evening_starts="20:00",
        night_starts="22:00",
    )
)


def quarters(begin: datetime, hours: int, laeq_db: float = 60.0) -> list[Level]:
    return [Level(begin + timedelta(minutes=15 * n), 900, laeq_db) for n in range(4 * hours)]


@pytest.mark.parametrize(
    "on", [date(2026, 3, 29), date(2026, 5, 4), date(2026, 10, 25)], ids=["23 h", "24 h", "25 h"]
)
def test_a_constant_60_db_gives_66_4_and_full_coverage(on: date) -> None:
    begin = datetime(on.year, on.month, on.day, tzinfo=UTC) - timedelta(days=1)
    levels = days(quarters(begin, 96), BERLIN)[on]
    assert levels.lden_db == pytest.approx(66.4, abs=0.05)
    heard = [(period.laeq_db, period.coverage) for period in levels[:3] if period]
    assert len(heard) == 3
    assert all(one == pytest.approx((60.0, 1.0)) for one in heard)


def test_hours_of_the_country_are_the_weights() -> None:
    assert BERLIN.hours == (12.0, 4.0, 8.0)
    assert ROME.hours == (14.0, 2.0, 8.0)
    levels = days(quarters(datetime(2026, 5, 4, tzinfo=UTC), 48), ROME)[date(2026, 5, 4)]
    # 10 lg((14 · 10^6 + 2 · 10^6.5 + 8 · 10^7) / 24)
    assert levels.lden_db == pytest.approx(66.22, abs=0.01)


def test_a_night_belongs_to_the_date_on_which_it_begins() -> None:
    assert BERLIN.period(datetime(2026, 5, 5, 4, 59, tzinfo=UTC)) == (date(2026, 5, 4), "night")
    assert BERLIN.period(datetime(2026, 5, 5, 5, 0, tzinfo=UTC)) == (date(2026, 5, 5), "day")


def test_a_night_that_begins_at_midnight_belongs_to_its_own_date() -> None:
    late = calendar(Site(site="late", night_starts="00:00", day_starts="08:00"))
    assert late.period(datetime(2026, 5, 5, 1, tzinfo=UTC)) == (date(2026, 5, 5), "night")
    assert late.period(datetime(2026, 5, 5, 23, 59, tzinfo=UTC)) == (date(2026, 5, 5), "evening")


def test_nights_are_as_long_as_they_are() -> None:
    assert BERLIN.seconds(date(2026, 3, 28), "night") == 7 * 3600
    assert BERLIN.seconds(date(2026, 10, 24), "night") == 9 * 3600


def test_a_date_without_an_evening_has_no_lden() -> None:
    begin = datetime(2026, 5, 4, 5, tzinfo=UTC)
    levels = days(quarters(begin, 6), BERLIN)[date(2026, 5, 4)]
    assert levels.lden_db is None
    assert levels.day is not None
    assert levels.day.coverage == 0.5
    assert levels.day.exceeds is None


def test_limits_are_exceeded_by_corrected_levels() -> None:
    limits = Limits(day=58, evening=60, night=60)
    heard = quarters(datetime(2026, 5, 4, 5, tzinfo=UTC), 16)
    levels = days(heard, BERLIN, limits=limits, facade_db=-1.0)[date(2026, 5, 4)]
    assert [period and period.exceeds for period in levels[:3]] == [True, False, None]
