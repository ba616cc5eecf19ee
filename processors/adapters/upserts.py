"""How rows get into a table: by COPY into a temporary one, and an upsert from there."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncCursor
from psycopg.sql import SQL, Composed, Identifier

from schemas.base import Frozen

Values = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Target:
    """A table that takes rows.

    `key` are its first columns. Of rows with the same key none may come twice at once; where
    `update` is None, what is there stays.
    """

    name: str
    key: Sequence[str]
    columns: Sequence[str]
    update: SQL | Composed | None

    async def take(self, cursor: AsyncCursor[Any], columns: Sequence[str], lines: bytes) -> None:
        """Upsert rows in the open transaction, which are lines of a binary COPY."""
        await cursor.execute(self._temporary())
        async with cursor.copy(self._copy(columns) + SQL(" (FORMAT binary)")) as copy:
            await copy.write(lines)
        await cursor.execute(self._upsert())

    @property
    def _new(self) -> Identifier:
        return Identifier(f"new_{self.name}")

    def _all(self) -> Composed:
        return SQL(", ").join(map(Identifier, (*self.key, *self.columns)))

    def _temporary(self) -> Composed:
        """Made once per connection; empty at the beginning of every transaction."""
        return SQL(
            "CREATE TEMPORARY TABLE IF NOT EXISTS {new} ON COMMIT DELETE ROWS "
            "AS SELECT {columns} FROM {table} WITH NO DATA"
        ).format(new=self._new, columns=self._all(), table=Identifier(self.name))

    def _copy(self, columns: Sequence[str]) -> Composed:
        names = SQL(", ").join(map(Identifier, columns))
        return SQL("COPY {} ({}) FROM STDIN").format(self._new, names)

    def _upsert(self) -> Composed:
        key = SQL(", ").join(map(Identifier, self.key))
        return SQL(
            "INSERT INTO {table} ({columns}) SELECT {columns} FROM {new} ORDER BY {key} "
            "ON CONFLICT ({key}) DO {action}"
        ).format(
            table=Identifier(self.name),
            columns=self._all(),
            new=self._new,
            key=key,
            action=SQL("NOTHING") if self.update is None else self.update,
        )


@dataclass(frozen=True, slots=True)
class Table(Target):
    """A table of messages: of rows with the same key the last counts, or the first that stays."""

    values: Callable[[Any], Iterable[Values]]

    async def write(self, cursor: AsyncCursor[Any], rows: Sequence[Frozen]) -> None:
        """Upsert rows in the open transaction."""
        values = self._unique(line for row in rows for line in self.values(row))
        if not values:
            return
        await cursor.execute(self._temporary())
        async with cursor.copy(self._copy((*self.key, *self.columns))) as copy:
            for line in values:
                await copy.write_row(line)
        await cursor.execute(self._upsert())

    def _unique(self, lines: Iterable[Values]) -> Sequence[Values]:
        width = len(self.key)
        if self.update is not None:
            return list({line[:width]: line for line in lines}.values())
        unique: dict[Values, Values] = {}
        for line in lines:
            unique.setdefault(line[:width], line)
        return list(unique.values())


def overwritten(
    table: str, columns: Sequence[str], also: str = "", where: SQL | Composed | None = None
) -> Composed:
    """Take the new values, by default only if one of them differs."""
    names = [Identifier(column) for column in columns]
    old = SQL(", ").join(Identifier(table, column) for column in columns)
    new = SQL(", ").join(Identifier("excluded", column) for column in columns)
    changed = SQL("({}) IS DISTINCT FROM ({})").format(old, new)
    return SQL("UPDATE SET {values}{also} WHERE {where}").format(
        values=SQL(", ").join(SQL("{n} = excluded.{n}").format(n=name) for name in names),
        also=SQL(also),
        where=where or changed,
    )
