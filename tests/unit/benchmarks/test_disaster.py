"""A disaster that could not be tried is no success."""

import pytest

from benchmarks.disaster import not_tried, status_of

KEPT = {"ok": True}
CHANGED = {"ok": False}
SKIPPED = {"ok": None, "skipped": "only root may mount a small disk"}


@pytest.mark.parametrize(
    ("told", "asked", "status"),
    [
        ({"kafka_destroyed": KEPT}, [], 0),
        ({"kafka_destroyed": CHANGED}, [], 1),
        ({"kafka_destroyed": KEPT, "kafka_full": SKIPPED}, [], 0),
        ({"kafka_destroyed": KEPT, "kafka_full": SKIPPED}, ["kafka_destroyed"], 0),
        ({"kafka_full": SKIPPED}, ["kafka_full"], 1),
        ({"kafka_destroyed": CHANGED, "kafka_full": SKIPPED}, [], 1),
    ],
)
def test_what_was_asked_for_by_name_must_have_been_tried(
    told: dict[str, object], asked: list[str], status: int
) -> None:
    assert status_of({"disasters": told, "undisturbed_lost": 0}, asked) == status


def test_what_was_not_tried_is_named() -> None:
    result = {"disasters": {"kafka_full": SKIPPED, "kafka_destroyed": KEPT}}
    assert list(not_tried(result)) == ["kafka_full"]
