"""Pages by key. Pure.

A cursor says behind which row the next page begins, so rows that come meanwhile neither repeat nor
hide others.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Generic, NamedTuple, TypeVar

import orjson

from schemas.errors import BadQuestion

Item = TypeVar("Item")


class Page(NamedTuple, Generic[Item]):
    """Some items; `next` is the cursor of those behind them, None at the end."""

    items: Sequence[Item]
    next: str | None = None


def page(
    rows: Sequence[Item], limit: int, key: Callable[[Item], tuple[datetime, str]]
) -> Page[Item]:
    """Page of rows of which one more than `limit` was asked for."""
    if len(rows) <= limit:
        return Page(rows)
    return Page(rows[:limit], cursor_of(*key(rows[limit - 1])))


def cursor_of(at: datetime, name: str) -> str:
    """Cursor of a row, without signs that an address would need to escape.

    Examples
    --------
    >>> position(cursor_of(datetime.fromisoformat("2026-05-04T10:00:00Z"), "pole-07"))[1]
    'pole-07'
    """
    return urlsafe_b64encode(orjson.dumps([at.isoformat(), name])).rstrip(b"=").decode()


def position(cursor: str) -> tuple[datetime, str]:
    """Time and name of the row behind which a page begins.

    Raises
    ------
    BadQuestion
        If the cursor is none of ours.
    """
    try:
        at, name = orjson.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        when = datetime.fromisoformat(at)
    except (ValueError, TypeError):
        when, name = None, None
    if when is None or when.tzinfo is None or not isinstance(name, str):
        raise BadQuestion("cursor: take it from `next` of the page before")
    return when, name
