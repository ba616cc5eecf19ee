"""From one login of all programs to one for each: an installation of before goes on."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from deploy.local.postgres import BASE, Postgres
from processors.adapters import migrations
from processors.settings import ProcessorSettings
from schemas.errors import BadConfig
from tests.database import settings_for

BEFORE = "0008"
CHECKPOINT = """
INSERT INTO checkpoint (program, topic, partition, next_offset, cluster_id, epoch)
VALUES (%s, 'readings.v1', 0, 7, 'c', 0)"""
SEEN = "SELECT program FROM checkpoint ORDER BY program"


@pytest.fixture
def old(postgres: Postgres) -> Iterator[ProcessorSettings]:
    """A database of the version before, beside the one of the other tests."""
    superuser = postgres.conninfo("postgres", "postgres")
    with psycopg.connect(superuser, autocommit=True) as connection:
        connection.execute("CREATE DATABASE old OWNER cityhum_owner")
        settings = settings_for(postgres, postgres_db="old")
        migrations.upgrade(settings, BEFORE)
        yield settings
        connection.execute("DROP DATABASE old WITH (FORCE)")


def as_role(postgres: Postgres, role: str) -> psycopg.Connection[tuple[Any, ...]]:
    """A session with a role's rights: the former login of all programs has none any more."""
    connection = psycopg.connect(postgres.conninfo("postgres", "old"), autocommit=True)
    connection.execute(SQL("SET ROLE {}").format(Identifier(role)))
    return connection


def test_old_programs_run_on_beside_new_ones(postgres: Postgres, old: ProcessorSettings) -> None:
    with as_role(postgres, "cityhum_writer") as writer:
        writer.execute(CHECKPOINT, ["windows"])
        writer.execute(CHECKPOINT, ["alerts"])
        migrations.upgrade(old)
        with as_role(postgres, "cityhum_windows") as windows:
            assert windows.execute(SEEN).fetchall() == [("windows",)]
        writer.execute("UPDATE checkpoint SET next_offset = 8")
        writer.execute("INSERT INTO outbox (kind, key, payload) VALUES ('alert', 'x', '{}')")
        assert len(writer.execute(SEEN).fetchall()) == 2


def test_replays_of_before_are_read_on(postgres: Postgres, old: ProcessorSettings) -> None:
    with as_role(postgres, "cityhum_writer") as writer:
        writer.execute(
            "INSERT INTO replay (name, format, request, cluster_id) VALUES ('past', 1, '{}', 'c')"
        )
        writer.execute("SELECT replay_create('past')")
    migrations.upgrade(old)
    with as_role(postgres, "cityhum_replay") as replay:
        assert replay.execute("SELECT count(*) FROM replay_past.fold_state").fetchone() == (0,)
        replay.execute("SELECT replay_drop('past')")


def test_a_role_that_is_missing_is_named_in_one_line(
    postgres: Postgres, old: ProcessorSettings
) -> None:
    superuser = postgres.conninfo("postgres", "postgres")
    with psycopg.connect(superuser, autocommit=True) as connection:
        connection.execute("ALTER ROLE cityhum_replay RENAME TO cityhum_other")
        try:
            with pytest.raises(BadConfig, match=r"^[^\n]*cityhum_replay is missing[^\n]*$"):
                migrations.upgrade(old)
        finally:
            connection.execute("ALTER ROLE cityhum_other RENAME TO cityhum_replay")
    migrations.upgrade(old)


@pytest.mark.usefixtures("old")
def test_the_former_login_can_be_shut_out(postgres: Postgres) -> None:
    script = (BASE / "retire-writer.sql").read_text(encoding="utf-8")
    superuser = postgres.conninfo("postgres", "postgres")
    with psycopg.connect(superuser, autocommit=True) as connection:
        connection.execute("ALTER ROLE cityhum_writer LOGIN PASSWORD 'former'")
        login = f"{postgres.conninfo('cityhum_writer', 'postgres')} password=former"
        with psycopg.connect(login) as writer:
            connection.execute(script.encode())
            with pytest.raises(psycopg.errors.AdminShutdown):
                writer.execute("SELECT 1")
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(login)


def test_corrections_of_before_are_those_of_where_devices_stand(
    postgres: Postgres, old: ProcessorSettings
) -> None:
    with psycopg.connect(postgres.conninfo("cityhum_owner", "old")) as owner:
        owner.execute("INSERT INTO site VALUES ('quay', '', 'UTC', '07:00', '19:00', '23:00')")
        owner.execute(
            "INSERT INTO device (device, site, name, street, facade_correction_db) "
            "VALUES ('pole', 'quay', '', '', -3)"
        )
    migrations.upgrade(old)
    with psycopg.connect(postgres.conninfo("cityhum_owner", "old")) as owner:
        assert owner.execute("SELECT * FROM stand").fetchall() == [("pole", "quay", -3.0)]
