"""A migrated database for tests, and waiting for what is written into it."""

import asyncio
from pathlib import Path
from typing import Any

import psycopg
import pytest

from deploy.local.postgres import Postgres
from processors import registry
from processors.adapters import migrations, site_tables
from processors.settings import ProcessorSettings
from tests.builders import STARTED_AT

SITES = Path(__file__).parents[1] / "deploy" / "sites.yaml"
_TABLES = (
    "reading, indices, level_window, label_window, ledger, alert, checkpoint, fold_state, outbox, "
    "delivery, notification, notify_target, dead_letter, backup"
)
_PROGRESS = """
CREATE OR REPLACE FUNCTION told_progress() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN NOTIFY test_progress; RETURN NULL; END $$;
CREATE OR REPLACE TRIGGER told_progress AFTER INSERT OR UPDATE ON checkpoint
    FOR EACH STATEMENT EXECUTE FUNCTION told_progress();
CREATE OR REPLACE TRIGGER told_progress AFTER UPDATE ON delivery
    FOR EACH STATEMENT EXECUTE FUNCTION told_progress();
CREATE OR REPLACE TRIGGER told_progress AFTER UPDATE ON notification
    FOR EACH STATEMENT EXECUTE FUNCTION told_progress();
"""


def settings_for(
    postgres: Postgres, role: str = "cityhum_owner", **others: object
) -> ProcessorSettings:
    """Settings of a processor that uses this server; workers.py lets each log in as itself."""
    return ProcessorSettings.model_validate(
        {
            "postgres_host": postgres.host,
            "postgres_port": postgres.port,
            "postgres_db": postgres.database,
            "postgres_user": role,
            "postgres_password_file": postgres.password_file(role),
            **others,
        }
    )


_NOTHING_SAID = """
UPDATE device
SET online = false, session = NULL, status = NULL, status_at = NULL, status_written_at = NULL"""


class Database:
    """The migrated database, empty but for its sites; asked as its owner."""

    def __init__(self, postgres: Postgres) -> None:
        self.postgres = postgres
        self.settings = settings_for(postgres)
        self._owner = postgres.conninfo("cityhum_owner")

    def prepare(self) -> None:
        """Migrate, load sites, and empty all else."""
        migrations.upgrade(self.settings)
        sites = registry.parse(SITES.read_text(encoding="utf-8"))
        site_tables.load(self.settings, sites, [STARTED_AT.date()])
        with psycopg.connect(self._owner) as connection:
            connection.execute(f"TRUNCATE {_TABLES} RESTART IDENTITY")
            connection.execute(_NOTHING_SAID)
            connection.execute(_PROGRESS)

    def query(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Rows of a query."""
        with psycopg.connect(self._owner) as connection:
            cursor = connection.execute(sql.encode(), values)
            return cursor.fetchall() if cursor.description else []

    async def until(self, sql: str, *values: object, timeout_s: float = 60) -> None:
        """Return once a query is true; looked at whenever a checkpoint or delivery changes."""
        async with await psycopg.AsyncConnection.connect(self._owner, autocommit=True) as listening:
            await listening.execute("LISTEN test_progress")
            async with asyncio.timeout(timeout_s):
                while not self.query(sql, *values)[0][0]:
                    async for _ in listening.notifies(timeout=5, stop_after=1):
                        pass


@pytest.fixture
def database(postgres: Postgres) -> Database:
    """Return an empty database with the schema of today."""
    prepared = Database(postgres)
    prepared.prepare()
    return prepared
