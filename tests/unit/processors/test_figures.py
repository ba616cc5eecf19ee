"""What is counted: how old a stored second is, what a model tells, when a target has an alert."""

import re
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY, Counter

from processors.adapters import figures
from processors.adapters.classifier import Classifier
from processors.adapters.notify.courier import Courier
from processors.adapters.paced_inbox import PacedInbox
from processors.adapters.rule_file import RuleBook
from processors.bridge_service import Bridge
from processors.pace import Limit
from processors.partitions import Checkpoint, FoldRun, Progress
from schemas import metrics
from tests.batches import REGISTRY as SITES
from tests.builders import STARTED_AT, labelled
from tests.notifying import FakeQueue, FakeSender
from tests.streams import KEY, SEEN, Bench, FakeLog, alert, envelope
from tests.unit.processors.test_bridge_service import FakeInbox
from tests.unit.processors.test_classify import FakeKafka, FakeModel

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


RULES: Final = Path(__file__).parents[3] / "deploy" / "prometheus" / "rules.yaml"


def values(counter: Counter) -> set[float]:
    [family] = counter.collect()
    return {one.value for one in family.samples if one.name.endswith("_total")}


@pytest.fixture
def compared() -> list[Counter]:
    """Labelled counters whose increase rules ask for, as in a process that has just begun."""
    asked = set(re.findall(r"increase\((\w+)_total", RULES.read_text(encoding="utf-8")))
    counters = [one for one in vars(metrics).values() if isinstance(one, Counter)]
    found = [one for one in counters if next(iter(one.describe())).name in asked]
    for one in found:
        one.clear()
    return [one for one in found if not values(one)]


async def test_what_rules_compare_is_shown_from_zero_on(
    compared: list[Counter], tmp_path: Path
) -> None:
    """A series that begins at its final value has no increase: the first event would not ring."""
    (tmp_path / "alerts.yaml").write_text("rules: []")
    Bench(FakeLog({})).worker()
    Classifier(FakeModel(), log=FakeKafka(), offsets=FakeKafka(), seek=FakeKafka().seek)
    RuleBook(tmp_path / "alerts.yaml", SITES)
    PacedInbox(FakeInbox(), Limit(1.0), lambda: 0.0)
    Bridge(FakeInbox(), FakeKafka(), SITES, lambda: STARTED_AT, lambda: 0.0)
    Courier(FakeSender(), lambda: nullcontext(FakeQueue()))
    assert len(compared) >= 6
    assert {str(one): values(one) for one in compared if values(one) != {0.0}} == {}


def test_a_host_that_no_time_server_has_set_is_told_of(caplog: pytest.LogCaptureFixture) -> None:
    known = [False]
    figures.watch_clock(lambda: known[0])
    assert shown("clock_set") == 0
    assert [record.message for record in caplog.records] == ["clock_unset"]
    known[0] = True  # it is asked whenever somebody looks
    assert shown("clock_set") == 1
