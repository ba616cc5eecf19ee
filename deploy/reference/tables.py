"""Reference: every table and view of a migrated database, with what the migrations say of them."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from psycopg import Connection

from deploy.reference.markdown import code, page, table

MIGRATIONS = Path("deploy/postgres/migrations/versions")

_COLUMNS = """
    SELECT c.relname, c.relkind, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
           coalesce(a.attnum = ANY (i.indkey), false)
    FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v')
          AND NOT c.relispartition AND c.relname <> 'alembic_version'
    ORDER BY c.relkind = 'v', c.relname, a.attnum
"""
_RIGHTS = """
    WITH of_tables AS (
        SELECT table_name, grantee, privilege_type FROM information_schema.role_table_grants
        WHERE table_schema = 'public'
    )
    SELECT table_name, grantee, string_agg(DISTINCT privilege_type, ', ' ORDER BY privilege_type)
    FROM (
        SELECT table_name, grantee, privilege_type FROM of_tables
        UNION SELECT table_name, grantee, privilege_type || ' of some columns'
        FROM information_schema.role_column_grants g
        WHERE table_schema = 'public'
              AND NOT EXISTS (SELECT FROM of_tables t
                              WHERE (t.table_name, t.grantee, t.privilege_type)
                                    = (g.table_name, g.grantee, g.privilege_type))
    ) AS rights
    WHERE starts_with(grantee, 'cityhum_') AND grantee NOT IN ('cityhum_owner', 'cityhum_writer')
    GROUP BY table_name, grantee ORDER BY table_name, grantee
"""
_TABLE = re.compile(r"(?:CREATE|ALTER) TABLE (?:ONLY )?(\w+)(.*?);\n", flags=re.DOTALL)
_COMMENT = re.compile(r"^ +(?:ADD COLUMN )?(\w+) [^\n]*?-- ([^\n]+)$", flags=re.MULTILINE)
_INTRODUCTION = """\
PostgreSQL, schema `public`; a replay writes the same tables into a schema of its own
([replay](../replay.md)). Times are UTC instants; decibels are re 20 µPa where `calibration` is set,
else re full scale. What windows hold is told in [windows](../windows.md), alerts in
[alerts](../alerts.md). Each processor logs in as a role of its own ([security](../security.md)),
people and the dashboard as `cityhum_reader`, who cannot write, and judges as `cityhum_operator`.
Primary keys are **bold**."""


class Column(NamedTuple):
    """One column of a table or view."""

    relation: str
    kind: bytes | str
    name: str
    type: str
    not_null: bool
    key: bool


def database(connection: Connection[Any]) -> str:
    """Page of all relations.

    Parameters
    ----------
    connection : Connection
        To a database of this version, as a role that sees everything.

    Returns
    -------
    str
        Markdown.
    """
    said = comments()
    rights = defaultdict(list)
    for relation, role, may in connection.execute(_RIGHTS).fetchall():
        rights[relation].append(f"{code(role)}: {may}")
    by_relation = defaultdict(list)
    for row in connection.execute(_COLUMNS).fetchall():
        by_relation[row[0]].append(Column(*row))
    sections = [
        part
        for relation, columns in by_relation.items()
        for part in _section(relation, columns, rights[relation], said)
    ]
    return page("Database", _INTRODUCTION, *sections)


def comments() -> dict[tuple[str, str], str]:
    """What the migrations say behind a column, by table and column."""
    found = {}
    for file in sorted(MIGRATIONS.glob("*.sql")):
        for relation, body in _TABLE.findall(file.read_text(encoding="utf-8")):
            for column, comment in _COMMENT.findall(body):
                found[relation, column] = comment
    return found


def _section(
    relation: str,
    columns: Sequence[Column],
    rights: Sequence[str],
    said: Mapping[tuple[str, str], str],
) -> Iterator[str]:
    kind = "View. " if columns[0].kind in ("v", b"v") else ""
    yield f"## {relation}"
    yield kind + ("; ".join(rights) or "For its owner only.")
    yield table(
        ["column", "type", "null", "meaning"],
        [
            [
                f"**{code(one.name)}**" if one.key else code(one.name),
                one.type,
                "" if one.not_null or kind else "may be",
                said.get((relation, one.name), ""),
            ]
            for one in columns
        ],
    )
