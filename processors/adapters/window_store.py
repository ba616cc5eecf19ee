"""What is touched of windows -> their rows, within the transaction that writes them."""

from collections.abc import Sequence
from typing import Any, Final, LiteralString

from psycopg import AsyncCursor

from processors.sources import MinuteBackground
from processors.window_book import Book
from processors.window_keys import Key
from processors.window_questions import (
    Answer,
    Bases,
    Children,
    Minutes,
    Question,
    Span,
    StoredBase,
    StoredChild,
    StoredMinute,
    Touched,
)
from processors.window_row_columns import WindowPage
from schemas.base import Frozen
from schemas.results import Alert, Window

Cursor = AsyncCursor[Any]

# OFFSET 0: one look into the index for each span, whatever the planner thinks of their number
_FOUND: LiteralString = """
SELECT span.device, extract(epoch FROM found.started_at)::bigint, found.*
FROM unnest(%(devices)s::text[], %(from)s::bigint[], %(to)s::bigint[])
    AS span (device, from_s, to_s)
CROSS JOIN LATERAL (
    SELECT started_at, {} FROM level_window
    WHERE level_window.device = span.device AND length_s = {} AND sums IS NOT NULL
        AND started_at >= to_timestamp(from_s) AND started_at < to_timestamp(to_s)
    OFFSET 0
) AS found"""
_BASES: Final = _FOUND.replace("{}", "sums, final", 1).replace("{}", "10")
_MINUTES: Final = _FOUND.replace(
    "{}", "l90_db, coverage_s, calibration IS NOT NULL AS calibrated, final", 1
).replace("{}", "60")
_CHILDREN: Final = """
SELECT wanted.position::integer, extract(epoch FROM child.started_at)::bigint, child.sums,
    parent.final
FROM unnest(%(devices)s::text[], %(lengths)s::integer[], %(from)s::bigint[], %(to)s::bigint[],
    %(child)s::integer[], %(due)s::boolean[]) WITH ORDINALITY
    AS wanted (device, length_s, from_s, to_s, child_s, due, position)
LEFT JOIN LATERAL (
    SELECT final FROM level_window
    WHERE level_window.device = wanted.device AND level_window.length_s = wanted.length_s
        AND started_at = to_timestamp(from_s)
    OFFSET 0
) AS parent ON true
LEFT JOIN LATERAL (
    SELECT started_at, sums FROM level_window
    WHERE level_window.device = wanted.device AND level_window.length_s = wanted.child_s
        AND started_at >= to_timestamp(from_s) AND started_at < to_timestamp(to_s)
    OFFSET 0
) AS child ON true
WHERE wanted.due OR parent.final IS NOT NULL"""


async def resolved(
    cursor: Cursor, book: Book, rows: Sequence[Frozen], messages: Sequence[Alert | Window | Touched]
) -> tuple[Sequence[Frozen], Sequence[Alert | Window]]:
    """Put the rows of windows in place of what says that they are touched.

    Parameters
    ----------
    cursor : AsyncCursor
        In the transaction that will write the rows.
    book : Book
        To be thrown away if that transaction fails.
    rows, messages : sequence
        Of a commit. If `Touched` is among the messages, final windows of a minute and more are
        told; base windows would be five times as many, and are in the database.
    """
    touched = [row for row in rows if isinstance(row, Touched)]
    told = [message for message in messages if not isinstance(message, Touched)]
    if not touched:
        return rows, told
    page = await revised(cursor, book, touched)
    if len(told) < len(messages):
        told += [one for one in page.larger if one.final]
    return [*(row for row in rows if not isinstance(row, Touched)), page], told


async def revised(cursor: Cursor, book: Book, touched: Sequence[Touched]) -> WindowPage:
    """Rows that follow from what is touched, and from what the database holds."""
    revising = book.revised(touched)
    answer: Answer | None = None
    while True:
        try:
            question = revising.send(answer)
        except StopIteration as done:
            page: WindowPage = done.value
            return page
        answer = await _answer(cursor, question)


async def _answer(cursor: Cursor, question: Question) -> Answer:
    match question:
        case Bases(spans):
            found = await _all(cursor, _BASES, _of_spans(spans))
            return [StoredBase(device, at, sums, final) for device, at, _, sums, final in found]
        case Minutes(spans):
            found = await _all(cursor, _MINUTES, _of_spans(spans))
            return [
                StoredMinute(device, at, MinuteBackground(round(10 * l90), heard, known), final)
                for device, at, _, l90, heard, known, final in found
            ]
        case Children(wanted):
            found = await _all(cursor, _CHILDREN, _of_wanted(question))
            named = [(device, key) for device, key, _ in wanted]
            return [
                StoredChild(named[n - 1][0], named[n - 1][1], at, sums, final)
                for n, at, sums, final in found
            ]


async def _all(
    cursor: Cursor, query: LiteralString, values: dict[str, object]
) -> list[tuple[Any, ...]]:
    await cursor.execute(query, values, binary=True)
    return await cursor.fetchall()


def _of_spans(spans: Sequence[Span]) -> dict[str, object]:
    return {
        "devices": [span.device for span in spans],
        "from": [span.from_s for span in spans],
        "to": [span.to_s for span in spans],
    }


def _of_wanted(question: Children) -> dict[str, object]:
    keys: list[Key] = [key for _, key, _ in question.wanted]
    return {
        "devices": [device for device, _, _ in question.wanted],
        "lengths": [key.length_s for key in keys],
        "from": [key.start_s for key in keys],
        "to": [key.end_s for key in keys],
        "child": [key.child_s for key in keys],
        "due": [due for _, _, due in question.wanted],
    }
