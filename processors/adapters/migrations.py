"""Bring a database to the newest schema: alembic, forward only, in one transaction."""

from pathlib import Path

import sqlalchemy
from alembic import command
from alembic.config import Config
from psycopg.errors import RaiseException
from sqlalchemy.exc import OperationalError

from processors.adapters.postgres import encryption, password
from processors.settings import ProcessorSettings
from schemas.errors import BadConfig, Unavailable

_SCRIPTS = Path(__file__).parents[2] / "deploy" / "postgres" / "migrations"
_ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtext('cityhum migrate'))"
# whoever waits for a table holds up all who come later: rather try again than stop the city
_PATIENCE = "SET LOCAL lock_timeout = '20 s'"


def upgrade(settings: ProcessorSettings, revision: str = "head") -> None:
    """Run the migrations that the database has not seen; the user must own it.

    Raises
    ------
    Unavailable
        If the database does not answer.
    BadConfig
        If a migration needs something that only the superuser can give, such as a new role.
    """
    url = sqlalchemy.URL.create(
        "postgresql+psycopg",
        username=settings.postgres_user,
        password=password(settings),
        host=settings.postgres_host,
        port=settings.postgres_port,
        database=settings.postgres_db,
        query=dict(encryption(settings)),
    )
    engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql(_ONE_AT_A_TIME)
            connection.exec_driver_sql(_PATIENCE)
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
    except OperationalError as error:
        raise Unavailable(f"PostgreSQL: {_first_line(error)}") from None
    except RaiseException as error:  # of the migrations themselves
        raise BadConfig(f"PostgreSQL: {str(error).splitlines()[0]}") from None


def _first_line(error: OperationalError) -> str:
    return str(error.orig).strip().splitlines()[0]
