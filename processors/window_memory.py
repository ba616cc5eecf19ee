"""Rows of windows in memory: what a database would hold after the same outputs of the fold."""

from collections.abc import Iterable
from datetime import UTC, datetime

from processors.event_time import SECOND_US, microseconds
from processors.folds import Outputs
from processors.window_book import Book
from processors.window_keys import BASE_S, MINUTE_S, Key
from processors.window_pages import background_of
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
from processors.window_row_columns import WindowPage
from processors.window_rows import WindowRow


class WindowTable:
    """The table of windows of any number of devices."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, int, int], WindowRow] = {}
        self._book = Book()

    def apply(self, outputs: Outputs) -> list[WindowRow]:
        """Write what comes of outputs; those rows."""
        return self.write(row for row in outputs.rows if isinstance(row, Touched))

    def write(self, touched: Iterable[Touched]) -> list[WindowRow]:
        """Write what comes of touched windows, in one transaction; those rows."""
        book = self._book.revised(touched)
        answer: Answer | None = None
        while True:
            try:
                question = book.send(answer)
            except StopIteration as done:
                page: WindowPage = done.value
                rows = page.each()
                break
            answer = self._answer(question)
        self.rows.update({(r.device, r.length_s, _start_s(r)): r for r in rows})
        return rows

    def of(self, length_s: int) -> list[WindowRow]:
        """Rows of one length, by time."""
        return [self.rows[key] for key in sorted(self.rows) if key[1] == length_s]

    def at(self, length_s: int, started_at: datetime) -> WindowRow:
        """The one row of a window."""
        [row] = [row for row in self.of(length_s) if row.started_at == started_at]
        return row

    def _answer(self, question: Question) -> Answer:
        match question:
            case Bases(spans):
                return [
                    StoredBase(device, at, row.sums or b"", row.final)
                    for (device, length_s, at), row in self.rows.items()
                    if length_s == BASE_S
                    and any(s.device == device and s.from_s <= at < s.to_s for s in spans)
                ]
            case Minutes(spans):
                return [
                    StoredMinute(device, at, background_of(row), row.final)
                    for (device, length_s, at), row in self.rows.items()
                    if length_s == MINUTE_S
                    and any(s.device == device and s.from_s <= at < s.to_s for s in spans)
                ]
            case Children(wanted):
                return [
                    child for device, key, due in wanted for child in self._in(device, key, due=due)
                ]

    def _in(self, device: str, key: Key, *, due: bool) -> list[StoredChild]:
        known = self.rows.get((device, key.length_s, key.start_s))
        if known is None and not due:
            return []
        final = None if known is None else known.final
        return [
            StoredChild(device, key, at, row.sums, final)
            for (other, length_s, at), row in self.rows.items()
            if other == device and length_s == key.child_s and key.start_s <= at < key.end_s
        ] or [StoredChild(device, key, 0, None, final)]


def _start_s(row: WindowRow) -> int:
    return microseconds(row.started_at.astimezone(UTC)) // SECOND_US
