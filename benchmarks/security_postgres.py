"""Who may do what with which table and column of PostgreSQL, tried by each role."""

from collections.abc import Iterator
from typing import Any, Final

import psycopg
from psycopg import Connection, errors, sql

from benchmarks.security_stack import SecureStack
from benchmarks.security_trial import Trial, may, may_not
from deploy.local.programs import access_table
from processors.access import Access, Verb

_SERVER: Final = "postgres"
_COLUMNS: Final = """
SELECT c.relname, a.attname, c.relkind = 'v',
       a.attgenerated <> '' OR a.attidentity = 'a'
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v')
  AND a.attnum > 0 AND NOT a.attisdropped AND NOT c.relispartition
ORDER BY 1, 2
"""
_IMPOSSIBLE: Final = (
    errors.ObjectNotInPrerequisiteState,  # a view of several tables
    errors.FeatureNotSupported,
    errors.GeneratedAlways,  # a column that only PostgreSQL writes
    errors.WrongObjectType,
)
_FORBIDDEN: Final = (
    "CREATE TABLE mine (number int)",
    "DROP TABLE verdict",
    "TRUNCATE reading",
    "CREATE ROLE mine SUPERUSER",
    "ALTER ROLE CURRENT_USER CREATEDB",
    "SELECT pg_read_file('/etc/passwd')",
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "SET ROLE cityhum_owner",
)

Columns = dict[str, list[str]]


def trials(stack: SecureStack) -> Iterator[Trial]:
    """Try everything, by every role; nothing is changed."""
    rules = access_table()
    yield from _doors(stack)
    with psycopg.connect(stack.postgres.conninfo("cityhum_owner")) as connection:
        columns = _columns(connection)
    for role in rules.postgres:
        with psycopg.connect(stack.postgres.conninfo(role)) as connection:
            yield from _rows(connection, role, columns, rules)
            yield from _strangers(connection, role, rules)
            for statement in _FORBIDDEN:
                got = _allowed(connection, sql.SQL(statement))
                yield may_not(_SERVER, role, statement, got)


def _doors(stack: SecureStack) -> Iterator[Trial]:
    """Who does not get in at all."""
    reader = stack.postgres.conninfo("cityhum_reader")
    other = stack.postgres.conninfo("cityhum_reader", "postgres")
    for who, conninfo in (
        ("the reader, without TLS", reader.replace("sslmode=verify-full", "sslmode=disable")),
        ("the reader, wrong password", f"{reader} password=wrong"),
        ("the reader, another database", other),
        ("an unknown role", reader.replace("user=cityhum_reader", "user=nobody password=x")),
    ):
        yield may_not(_SERVER, who, "log in", _enters(conninfo))
    yield may(_SERVER, "the reader", "log in", _enters(reader))
    former = reader.replace("user=cityhum_reader", "user=cityhum_writer password=x")
    yield may_not(_SERVER, "the former role of all programs", "log in", _enters(former))


def _enters(conninfo: str) -> bool:
    try:
        psycopg.connect(conninfo, connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


def _columns(connection: Connection[Any]) -> Columns:
    """Columns that a statement could name, by table."""
    found: Columns = {}
    for name, column, _view, _generated in connection.execute(_COLUMNS):
        found.setdefault(name, []).append(column)
    return found


def _rows(
    connection: Connection[Any], role: str, columns: Columns, rules: Access
) -> Iterator[Trial]:
    unknown = set(rules.postgres[role]) - set(columns)
    for name in sorted(unknown):
        yield Trial(_SERVER, role, f"see a table {name}", wanted=True, got=False)
    for name, named in columns.items():
        rights = rules.postgres[role].get(name, ())
        target = sql.Identifier(name)
        delete = sql.SQL("DELETE FROM {} WHERE false").format(target)
        got = _allowed(connection, delete)
        yield Trial(_SERVER, role, f"delete {name}", "delete" in rights, got)
        yield from _cells(connection, role, name, named, rules)


def _cells(
    connection: Connection[Any], role: str, name: str, named: list[str], rules: Access
) -> Iterator[Trial]:
    """Select, insert and update, column by column; columns that go alike are one trial."""
    forms: dict[Verb, sql.SQL] = {
        "select": sql.SQL("SELECT {1} FROM {0} LIMIT 0"),
        "insert": sql.SQL("INSERT INTO {0} ({1}) SELECT NULL WHERE false"),
        "update": sql.SQL("UPDATE {0} SET {1} = NULL WHERE false"),
    }
    for verb, form in forms.items():
        wanted = rules.columns(role, name, verb)
        tried = {
            column: _outcome(connection, form.format(sql.Identifier(name), sql.Identifier(column)))
            for column in named
        }
        possible = {column: got for column, got in tried.items() if got is not None}
        expected = {column: wanted is None or column in wanted for column in possible}
        for column in sorted(possible):
            if possible[column] != expected[column]:
                what = f"{verb} {name}.{column}"
                yield Trial(_SERVER, role, what, expected[column], possible[column])
        if possible == expected:
            got = any(possible.values())
            some = f" ({', '.join(sorted(wanted))})" if wanted else ""
            yield Trial(_SERVER, role, f"{verb} {name}{some}", got, got)


def _strangers(connection: Connection[Any], role: str, rules: Access) -> Iterator[Trial]:
    """Write rows of others into tables that several write."""
    for name, rows in rules.rows.items():
        statement = sql.SQL("INSERT INTO {} ({}) VALUES (%s)").format(
            sql.Identifier(name), sql.Identifier(rows.column)
        )
        for value in sorted({*rows.own.values()}):
            got = _allowed(connection, statement, value)
            what = f"insert {name} of {value}"
            yield Trial(_SERVER, role, what, rows.own.get(role) == value, got)


def _allowed(connection: Connection[Any], statement: sql.SQL | sql.Composed, *values: str) -> bool:
    return bool(_outcome(connection, statement, *values))


def _outcome(
    connection: Connection[Any], statement: sql.SQL | sql.Composed, *values: str
) -> bool | None:
    """Whether the role may; None if nobody could. Rolled back."""
    try:
        connection.execute(statement, values or None)
    except errors.InsufficientPrivilege:
        return False
    except errors.NotNullViolation:  # looked at after rights
        return True
    except _IMPOSSIBLE:
        return None
    else:
        return True
    finally:
        connection.rollback()
