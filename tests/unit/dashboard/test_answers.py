"""Answers -> what a page shows; answers come from a reader that knows them by heart."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from typing import LiteralString, TypeVar

import pandas as pd
import pytest

from dashboard import answers, reports
from dashboard.charts import device as charts
from dashboard.columns import unmarked
from dashboard.spans import resolution_s, until_end_of
from dashboard.summary import summary
from dashboard.tables import csv, parquet, table
from records.alerts import Alert
from records.days import LoudHours, Percentiles
from records.devices import Device
from records.indicators import DayLevels
from records.labels import LabelSecond, LabelShare
from records.levels import Level, Spectrum
from records.spans import Span, last

Row = TypeVar("Row")
NOW = datetime(2026, 5, 4, 10, 15, tzinfo=UTC)
POLE = Device("pole-01", "harbour", "Quay", "busy", 54.3, 10.1, 4.0, 0.0, True, True, NOW)  # noqa: FBT003
SECOND = Level("pole-01", NOW, 60.0, 64.0, 65.0, None, None, None, 1, 0, None)


class Known:
    """A reader whose answers are given by their kind; it remembers what was asked."""

    def __init__(self, answers: Mapping[type, list[object]]) -> None:
        self.answers = answers
        self.asked: list[Mapping[str, object]] = []

    def rows(self, sql: LiteralString, asked: Mapping[str, object], of: type[Row]) -> list[Row]:
        """What is known of that kind."""
        assert sql
        self.asked.append(asked)
        return [row for row in self.answers.get(of, []) if isinstance(row, of)]


def test_ten_minutes_are_drawn_by_seconds_on_the_clocks_of_the_site() -> None:
    known: dict[type, list[object]] = {
        Level: [SECOND],
        LabelSecond: [LabelSecond(NOW, "siren", 900, 60.0)],
        Spectrum: [Spectrum(NOW, [50.0])],
    }
    shown = answers.of_device(Known(known), POLE, last(600, NOW), "Europe/Berlin")
    assert shown.levels.started_at[0] == datetime(2026, 5, 4, 12, 15)  # noqa: DTZ001
    assert (shown.step_s, shown.spectra_step_s, list(shown.labels.share)) == (1, 1, [1.0])


@pytest.mark.parametrize(
    ("seconds", "until"), [(3600, "2026-10-25T01:30Z"), (600, "2026-10-25T01:10Z"),
                           (86_400, "2026-03-29T22:00Z"), (86_400, "2026-10-25T23:00Z")],
)  # fmt: skip
def test_clocks_that_change_make_no_gap_and_lose_no_second(seconds: int, until: str) -> None:
    span = last(seconds, datetime.fromisoformat(until))
    step_s = resolution_s(span)
    heard = [
        SECOND._replace(started_at=span.begin + timedelta(seconds=n), coverage_s=step_s)
        for n in range(0, seconds, step_s)
    ]
    shown = answers.of_device(Known({Level: [*heard]}), POLE, span, "Europe/Berlin")
    told = summary(shown.levels, shown.seconds, shown.step_s)
    assert (told.coverage, told.gaps) == (1.0, 0)
    axis = charts.over_time(shown).layout.xaxis.range
    assert axis[0] <= shown.levels.started_at.min() < shown.levels.started_at.max() <= axis[1]


def test_relative_levels_are_not_averaged_with_calibrated_ones() -> None:
    """Twelve hours before the calibration, and twelve behind it."""
    hour = SECOND._replace(coverage_s=3600)
    rows = [
        hour._replace(
            started_at=NOW + timedelta(hours=n),
            laeq_db=-40.0 if n < 12 else 65.0,
            lafmax_db=-20.0 if n < 12 else 80.0,
            calibration=None if n < 12 else "2026-05-04a",
        )
        for n in range(24)
    ]
    shown = answers.of_device(Known({Level: [*rows]}), POLE, last(86_400, NOW), "UTC")
    told = summary(shown.levels, 86_400, 3600)
    assert told == (65.0, 80.0, 1.0, 0)


def test_percentiles_stand_beside_the_indicators_of_their_kind() -> None:
    day = DayLevels("pole-01", date(2026, 5, 4), False, -40, -40, -40, -38, 0.5, 0, 0, 0)  # noqa: FBT003
    kinds: list[object] = [day, day._replace(calibrated=True, ld_db=65.0)]
    heard = Percentiles("pole-01", day.date, True, 65.0, 68.0, 64.0, 60.0, 43_200)  # noqa: FBT003
    report = reports.levels(
        Known({DayLevels: kinds, Percentiles: [heard]}),
        "pole-01",
        reports.Asked(*reports.dates(86_400, day.date)),
    )
    assert list(report.calibrated) == [False, True]
    assert report.l50_db.fillna(0).tolist() == [0, 64.0]


def test_ten_years_of_a_device_without_data_ask_for_days_and_are_empty() -> None:
    known = Known({})
    shown = answers.of_device(known, POLE, last(315_360_000, NOW), "Europe/Berlin")
    assert shown.step_s == 86_400
    assert all(frame.empty for frame in shown[:4])
    assert {asked.get("length_s", 86_400) for asked in known.asked} == {86_400}


def test_a_month_tells_how_long_a_label_was_active_in_each_hour() -> None:
    hour = LabelShare(NOW, "birds", 0.25)
    shown = answers.of_device(
        Known({LabelShare: [hour]}), POLE, last(30 * 86_400, NOW), "Europe/Berlin"
    )
    assert list(shown.labels.share) == [0.25]


def test_an_open_alert_is_shown_to_this_moment_and_ten_minutes_at_most() -> None:
    alert = Alert(
        *(None, 1, "raised", "siren", "1", "harbour", "pole-01", "s", NOW, NOW, None, None),  # type: ignore[arg-type]
        *(80.0, 900, None, 9, False, None, None),
    )
    soon, late = (answers.around(alert, NOW + timedelta(seconds=s)) for s in (20, 9999))
    assert soon == Span(NOW - timedelta(seconds=30), NOW + timedelta(seconds=50))
    assert late.seconds == 600


def test_the_past_ends_with_its_day_and_never_lies_ahead() -> None:
    past = until_end_of(date(2026, 5, 2), 86_400, NOW, "Europe/Berlin")
    assert past.end == datetime(2026, 5, 2, 22, tzinfo=UTC)
    assert until_end_of(date(2027, 1, 1), 60, NOW, "Europe/Berlin").end == NOW


def test_a_month_without_coverage_is_a_table_of_empty_days() -> None:
    silent = DayLevels("pole-01", date(2026, 5, 4), None, None, None, None, None, 0, 0, 0, 0)
    report = reports.levels(
        Known({DayLevels: [silent], Percentiles: [], LoudHours: []}),
        "pole-01",
        reports.Asked(*reports.dates(86_400, date(2026, 5, 4))),
    )
    assert report.lden_db.isna().all()
    assert list(report.day_coverage) == [0]


def test_months_are_told_whole_whichever_day_is_asked_for() -> None:
    known, by = Known({}), reports.MONTH
    asked = reports.Asked(*reports.dates(30 * 86_400, date(2026, 5, 4), by), by)
    report = reports.levels(known, "pole-01", asked)
    assert list(report.date) == [date(2026, 4, 1), date(2026, 5, 1)]
    for each in known.asked:
        assert (each["first"], each["last"]) == (date(2026, 4, 1), date(2026, 5, 31))


def test_downloads_say_what_the_table_says() -> None:
    report = table([SECOND], Level, "UTC")
    assert pd.read_parquet(BytesIO(parquet(report))).equals(report)
    assert csv(report).startswith(b"device,started_at,laeq_db")


def test_names_are_no_markdown() -> None:
    assert unmarked("<b>a</b> $x$ :red[y]") == r"\<b\>a\</b\> \$x\$ \:red\[y\]"
