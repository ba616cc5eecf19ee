"""The plan of topics, and what is said when Kafka's differ."""

import pytest

from processors.topic_plan import parse
from schemas.errors import BadConfig

PLAN = parse("{partitions: 12, topics: {a.v1: {retention_days: 7}, b.v1: {compact: true}}}")


def test_the_plan_speaks_kafkas_words() -> None:
    configurations = PLAN.configurations()
    assert configurations["a.v1"]["retention.ms"] == "604800000"
    assert configurations["b.v1"]["cleanup.policy"] == "compact"
    for configuration in configurations.values():
        assert configuration["message.timestamp.type"] == "LogAppendTime"


def test_what_is_as_planned_is_silent() -> None:
    partitions = {"a.v1": 12, "b.v1": 12, "somebody-elses": 1}
    assert list(PLAN.differences(partitions, PLAN.configurations())) == []


def test_every_difference_is_a_line() -> None:
    configured = {"a.v1": {**PLAN.configurations()["a.v1"], "retention.ms": "1"}}
    assert list(PLAN.differences({"a.v1": 6}, configured)) == [
        "a.v1 has 6 partitions, planned are 12",
        "a.v1: retention.ms is 1, planned is 604800000",
        "b.v1 is missing",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "topics: [",
        "{partitions: 0, topics: {}}",
        "{partitions: 12, topics: {a.v1: {}}}",
        "{partitions: 12, topics: {a.v1: {compact: true, retention_days: 1}}}",
        "{partitions: 12, topics: {a.v1: {compact: true, colour: red}}}",
    ],
)
def test_a_mistake_is_one_line_that_names_the_file(text: str) -> None:
    with pytest.raises(BadConfig, match=r"^my-topics\.yaml") as caught:
        parse(text, "my-topics.yaml")
    assert "\n" not in str(caught.value)
