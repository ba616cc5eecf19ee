"""A synthetic month of the city, straight into the tables that the dashboard reads."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import psycopg

from deploy.local.postgres import Postgres
from deploy.local.stack import Addresses
from processors import registry
from processors.adapters import migrations, site_tables
from processors.settings import ProcessorSettings

DAYS: Final = 30
READINGS: Final = 20 * DAYS * 86_400
HEARD_ON: Final = timedelta(hours=1)
"""Seconds are there beyond the month's end, so that the city is heard while pages are opened."""
SECONDS_KEPT: Final = timedelta(hours=1)
_SITES: Final = Path(__file__).parents[1] / "deploy" / "sites.yaml"
_SQL: Final = Path(__file__).with_suffix(".sql")
_SPAN: Final = """
CREATE TEMPORARY TABLE month AS SELECT %s::timestamptz AS begins, %s::timestamptz AS ends,
    %s::timestamptz AS base_begins, %s::timestamptz AS second_begins, %s::timestamptz AS seconds_end
"""

_HELD: Final = """
SELECT (SELECT count(*) FROM level_window), (SELECT count(*) FROM label_window),
    pg_database_size(current_database()) / 1000000
"""


def settings_for(postgres: Postgres, role: str) -> ProcessorSettings:
    """Settings that enter a private server with the rights of a role."""
    return ProcessorSettings(
        postgres_host=postgres.host,
        postgres_port=postgres.port,
        postgres_db=postgres.database,
        postgres_user=role,
        postgres_password_file=postgres.password_file(role),
    )


def fill(postgres: Postgres, until: datetime, base_days: int) -> None:
    """Migrate, and write the month that ends at a time.

    Parameters
    ----------
    postgres : Postgres
        A server with an empty database.
    until : datetime
        Aware; the newest windows end here.
    base_days : int
        For how many days 10 s rows are kept.
    """
    owner = settings_for(postgres, "cityhum_owner")
    migrations.upgrade(owner)
    sites = registry.parse(_SITES.read_text(encoding="utf-8"))
    days = {(until + step).date() for step in (-SECONDS_KEPT, timedelta(), HEARD_ON)}
    site_tables.load(owner, sites, sorted(days))
    begins = until - timedelta(days=DAYS)
    base = until - timedelta(days=base_days)
    span = (begins, until, max(base, begins), until - SECONDS_KEPT, until + HEARD_ON)
    with psycopg.connect(postgres.conninfo("cityhum_owner"), autocommit=True) as connection:
        connection.execute("SET synchronous_commit = off; SET maintenance_work_mem = '256MB'")
        connection.execute("SELECT setseed(0.5)")
        connection.execute(_SPAN, span)
        connection.execute(_SQL.read_bytes())
        connection.execute("VACUUM ANALYZE")


def addresses_of(postgres: Postgres, folder: Path) -> Addresses:
    """Where a dashboard finds this database; there is nothing else."""
    return Addresses(
        mqtt_host="",
        mqtt_port=0,
        kafka_bootstrap="",
        postgres_host=postgres.host,
        postgres_port=postgres.port,
        postgres_db=postgres.database,
        secrets=folder / "secrets",
    )


def held(postgres: Postgres) -> dict[str, int]:
    """How many rows and bytes the month is."""
    with psycopg.connect(postgres.conninfo("cityhum_owner")) as connection:
        row = connection.execute(_HELD).fetchone()
    levels, labels, megabytes = row or (0, 0, 0)
    return {"level_windows": levels, "label_windows": labels, "megabytes": megabytes}
