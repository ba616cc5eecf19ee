"""Days of readings: nothing within what is kept is ever dropped, and nothing older stays."""

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from processors.reading_days import LEAST_KEEP_DAYS, outdated, wait_s, wanted

DAYS = st.dates(date(2020, 1, 1), date(2040, 1, 1))
KEPT = st.integers(LEAST_KEEP_DAYS, 2000)


@given(days=st.sets(DAYS), today=DAYS, keep_days=KEPT)
def test_exactly_what_is_older_than_what_is_kept_goes(
    days: set[date], today: date, keep_days: int
) -> None:
    gone = outdated(days, today, today, keep_days)
    assert all((today - day).days > keep_days for day in gone)
    assert all((today - day).days <= keep_days for day in days - set(gone))


@given(days=st.sets(DAYS), clock=DAYS, reached=DAYS, keep_days=KEPT)
def test_no_clock_makes_a_record_older_than_what_it_has_reached_does(
    days: set[date], clock: date, reached: date, keep_days: int
) -> None:
    gone = outdated(days, clock, reached, keep_days)
    assert set(gone) <= set(outdated(days, reached, reached, keep_days))
    assert set(gone) <= set(outdated(days, clock, clock, keep_days))
    assert not outdated(days, clock, None, keep_days)


@given(today=DAYS, ahead=st.integers(1, 365), keep_days=KEPT)
def test_no_day_is_made_and_dropped_at_once(today: date, ahead: int, keep_days: int) -> None:
    made = wanted(today, ahead)
    assert not outdated(made, today, today, keep_days)
    assert made == [made[0] + timedelta(days=n) for n in range(len(made))]
    assert {today, today + timedelta(days=ahead)} <= set(made)


@given(seconds=st.floats(0, 1e9))
def test_every_utc_day_is_looked_after_once(seconds: float) -> None:
    now = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    after = now + timedelta(seconds=wait_s(now, done=True))
    assert (after.date() - now.date()).days == 1
    again = timedelta(seconds=wait_s(now, done=False))
    assert timedelta(0) < again < timedelta(hours=1)
