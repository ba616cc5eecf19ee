import pytest

from agents.street import TrueEvent

events = pytest.importorskip("benchmarks.hearing_events", reason="needs tqdm (extra: training)")


def true(label: str, onset_s: float, offset_s: float) -> TrueEvent:
    return TrueEvent(
        device_index=0, street="park", label=label, kind="any", onset_s=onset_s,
        offset_s=offset_s, peak_laeq_1s_db=60.0,
    )  # fmt: skip


def test_events_of_one_label_that_overlap_are_one() -> None:
    truth = [true("birds", 1, 4), true("siren", 2, 3), true("birds", 3, 5), true("birds", 6, 7)]
    assert events.spans(truth, ["birds", "siren"]) == [
        (1, 5, "birds"), (6, 7, "birds"), (2, 3, "siren"),
    ]  # fmt: skip


def test_what_goes_on_ends_with_the_street_and_foreign_labels_do_not_count() -> None:
    truth = [true("rain", 70, 500), true("water", 1, 2)]
    assert events.spans(truth, ["rain"]) == [(70, 76, "rain")]
