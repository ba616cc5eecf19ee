"""Readings that are new to windows already written: which rows follow, and what these become.

Knows no database: `revised` yields a question whenever it needs rows that it does not remember,
and is sent the answer. Base windows are merged with what is stored of them. A larger window is
merged anew from the windows in it whenever one of these changes and its own row exists or is due.
So rows depend on the set of readings only.
"""

from collections.abc import Generator, Iterable, Mapping

from processors.window_keys import DAY_S, HOUR_S, QUARTER_S, Key
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
from processors.window_recent import BACK_S, Recent
from processors.window_rows import WindowRow
from schemas.base import DeviceId

Revising = Generator[Question, Answer | None, list[WindowRow]]


class Book:
    """What is known of the newest rows, so that they need not be asked for at every commit.

    It must be thrown away if what came of it was not stored, or if somebody else wrote rows.
    """

    def __init__(self) -> None:
        self._recent: dict[DeviceId, Recent] = {}

    def revised(self, touched: Iterable[Touched]) -> Revising:
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
        pages = self._pages(touched)
        spans = [span for one in pages.values() for span in one.spans()]
        if spans:
            for base_row in (yield Bases(spans)) or ():
                assert isinstance(base_row, StoredBase)  # noqa: S101  # the answer to this question
                pages[base_row.device].found_base(base_row)
            back = [span._replace(from_s=span.from_s - BACK_S) for span in spans]
            for minute_row in (yield Minutes(back)) or ():
                assert isinstance(minute_row, StoredMinute)  # noqa: S101
                pages[minute_row.device].found_minute(minute_row)
        for one in pages.values():
            one.revise()
        for length_s in (QUARTER_S, HOUR_S, DAY_S):
            wanted = [child for one in pages.values() for child in one.wanted(length_s)]
            if wanted:
                _merge(pages, (yield Children(wanted)) or ())
        return [row for one in pages.values() for row in one.rows]

    def _pages(self, touched: Iterable[Touched]) -> dict[DeviceId, DevicePages]:
        pages: dict[DeviceId, DevicePages] = {}
        for one in touched:
            mine = pages.get(one.device)
            if mine is None:
                recent = self._recent.setdefault(one.device, Recent())
                mine = pages[one.device] = DevicePages(one.site, one.device, one.zone, recent)
            mine.touch(one)
        return pages


def _merge(books: Mapping[DeviceId, DevicePages], answer: Answer) -> None:
    found: dict[tuple[DeviceId, Key], list[StoredChild]] = {}
    for child in answer:
        assert isinstance(child, StoredChild)  # noqa: S101  # the answer to this question
        found.setdefault((child.device, child.key), []).append(child)
    for (device, key), children in found.items():
        books[device].merge(key, children)
