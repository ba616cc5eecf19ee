"""Which readings are missing between those that are stored, and which of those in windows."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, LiteralString

import psycopg
from psycopg.rows import class_row

from processors.adapters.postgres import conninfo, unavailable
from processors.gaps import Gap, Unfolded
from processors.settings import ProcessorSettings

# a session's first reading in the span may follow one before it
_GAPS: Final[LiteralString] = """
SELECT device, session, coalesce(before + 1, 0) AS first_seq,
       seq - coalesce(before + 1, 0) AS count, started_at AS until
FROM (
    SELECT device, session, seq, started_at,
           lag(seq) OVER (PARTITION BY device, session ORDER BY seq) AS heard
    FROM reading WHERE started_at >= %(begin)s AND started_at < %(end)s
) AS now
CROSS JOIN LATERAL (
    SELECT CASE WHEN heard IS NOT NULL THEN heard ELSE (
        SELECT max(earlier.seq) FROM reading AS earlier
        WHERE earlier.device = now.device AND earlier.session = now.session
            AND earlier.seq < now.seq
    ) END AS before
) AS known
WHERE (heard IS NULL OR heard < seq - 1) AND seq > coalesce(before + 1, 0)
ORDER BY until, device"""

# a reading belongs to the window that holds its midpoint; what has just come may be on its way
_UNFOLDED: Final[LiteralString] = """
SELECT device, started_at, (stored - coalesce(coverage_s, 0))::integer AS count
FROM (
    SELECT device, date_bin('10 s', started_at + interval '0.5 s', 'epoch') AS started_at,
           count(*) AS stored
    FROM reading
    WHERE started_at >= %(begin)s AND started_at < %(end)s AND clock = 'synced'
        AND written_at < clock_timestamp() - interval '10 s'
    GROUP BY 1, 2
) AS archived
LEFT JOIN (SELECT * FROM level_window WHERE length_s = 10) AS base USING (device, started_at)
WHERE stored > coalesce(coverage_s, 0)
ORDER BY started_at, device"""


def found(settings: ProcessorSettings, begin: datetime, end: datetime) -> Sequence[Gap]:
    """Gaps in the sessions that were heard in a span of event time.

    Raises
    ------
    Unavailable
        If the database does not answer.
    """
    with unavailable(), psycopg.connect(conninfo(settings)) as connection:
        rows = connection.cursor(row_factory=class_row(Gap))
        return rows.execute(_GAPS, {"begin": begin, "end": end}).fetchall()


def unfolded(settings: ProcessorSettings, begin: datetime, end: datetime) -> Sequence[Unfolded]:
    """Windows that begin in a span of event time and lack readings which are stored.

    Raises
    ------
    Unavailable
        If the database does not answer.
    """
    with unavailable(), psycopg.connect(conninfo(settings)) as connection:
        rows = connection.cursor(row_factory=class_row(Unfolded))
        return rows.execute(_UNFOLDED, {"begin": begin, "end": end}).fetchall()
