"""A pool of connections of the read-only role."""

from collections.abc import Mapping
from types import TracebackType
from typing import LiteralString, Self, TypeVar

from psycopg import Connection, DataError, InterfaceError, OperationalError
from psycopg.conninfo import make_conninfo
from psycopg.errors import (
    InsufficientPrivilege,
    QueryCanceled,
    UndefinedColumn,
    UndefinedFunction,
    UndefinedTable,
)
from psycopg.rows import TupleRow, class_row
from psycopg_pool import ConnectionPool, PoolTimeout, TooManyRequests

from records.address import Address
from schemas.adapters import text_file
from schemas.errors import BadConfig, BadQuestion, Unavailable

Row = TypeVar("Row")


class PostgresReader:
    """Answers from PostgreSQL; may be shared by threads. Connects when first asked.

    Parameters
    ----------
    address : Address
    at_once : int
        Connections at most; who finds none waits up to 3 s.
    statement_s : float
        A statement that takes longer is cancelled by the server.

    Raises
    ------
    BadConfig
        If the password file cannot be read.
    """

    def __init__(self, address: Address, *, at_once: int = 8, statement_s: float = 10.0) -> None:
        self._statement_s = statement_s
        self._pool: ConnectionPool[Connection[TupleRow]] = ConnectionPool(
            conninfo(address),
            kwargs={
                "autocommit": True,
                "options": "-c default_transaction_read_only=on -c timezone=UTC "
                f"-c statement_timeout={round(1000 * statement_s)}",
            },
            # none is kept by force and none is tried for long: so that a database that comes back
            # is found by the next question, not by the pool's own slowing attempts
            min_size=0,
            max_size=at_once,
            timeout=3,
            reconnect_timeout=1,
            max_waiting=8 * at_once,
            check=ConnectionPool.check_connection,
            open=True,
        )

    def rows(self, sql: LiteralString, asked: Mapping[str, object], of: type[Row]) -> list[Row]:
        """See `records.reader.Reader`."""
        try:
            with self._pool.connection() as connection:
                return connection.cursor(row_factory=class_row(of)).execute(sql, asked).fetchall()
        except QueryCanceled:
            raise Unavailable(
                f"the database took longer than {self._statement_s:g} s: ask for less, or later"
            ) from None
        except DataError as error:
            raise BadQuestion(_first_line(error)) from None
        except InsufficientPrivilege as error:
            raise BadConfig(f"database: {_first_line(error)}: log in as cityhum_reader") from None
        except (UndefinedTable, UndefinedColumn, UndefinedFunction) as error:
            raise Unavailable(f"database: {_first_line(error)}: run cityhum migrate") from error
        except (OperationalError, InterfaceError, PoolTimeout, TooManyRequests) as error:
            raise Unavailable(f"database: {_first_line(error)}") from error

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def conninfo(address: Address) -> str:
    """Return libpq's connection string.

    Raises
    ------
    BadConfig
        If the password file cannot be read.
    """
    return make_conninfo(
        host=address.host,
        port=address.port,
        dbname=address.database,
        user=address.user,
        password=text_file.password(address.password_file),
        **({"sslmode": "verify-full", "sslrootcert": str(address.ca)} if address.ca else {}),
        connect_timeout=3,
        application_name="cityhum-reader",
        # a server that vanished is noticed after 10 s, not after hours
        keepalives_idle=5,
        keepalives_interval=2,
        keepalives_count=3,
        tcp_user_timeout=10_000,
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
