"""Readings that are new to windows already written: which rows follow, and what these become.

Knows no database: `revised` yields a question whenever it needs rows that it does not remember,
and is sent the answer. Base windows are merged with what is stored of them. A larger window is
merged anew from the windows in it whenever one of these changes and its own row exists or is due.
So rows depend on the set of readings only.
"""

from collections.abc import Generator, Iterable, Mapping

from processors.window_batch import summed
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
from processors.window_row_columns import RowColumns, WindowPage, base_rows
from schemas.base import DeviceId

Revising = Generator[Question, Answer | None, WindowPage]


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
        WindowPage
            No two rows of the same window.
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
        base = _base_rows(pages.values())
        _write_minutes(pages.values())
        for length_s in (QUARTER_S, HOUR_S, DAY_S):
            wanted = [child for one in pages.values() for child in one.wanted(length_s)]
            if wanted:
                _merge(pages, (yield Children(wanted)) or ())
        rows = tuple(row for one in pages.values() for row in one.rows)
        return WindowPage.trusted(base=base, larger=rows)

    def _pages(self, touched: Iterable[Touched]) -> dict[DeviceId, DevicePages]:
        pages: dict[DeviceId, DevicePages] = {}
        for one in touched:
            mine = pages.get(one.device)
            if mine is None:
                recent = self._recent.setdefault(one.device, Recent())
                mine = pages[one.device] = DevicePages(one.site, one.device, one.zone, recent)
            mine.touch(one)
        return pages


def _base_rows(pages: Iterable[DevicePages]) -> RowColumns | None:
    due = [one for page in pages for one in page.base]
    if not due:
        return None
    return base_rows([place for place, _ in due], summed([[asked] for _, asked in due]))


def _write_minutes(pages: Iterable[DevicePages]) -> None:
    due = [(page, place, asked) for page in pages for place, asked in page.minutes]
    if due:
        sums = summed([asked for _, _, asked in due]).each()
        for (page, place, _), one in zip(due, sums, strict=True):
            page.write(place, one)


def _merge(books: Mapping[DeviceId, DevicePages], answer: Answer) -> None:
    found: dict[tuple[DeviceId, Key], list[StoredChild]] = {}
    for child in answer:
        assert isinstance(child, StoredChild)  # noqa: S101  # the answer to this question
        found.setdefault((child.device, child.key), []).append(child)
    for (device, key), children in found.items():
        books[device].merge(key, children)
