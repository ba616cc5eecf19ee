"""Readings that are new to windows already written: which rows follow, and what these become.

Pure, and knows no database: `revised` yields a question whenever it needs stored rows, and is sent
the answer. Base windows are merged with what is stored of them. A larger window is merged anew
from the windows in it whenever one of these changes and its own row exists or is due. So rows
depend on the set of readings only.
"""

from collections.abc import Generator, Iterable, Mapping
from typing import Final

from processors.sources import BACKGROUND_MINUTES
from processors.window_keys import DAY_S, HOUR_S, MINUTE_S, QUARTER_S, Key
from processors.window_pages import DevicePages
from processors.window_questions import (
    Answer,
    Bases,
    Children,
    Minutes,
    Question,
    StoredBase,
    StoredChild,
    StoredMinute,
    Touched,
)
from processors.window_rows import WindowRow
from schemas.base import DeviceId

Revising = Generator[Question, Answer, list[WindowRow]]

_BACK_S: Final = BACKGROUND_MINUTES * MINUTE_S


def revised(touched: Iterable[Touched]) -> Revising:
    """Rows that follow from what is new, of any number of devices.

    Parameters
    ----------
    touched : iterable of Touched
        In any order.

    Yields
    ------
    Bases, Minutes or Children
        Questions about stored rows; the answers are to be sent.

    Returns
    -------
    list of WindowRow
        No two of the same window.
    """
    books = _books(touched)
    spans = [span for book in books.values() for span in book.spans()]
    for base_row in (yield Bases(spans)):
        assert isinstance(base_row, StoredBase)  # noqa: S101  # the answer to this question
        books[base_row.device].found_base(base_row)
    back = [span._replace(from_s=span.from_s - _BACK_S) for span in spans]
    for minute_row in (yield Minutes(back)):
        assert isinstance(minute_row, StoredMinute)  # noqa: S101
        books[minute_row.device].found_minute(minute_row)
    for book in books.values():
        book.revise()
    for length_s in (QUARTER_S, HOUR_S, DAY_S):
        wanted = [one for book in books.values() for one in book.wanted(length_s)]
        if wanted:
            _merge(books, (yield Children(wanted)))
    return [one for book in books.values() for one in book.rows]


def _books(touched: Iterable[Touched]) -> dict[DeviceId, DevicePages]:
    books: dict[DeviceId, DevicePages] = {}
    for one in touched:
        book = books.get(one.device)
        if book is None:
            book = books[one.device] = DevicePages(one.site, one.device, one.zone)
        book.touch(one.key, one.heard, final=one.final)
    return books


def _merge(books: Mapping[DeviceId, DevicePages], answer: Answer) -> None:
    found: dict[tuple[DeviceId, Key], list[StoredChild]] = {}
    for child in answer:
        assert isinstance(child, StoredChild)  # noqa: S101  # the answer to this question
        found.setdefault((child.device, child.key), []).append(child)
    for (device, key), children in found.items():
        books[device].merge(key, children)
