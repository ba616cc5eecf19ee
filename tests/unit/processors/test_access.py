"""Who may what: one table, read, shown and kept in the documentation."""

from pathlib import Path

import pytest

from deploy.local.secure import KAFKA_USERS
from processors import access, access_page
from schemas.errors import BadConfig

ROOT = Path(__file__).parents[3]
TABLE = access.parse((ROOT / "deploy" / "access.yaml").read_text(encoding="utf-8"))


def test_the_documentation_shows_the_table() -> None:
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    assert f"\n{access_page.page(TABLE)}\n" in page


def test_a_right_reaches_every_column_or_those_named() -> None:
    assert TABLE.columns("cityhum_archive", "reading", "insert") is None
    named = frozenset({"alert_id", "verdict", "said_by", "note"})
    assert TABLE.columns("cityhum_operator", "verdict", "insert") == named
    assert TABLE.columns("cityhum_reader", "reading", "update") == frozenset()


def test_every_user_of_kafka_has_a_password_and_rights() -> None:
    assert set(KAFKA_USERS) == {"admin", *TABLE.kafka}


@pytest.mark.parametrize(
    "text",
    ["{", "mqtt: {}", "{mqtt: {}, kafka: {bridge: {erase: [x]}}, postgres: {}}", "[]"],
)
def test_a_mistake_in_the_table_is_one_line(text: str) -> None:
    with pytest.raises(BadConfig, match=r"^access.yaml[^\n]*$"):
        access.parse(text)


def test_programs_log_in_as_users_of_the_table() -> None:
    others = {"admin", "cityhum_owner", None}
    for program in TABLE.programs.values():
        assert program.mqtt in {*TABLE.mqtt, None}
        assert program.kafka in {*TABLE.kafka, *others}
        assert program.postgres in {*TABLE.postgres, *others}


def test_a_grant_for_each_topic_and_the_group() -> None:
    rule = access.Topics(read=("a",), write=("b",), group="c")
    assert access.grants({"x": rule}) == {
        access.Grant("x", "topic", "a", "read"),
        access.Grant("x", "topic", "b", "write"),
        access.Grant("x", "group", "c", "read"),
    }
