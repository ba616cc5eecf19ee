"""Who answers: the port that every question goes through."""

from collections.abc import Mapping
from typing import LiteralString, Protocol, TypeVar

Row = TypeVar("Row")


class Reader(Protocol):
    """A database that can be read."""

    def rows(self, sql: LiteralString, asked: Mapping[str, object], of: type[Row]) -> list[Row]:
        """Rows of a query, each made by `of` from columns of the names of its fields.

        Raises
        ------
        Unavailable
            If the database does not answer, or not in time.
        BadQuestion
            If it cannot hold what was asked for.
        """
