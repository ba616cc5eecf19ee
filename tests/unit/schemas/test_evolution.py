"""Readers of version 1 before a made version 2, and readers of version 2 before version 1."""

from pathlib import Path
from typing import Any, Literal

import orjson
import pytest

from processors import archive, window_seconds, windows
from processors.bridge import judge
from processors.folds import Fold
from processors.partitions import FoldRun, RowsRun
from processors.privacy import Guard
from processors.verdicts import Arrived, Refuse
from schemas.codec import decode, encode
from schemas.errors import BadMessage
from schemas.messages import Indices, Status
from tests.batches import RECEIVED_AT, REGISTRY

SAMPLES = Path(__file__).parents[2] / "data" / "messages" / "v1"


class StatusV2(Status):
    """A made version 2: one more field, which version 1 does not have."""

    version: Literal[1, 2] = 2  # type: ignore[assignment]
    wind_mps: float | None = None


def sample(name: str, **changes: object) -> bytes:
    """A recorded message of version 1, changed."""
    return orjson.dumps({**orjson.loads((SAMPLES / f"{name}.json").read_bytes()), **changes})


@pytest.mark.parametrize(
    ("stream", "name"),
    [
        ("features", "FeatureBatch"),
        ("results", "ResultBatch"),
        ("indices", "Indices"),
        ("status", "Status"),
    ],
)
def test_the_bridge_keeps_a_newer_message_whole_and_says_why(stream: str, name: str) -> None:
    newer = sample(name, version=2, wind_mps=3.1)
    arrived = Arrived(f"cityhum/v1/harbour/pole-07/{stream}", newer, RECEIVED_AT)
    _, verdict = judge(Guard(), arrived, REGISTRY)
    assert isinstance(verdict, Refuse)
    assert verdict.letter.reason == "version"
    assert verdict.record.value == newer  # to be sent again once the bridge is new


@pytest.mark.parametrize("fold", [windows.fold({}), archive.FOLD], ids=["windows", "archive"])
def test_a_fold_refuses_a_newer_record_and_goes_on(fold: Fold[Any]) -> None:
    run = FoldRun(fold, {})
    with pytest.raises(BadMessage, match="version"):
        run.apply(sample("ReadingEnvelope", version=2, wind_mps=3.1))
    run.apply(sample("ReadingEnvelope"))
    run.settle()
    assert run.changed()


def test_rows_refuse_a_newer_message() -> None:
    run = RowsRun(Indices, lambda one: (archive.indices_row(one),))
    with pytest.raises(BadMessage, match="version"):
        run.apply(sample("Indices", version=2))


def test_a_newer_reader_takes_what_an_older_one_wrote() -> None:
    old = decode(StatusV2, sample("Status"))
    assert old.wind_mps is None
    assert old.version == 1
    new = decode(StatusV2, sample("Status", version=2, wind_mps=3.1))
    assert decode(StatusV2, encode(new)) == new


def test_an_optional_field_that_is_not_there_has_its_default() -> None:
    document = orjson.loads(sample("Status"))
    for name in ("temperature_c", "quarantined", "dropped"):
        del document[name]
    read = decode(Status, orjson.dumps(document))
    assert (read.temperature_c, read.quarantined, read.dropped) == (None, None, ())


def test_a_field_that_version_1_does_not_have_is_no_version_1() -> None:
    """What nobody knows could be anything, even words: it goes no further than the bridge."""
    with pytest.raises(BadMessage, match="malformed: wind_mps"):
        decode(Status, sample("Status", wind_mps=3.1))


def test_a_leap_second_has_no_name_of_its_own() -> None:
    """Clocks repeat a second or run slower for a day; POSIX time cannot say 23:59:60."""
    with pytest.raises(BadMessage, match="malformed: at"):
        decode(Status, sample("Status", at="2026-06-30T23:59:60Z"))


def test_an_older_worker_ends_rather_than_misread_a_newer_window() -> None:
    stored = window_seconds.dump(window_seconds.NOTHING_HEARD)
    newer = bytes([stored[0] + 1]) + stored[1:]
    with pytest.raises(ValueError, match="is stored in format"):
        window_seconds.load(newer)
