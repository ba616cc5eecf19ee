"""What is counted: how old a stored second is, what a model tells, when a target has an alert."""

from datetime import UTC, datetime, timedelta
from typing import Final

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from processors.adapters import figures
from processors.partitions import Checkpoint, FoldRun, Progress
from tests.builders import STARTED_AT, labelled
from tests.streams import KEY, SEEN, alert, envelope

LABELS: Final = ("siren", "birds")


def shown(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"cityhum_{name}", labels) or 0.0


def test_a_stored_second_is_as_old_as_the_oldest_of_its_batch_at_the_commit() -> None:
    progress = Progress(KEY, Checkpoint(0, "first"), FoldRun(SEEN, {}))
    progress.apply(0, envelope(labelled(0, [61.0] * 5), labelled(5, clock="unsynced")))
    figures.committed("tried", [progress], 0.02, STARTED_AT + timedelta(seconds=8))
    assert shown("stored_delay_seconds_sum", program="tried") == 7.0
    assert shown("stored_delay_seconds_count", program="tried") == 1
    assert shown("commits_total", program="tried") == 1
    progress.committed(progress.commit())
    assert progress.began_at == []


def test_a_clock_that_is_ahead_makes_no_negative_delay() -> None:
    progress = Progress(KEY, Checkpoint(0, "first"), FoldRun(SEEN, {}))
    progress.apply(0, envelope(labelled(0)))
    figures.committed("ahead", [progress], 0.02, STARTED_AT - timedelta(seconds=30))
    assert shown("stored_delay_seconds_sum", program="ahead") == 0.0


def told(label: str) -> list[float]:
    """Seconds by the hundreds of the label's score."""
    return [shown("scores_total", label=label, hundreds=str(n)) for n in range(10)]


@given(seconds=st.lists(st.dictionaries(st.sampled_from(LABELS), st.integers(100, 1000))))
def test_each_second_counts_once_for_each_label(seconds: list[dict[str, int]]) -> None:
    before = {label: told(label) for label in LABELS}
    figures.Hearing(LABELS).heard(seconds)
    for label in LABELS:
        more = [now - then for now, then in zip(told(label), before[label], strict=True)]
        assert sum(more) == len(seconds)
        assert min(more) >= 0
        # from the label's own threshold on it is active
        assert sum(more[5:]) == sum(one.get(label, 0) >= 500 for one in seconds)


def test_only_an_alert_that_was_raised_has_a_delay() -> None:
    now = datetime.now(UTC)
    raised = alert(raised_at=now - timedelta(seconds=4))
    figures.delivered("tried", [raised, alert(1, state="cleared")], now)
    assert shown("delivered_total", target="tried") == 2
    assert shown("alert_delay_seconds_sum", target="tried") == 4.0
    assert shown("alert_delay_seconds_count", target="tried") == 1
