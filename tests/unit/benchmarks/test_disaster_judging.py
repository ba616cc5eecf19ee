"""A disaster may change what is made of what it took, and nothing else."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from benchmarks.disaster_judging import at_once, changed, judged
from benchmarks.disaster_scenes import Disaster, Facts
from benchmarks.faults import Scene
from benchmarks.faults_record import Record, Row, ended

BEGAN_AT = datetime(2026, 5, 4, 10, tzinfo=UTC)
COLUMNS: dict[str, Sequence[str]] = {
    "reading": ("device", "started_at"),
    "level_window": ("device", "length_s", "started_at", "laeq_db", "coverage_s", "sums"),
    "label_window": ("device", "length_s", "started_at", "label"),
    "alert": ("device", "rule", "onset_at", "raised_at", "ended_at"),
}
MINUTES = 60


def at(seconds: float) -> str:
    return str(BEGAN_AT + timedelta(seconds=seconds))


def alert(begin_s: float, end_s: float, rule: str = "siren") -> Row:
    return ("pole", rule, at(begin_s), at(begin_s + 2), at(end_s))


def level(
    begin_s: int, length_s: int = 10, laeq_db: float = 60, left: int | None = None, sums: str = ""
) -> Row:
    return ("pole", str(length_s), at(begin_s), str(laeq_db), str(left or length_s), sums)


def record(
    lost: Iterable[int] = (), levels: Iterable[Row] = (), alerts: Iterable[Row] = ()
) -> Record:
    """An hour of one device; without some seconds, their windows as given."""
    seconds = set(range(3600)) - set(lost)
    given = {row[2]: row for row in levels}
    windows = {level(s) for s in range(0, 3600, 10) if at(s) not in given} | set(given.values())
    return Record(
        stored_readings=len(seconds),
        distinct_readings=len(seconds),
        folded_readings=len(seconds),
        open_alerts=0,
        undelivered=0,
        delivered_twice=0,
        unknown_ids=0,
        missing_ids=0,
        dead_letters=0,
        columns=COLUMNS,
        tables={
            "reading": {("pole", at(s)) for s in seconds},
            "level_window": windows,
            "label_window": {("pole", "10", at(s), "siren") for s in range(0, 3600, 10)},
            "alert": set(alerts),
        },
    )


async def happens(_: Scene, __: float) -> Facts:
    return {}


def verdict(calm: Record, told: Record, *, named: int) -> bool:
    kafka = Disaster("kafka_destroyed", happens, log_is_lost=True)
    ok: bool = judged(kafka, calm, told, {}, {"readings": named, "windows": 0})["ok"]
    return ok


def test_windows_and_alerts_around_what_is_lost_may_differ() -> None:
    calm = record(alerts=[alert(1805, 1815)])
    after = level(1860, sums="with the own levels of labels")
    told = record(lost=[1800, 1801], levels=[level(1800, laeq_db=61, left=8), after])
    assert changed(calm, told) == {}
    assert verdict(calm, told, named=2)
    assert verdict(calm, replace(told, folded_readings=3599), named=2)  # ahead of the archive
    assert not verdict(calm, told, named=1)


@pytest.mark.parametrize(
    "more",
    [
        record(lost=[1800], levels=[level(1800, left=9), level(3000, laeq_db=63)]),
        record(lost=[1800], levels=[level(1800, left=9)], alerts=[alert(3000, 3010)]),
    ],
    ids=["levels elsewhere", "an alert elsewhere"],
)
def test_nothing_else_may(more: Record) -> None:
    assert sum(changed(record(), more).values()) > 0
    assert not verdict(record(), more, named=1)


def test_no_reading_may_be_another() -> None:
    told = record(lost=[1800], levels=[level(1800, left=9)])
    told = replace(told, tables={**told.tables, "reading": {("pole", at(9999))}})
    assert changed(record(), told)["reading"] == 1


def test_alerts_of_one_rule_at_once_are_one_too_many() -> None:
    after = alert(120, 140)
    assert at_once(record(alerts=[alert(100, 120), after, alert(110, 115, rule="loud")])) == 0
    twice = record(alerts=[alert(100, 125), after])
    assert at_once(twice) == 1
    assert not verdict(twice, twice, named=0)


def test_windows_that_the_recording_does_not_fill_are_not_compared() -> None:
    told = record(levels=[level(2700, length_s=900), level(3000, length_s=900)])
    whole = ended(told, BEGAN_AT + timedelta(seconds=3600))
    assert told.tables["level_window"] - whole.tables["level_window"] == {level(3000, length_s=900)}
