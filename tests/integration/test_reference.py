"""The generated pages of docs/reference are those of today's code."""

from pathlib import Path

import psycopg
import pytest

from deploy.reference import tables
from deploy.reference.__main__ import FOLDER, PAGES
from tests.database import Database

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_up_to_date(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert (FOLDER / name).read_text(encoding="utf-8") == PAGES[name](), "make reference"


def test_comments_of_the_migrations_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert tables.comments()["reading", "scores"] == "per mille; 500 is the label's threshold"


def test_the_page_of_the_database_is_up_to_date(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    with psycopg.connect(database.postgres.conninfo("cityhum_owner")) as connection:
        connection.execute("CREATE SCHEMA replay_of_nobody; CREATE TABLE replay_of_nobody.alert ()")
        connection.execute("GRANT DELETE ON replay_of_nobody.alert TO cityhum_replay")
        made = tables.database(connection)
        connection.rollback()
    assert (FOLDER / "database.md").read_text(encoding="utf-8") == made, "make reference"
