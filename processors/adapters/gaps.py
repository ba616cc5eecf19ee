"""Which readings are missing between those that are stored."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, LiteralString

import psycopg
from psycopg.rows import class_row

from processors.adapters.postgres import conninfo, unavailable
from processors.gaps import Gap
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
