"""Which readings are missing between those that are stored, and which of those in windows."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, LiteralString

import psycopg
from psycopg.rows import class_row

from processors.adapters.postgres import conninfo, unavailable
from processors.gaps import Gap, Unfolded, is_within
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

# behind the newest reading of a session only the device knows of more
_DROPPED: Final[LiteralString] = """
SELECT device.device, told.session, told.first_seq, told.count, NULL AS until
FROM device CROSS JOIN LATERAL jsonb_to_recordset(
    CASE jsonb_typeof(status -> 'dropped') WHEN 'array' THEN status -> 'dropped' END
) AS told (session text, first_seq bigint, count bigint)
WHERE NOT EXISTS (
    SELECT FROM reading
    WHERE reading.device = device.device AND reading.session = told.session
        AND reading.seq >= told.first_seq
)
ORDER BY device, session, first_seq"""

# As the fold counts them (processors/window_rows.py): a reading belongs to the window that holds
# its midpoint; a clock that is slewed puts an eleventh there, which counts no second; beside
# calibrated readings relative ones are left out. A window's first reading waits for its end, 2 s
# and a commit.
_UNFOLDED: Final[LiteralString] = """
SELECT device, started_at, (stored - coalesce(coverage_s, 0))::integer AS count
FROM (
    SELECT device, date_bin('10 s', started_at + interval '0.5 s', 'epoch') AS started_at,
           least(10, coalesce(nullif(count(calibration), 0), count(*))) AS stored
    FROM reading
    WHERE started_at >= %(begin)s AND started_at < %(end)s AND clock = 'synced'
        AND written_at < clock_timestamp() - interval '30 s'
    GROUP BY 1, 2
) AS archived
LEFT JOIN (SELECT * FROM level_window WHERE length_s = 10) AS base USING (device, started_at)
WHERE stored > coalesce(coverage_s, 0)
ORDER BY started_at, device"""


def found(settings: ProcessorSettings, begin: datetime, end: datetime) -> Sequence[Gap]:
    """Gaps in the sessions that were heard in a span of event time, and what devices dropped.

    The last readings of a session, or all of them, leave no gap: they are found as far as the
    newest statuses say that they were dropped.

    Raises
    ------
    Unavailable
        If the database does not answer.
    """
    with unavailable(), psycopg.connect(conninfo(settings)) as connection:
        rows = connection.cursor(row_factory=class_row(Gap))
        gaps = rows.execute(_GAPS, {"begin": begin, "end": end}).fetchall()
        dropped = rows.execute(_DROPPED).fetchall()
    return [*gaps, *(one for one in dropped if is_within(one, begin, end))]


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
