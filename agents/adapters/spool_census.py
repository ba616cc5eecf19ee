"""What lies in a spool as it is opened, read in one pass: a month of readings takes a gigabyte."""

import sqlite3
from dataclasses import dataclass
from typing import Final

import orjson

from agents.adapters.spool_file import number
from agents.adapters.spool_rows import Span

_NEWEST: Final = (
    "SELECT max(coalesce((SELECT position FROM present ORDER BY position DESC LIMIT 1), 0),"
    " coalesce((SELECT max(base) FROM span), 0))"  # whose row may have been dropped as damaged
)
_EVERY_ROW: Final = (
    "SELECT count(*) FILTER (WHERE state < 2 AND codes != x''),"
    " count(*) FILTER (WHERE state < 2 AND codes = x''),"
    " json_group_array(position) FILTER (WHERE state = 2) FROM present"
)


@dataclass(frozen=True, slots=True)
class Census:
    """Rows of a spool."""

    newest: int
    """Position of the reading stored last; 0: there never was one."""
    moved_until: int
    """All that is newer lies in table `fresh`."""
    whole: int
    thin: int
    """How many wait with their frames, and without."""
    safe: list[int]
    """Positions that are context only."""
    spans: list[Span]


def census(db: sqlite3.Connection) -> Census:
    """Count what lies in a spool."""
    whole, thin, safe = db.execute(_EVERY_ROW).fetchone()
    spans = db.execute(
        "SELECT base, session, first_seq, clock, calibration FROM span ORDER BY base"
    )
    newest = number(db, _NEWEST)
    (fresh,) = db.execute("SELECT min(position) FROM fresh WHERE state < 3").fetchone()
    return Census(
        newest=newest,
        moved_until=newest if fresh is None else fresh - 1,
        whole=whole,
        thin=thin,
        safe=orjson.loads(safe),
        spans=[Span(*row) for row in spans],
    )
