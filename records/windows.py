"""Windows as they are published on `windows.v1`, page by page."""

from collections.abc import Sequence
from typing import Final, LiteralString

from records.pages import Page, page, position
from records.reader import Reader
from records.spans import Span
from schemas.results import Window

_WINDOWS: Final[LiteralString] = """
SELECT site, device, started_at, length_s, calibration, laeq_db, lceq_db, lzeq_db, lafmax_db,
       lasmax_db, lcpeak_db, l10_db, l50_db, l90_db, coverage_s, overload_s, floor_s, final,
       coalesce(heard.labels, '[]') AS labels
FROM (
    SELECT found.* FROM (SELECT DISTINCT unnest(%(devices)s::text[])) AS named (device)
    CROSS JOIN LATERAL (  -- along the primary key: a page costs what a page holds, for each device
        SELECT * FROM level_window
        WHERE device = named.device AND length_s = %(length_s)s
          AND started_at >= %(begin)s AND started_at < %(end)s
          AND (started_at, device) > (%(after_at)s, %(after_device)s)
        ORDER BY started_at
        LIMIT %(limit)s
    ) AS found
    ORDER BY started_at, found.device
    LIMIT %(limit)s
) AS page
LEFT JOIN LATERAL (
    SELECT json_agg(json_build_object(
        'label', label, 'origin', origin, 'active_s', active_s, 'events', events,
        'mean_score', mean_score, 'max_score', max_score, 'laeq_active_db', laeq_active_db,
        'source_leq_db', source_leq_db, 'source_leq_upper_db', source_leq_upper_db,
        'energy_share', energy_share
    ) ORDER BY label) AS labels
    FROM label_window
    WHERE label_window.device = page.device AND label_window.length_s = page.length_s
      AND label_window.started_at = page.started_at
) AS heard ON true
ORDER BY started_at, page.device
"""


def of_length(
    reader: Reader,
    devices: Sequence[str],
    span: Span,
    length_s: int,
    *,
    cursor: str | None = None,
    limit: int = 200,
) -> Page[Window]:
    """Windows of one length that begin within a span, with their labels, by time and device."""
    after_at, after_device = position(cursor) if cursor else (span.begin, "")
    asked = {
        "devices": list(devices),
        "length_s": length_s,
        "begin": max(span.begin, after_at),
        "end": span.end,
        "after_at": after_at,
        "after_device": after_device,
        "limit": limit + 1,
    }
    rows = reader.rows(_WINDOWS, asked, Window)
    return page(rows, limit, lambda row: (row.started_at, row.device))
