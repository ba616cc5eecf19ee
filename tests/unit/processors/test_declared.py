"""What a device declares lost may be any number: it costs nobody else anything."""

from collections.abc import Sequence
from datetime import timedelta

import orjson
import pytest

from processors import alerts, classify
from processors.bridge import judge
from processors.packing import records
from processors.partitions import FoldRun
from processors.privacy import Guard
from processors.verdicts import Forward, Refuse
from schemas import readings, topics
from schemas.codec import encode
from schemas.envelopes import Dropped, ReadingEnvelope
from schemas.errors import BadMessage
from tests.batches import REGISTRY, arrived, changed, status
from tests.builders import SESSION, STARTED_AT, labelled, seqs
from tests.unit.processors.test_classify import SIREN

Run = tuple[int, int]


def lost(runs: Sequence[Run]) -> bytes:
    """A status that declares runs of readings lost."""
    dropped = [{"session": SESSION, "first_seq": first, "count": count} for first, count in runs]
    return changed(status(), dropped=dropped)


@pytest.mark.parametrize(
    "runs",
    [[(0, 2**53)], [(2**53, 2**53)], [(0, 10**13)], [(0, 1), (0, 10**13)], [(5, 1), (0, 2**53)]],
)
def test_a_long_loss_is_remembered_without_being_listed(runs: Sequence[Run]) -> None:
    _, verdict = judge(Guard(), arrived(lost(runs), "status"), REGISTRY)
    assert isinstance(verdict, Forward)
    [mark] = [one for one in records([verdict]) if one.topic == topics.FEATURES]
    envelope = classify.labelled(classify.read(mark.topic, mark.value or b""), [], "none")
    run = FoldRun(alerts.fold([]), {})
    run.apply(readings.write(envelope))
    stored = run.changed()
    after = FoldRun(alerts.fold([]), stored)
    after.apply(readings.write(envelope))  # devices say so again and again
    assert not after.changed()


def test_a_loss_beyond_every_number_is_refused() -> None:
    _, verdict = judge(Guard(), arrived(lost([(0, 10**19)]), "status"), REGISTRY)
    assert isinstance(verdict, Refuse)
    assert verdict.letter.reason == "malformed"


@pytest.mark.parametrize("field", ["spooled_readings", "quarantined", "overruns"])
def test_no_number_of_a_status_is_beyond_what_a_table_holds(field: str) -> None:
    endless = arrived(changed(status(), **{field: 10**19}), "status")
    assert isinstance(judge(Guard(), endless, REGISTRY)[1], Refuse)


def test_one_that_is_in_the_log_already_is_refused_and_the_next_record_heard() -> None:
    mark = {"device": "pole-07", "ranges": orjson.loads(lost([(0, 2**53 + 1)]))["dropped"]}
    envelope = {"version": 1, "tick": "2026-05-04T10:00:00Z", "dropped": [mark], "batches": []}
    run = FoldRun(alerts.fold([]), {})
    for read in (lambda one: classify.read(topics.FEATURES, one), run.apply):
        with pytest.raises(BadMessage):
            read(orjson.dumps(envelope))
    run.apply(
        orjson.dumps(envelope | {"dropped": [], "batches": [labelled().model_dump(mode="json")]})
    )
    assert run.changed()


def test_what_one_device_has_lost_ends_no_alert_of_another() -> None:
    """Marks come whenever their devices do, also while others are still coming back."""
    run = FoldRun(alerts.fold([SIREN]), {})
    siren = labelled(0, [61.0] * 6, device="pole-08", labels=[{"siren": 900}] * 6)
    raised, _ = run.apply(encode(ReadingEnvelope(batches=(siren,))))
    assert raised.messages
    mark = Dropped(device="pole-07", ranges=(seqs(3),))
    for seconds in range(10, 90, 10):
        at = STARTED_AT + timedelta(seconds=seconds)
        outputs, _ = run.apply(encode(ReadingEnvelope(tick=at, dropped=(mark,))))
        assert not outputs.messages
