"""MQTT topic names and Kafka partitions."""

from collections import Counter
from pathlib import Path

import pytest

from processors import topic_plan
from schemas import topics
from schemas.errors import BadMessage

PLAN = Path(__file__).parents[3] / "deploy" / "kafka" / "topics.yaml"


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "cityhum/v1/harbour/pole-07",
        "cityhum/v1/harbour/pole-07/ack",
        "cityhum/v1/harbour/pole-07/alerts/siren",
        "cityhum/v1/harbour/pole-07/features/",
        "cityhum/v1/harbour/pole-07/features\n",
        "cityhum/v2/harbour/pole-07/features",
        "cityhum/v1/Harbour/pole-07/features",
        "cityhum/v1/harbour/-07/features",
        "cityhum/v1/harbour/pole٠/features",
        "cityhum/v1/harbour/" + "a" * 64 + "/features",
        "cityhum/v1/+/+/features",
    ],
)
def test_a_topic_that_no_device_may_write_is_refused(topic: str) -> None:
    with pytest.raises(BadMessage) as caught:
        topics.parse(topic)
    assert caught.value.reason == "device"


def test_a_device_has_the_same_partition_for_ever() -> None:
    recorded = {"pole-01": 9, "pole-07": 8, "pole-20": 5}
    assert {device: topics.partition(device) for device in recorded} == recorded


def test_twenty_thousand_devices_spread_over_all_partitions() -> None:
    counts = Counter(topics.partition(f"pole-{n:05d}") for n in range(20_000))
    assert len(counts) == topics.PARTITIONS
    assert max(counts.values()) < 1.2 * min(counts.values())


def test_the_plan_names_exactly_our_topics() -> None:
    plan = topic_plan.parse(PLAN.read_text(encoding="utf-8"))
    ours = {value for name, value in vars(topics).items() if name.isupper() and _is_kafka(value)}
    assert set(plan.topics) == ours
    assert plan.partitions == topics.PARTITIONS


def _is_kafka(value: object) -> bool:
    return isinstance(value, str) and value.endswith(".v1")
