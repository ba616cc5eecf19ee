from datetime import UTC, datetime, timedelta

import pytest

from processors.archive import (
    FOLD,
    ArchiveState,
    IndicesRow,
    ReadingRow,
    dead_letter_row,
    indices_row,
    status_row,
)
from processors.dead_letters import headers, told
from processors.folds import NOTHING, Event, Outputs, Tick
from schemas.codec import decode
from schemas.messages import Indices, Status
from schemas.results import DeadLetter
from tests.builders import OTHER_SESSION, SESSION, STARTED_AT, labelled, levels


def run(*events: Event) -> tuple[ArchiveState, list[Outputs]]:
    state, outputs = FOLD.empty("pole-07"), []
    for event in events:
        state, output = FOLD.step(FOLD.load(FOLD.dump(state)), event)
        outputs.append(output)
    return state, outputs


def status(at_s: float | None, *, session: str = SESSION, online: bool = True) -> Status:
    at = None if at_s is None else STARTED_AT + timedelta(seconds=at_s)
    return Status(site="harbour", device="pole-07", session=session, online=online, at=at)


def test_every_reading_is_a_row() -> None:
    batch = labelled(7, [60.0, 61.5], labels=[{"siren": 700, "birds": 400}, {}])
    _, [output] = run(batch)
    first, second = output.rows
    assert isinstance(first, ReadingRow)
    assert isinstance(second, ReadingRow)
    assert ReadingRow.model_validate(first.model_dump()) == first
    assert (first.seq, first.labels, first.scores) == (7, ("birds", "siren"), (400, 700))
    assert (second.seq, second.labels, second.laeq_1s_db) == (8, (), 61.5)
    assert second.started_at == STARTED_AT + timedelta(seconds=8)
    assert second.third_octaves_db == batch.levels[1].third_octaves_db


def test_unsynced_and_unclassified_readings_are_archived() -> None:
    batch = labelled(0, clock="unsynced", model=None).model_copy(update={"labels": ()})
    _, [output] = run(batch)
    [row] = output.rows
    assert isinstance(row, ReadingRow)
    assert (row.clock, row.model, row.labels) == ("unsynced", None, ())


def test_a_duplicate_gives_no_row() -> None:
    state, outputs = run(labelled(0, [60.0] * 5), labelled(0, [60.0] * 5), labelled(3, [60.0] * 4))
    assert [len(output.rows) for output in outputs] == [5, 0, 2]
    assert (state.ledger.duplicates, state.conflicts) == (7, 0)


def test_the_first_in_the_log_stays_and_the_conflict_is_counted() -> None:
    state, outputs = run(
        labelled(0, [60.0] * 5, digest="a" * 32), labelled(0, [90.0] * 5, digest="b" * 32)
    )
    [again] = outputs[1].conflicts
    assert again.digest == "b" * 32
    assert not outputs[1].rows
    assert state.conflicts == 5


def test_a_tick_changes_nothing() -> None:
    state, [output] = run(Tick(STARTED_AT))
    assert state == FOLD.empty("pole-07")
    assert output == NOTHING


def test_indices_become_a_row() -> None:
    at = datetime(2026, 5, 4, 10, tzinfo=UTC)
    measured = {"aci": 1.5, "adi": None, "aei": 0.2, "bi": 3.0, "h": None, "ndsi": -0.5}
    row = indices_row(
        Indices(
            site="harbour",
            device="pole-07",
            session=SESSION,
            first_seq=60,
            started_at=at,
            **measured,
        )
    )
    assert IndicesRow.model_validate(row.model_dump()) == row
    assert (row.first_seq, row.adi, row.ndsi) == (60, None, -0.5)


def test_a_newer_status_replaces_an_older_one() -> None:
    birth, health = status_row(status(0)), status_row(status(60))
    assert birth.replaces(None)
    assert health.replaces(birth)
    assert not birth.replaces(health)


def test_a_late_will_of_an_older_session_is_ignored() -> None:
    birth = status_row(status(0, session=OTHER_SESSION))
    will = status_row(status(None, session=SESSION, online=False))
    assert not will.replaces(birth)
    assert status_row(status(None, session=OTHER_SESSION, online=False)).replaces(birth)


def test_a_device_that_came_back_without_the_time_is_online() -> None:
    """Its session is called as if it had begun long ago, and so is its birth."""
    will = status_row(status(None, session=OTHER_SESSION, online=False))
    birth = status_row(status(-86400, session=SESSION))
    assert birth.replaces(will)
    assert not will.replaces(birth)


def test_rows_have_hundredths_of_a_decibel() -> None:
    """PostgreSQL's `real` would refuse a level like 1e-50 and stop the archive for good."""
    tiny = levels(1e-50, lcpeak_db=81.237, third_octaves_db=(1e-300, -12.344))
    _, [output] = run(labelled(levels=(tiny,)))
    (row,) = output.rows
    assert isinstance(row, ReadingRow)
    assert (row.laeq_1s_db, row.lcpeak_db, row.third_octaves_db) == (0.0, 81.24, (0.0, -12.34))


@pytest.mark.parametrize(
    ("source", "origin"),
    [("cityhum/v1/harbour/pole-07/features", "pole-07"), ("readings.v1/3/17", "readings.v1")],
)
def test_a_dead_letter_is_counted_by_its_device_or_topic(source: str, origin: str) -> None:
    letter = DeadLetter(
        reason="malformed",
        detail="not JSON",
        source=source,
        digest="0" * 32,
        size_bytes=7,
        received_at=STARTED_AT + timedelta(minutes=7),
    )
    row = dead_letter_row(decode(DeadLetter, told(headers(letter))))
    assert (row.origin, row.reason, row.newest_detail) == (origin, "malformed", "not JSON")
    assert row.hour == STARTED_AT.replace(minute=0, second=0)


def test_headers_that_are_of_no_dead_letter_tell_nothing() -> None:
    assert told([("reason", b"\xff"), ("size_bytes", b"many")]) == b""
