"""PostgreSQL: how to connect, and which of its errors pass by themselves."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import AsyncConnection, errors

from processors.settings import ProcessorSettings
from schemas.adapters import text_file
from schemas.errors import BadConfig, Unavailable

_PASSING = (
    psycopg.OperationalError,  # gone, refused, shutting down, deadlock, serialization failure
    psycopg.InterfaceError,  # the connection is closed already
)
_NOT_YET = (errors.UndefinedTable, errors.UndefinedFunction, errors.UndefinedColumn)


def password(settings: ProcessorSettings) -> str | None:
    """Read the password file, if one is named."""
    return text_file.password(settings.postgres_password_file)


def conninfo(settings: ProcessorSettings) -> str:
    """Return libpq's connection string."""
    return psycopg.conninfo.make_conninfo(
        host=settings.postgres_host,
        port=settings.postgres_port,
        dbname=settings.postgres_db,
        user=settings.postgres_user,
        password=password(settings),
        connect_timeout=5,
        application_name="cityhum",
        # a server that vanished is noticed after 10 s, not after hours
        keepalives_idle=5,
        keepalives_interval=2,
        keepalives_count=3,
        tcp_user_timeout=10_000,
        **encryption(settings),
    )


def encryption(settings: ProcessorSettings) -> Mapping[str, str]:
    """Libpq's part on TLS: the server's certificate and name are checked if we know its CA."""
    if settings.postgres_ca is None:
        return {}
    return {"sslmode": "verify-full", "sslrootcert": str(settings.postgres_ca)}


async def connected(settings: ProcessorSettings) -> AsyncConnection[Any]:
    """Connect; transactions are explicit."""
    connection = await AsyncConnection.connect(conninfo(settings), autocommit=True)
    connection.prepare_threshold = 2
    return connection


@contextmanager
def unavailable() -> Iterator[None]:
    """Turn the errors of a database that is away, or not migrated yet, into `Unavailable`.

    Raises
    ------
    BadConfig
        If the database does not know the user or the password, or the user may not do this.
    """
    try:
        yield
    except _NOT_YET as error:
        raise Unavailable(f"PostgreSQL: {_first_line(error)}: run cityhum migrate") from error
    except errors.InsufficientPrivilege as error:
        why = "this program has a role of its own (deploy/access.yaml), see CITYHUM_POSTGRES_USER"
        raise BadConfig(f"PostgreSQL: {_first_line(error)}: {why}") from error
    except _PASSING as error:
        line = _first_line(error)
        if "authentication failed" in line:  # libpq gives no code before there is a session
            raise BadConfig(f"PostgreSQL: {line}") from None
        raise Unavailable(f"PostgreSQL: {line}") from error


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
