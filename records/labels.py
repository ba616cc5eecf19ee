"""Which labels were active, second by second and in windows."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, LiteralString, NamedTuple

from records.pages import Page, page, position
from records.reader import Reader
from records.spans import Span, affordable
from schemas.base import ACTIVE_SCORE


class LabelSecond(NamedTuple):
    """An active label of one second; score in per mille."""

    started_at: datetime
    label: str
    score: int
    laeq_1s_db: float


class LabelShare(NamedTuple):
    """Share of a window in which a label was active; 0 to 1."""

    started_at: datetime
    label: str
    share: float


class LabelWindow(NamedTuple):
    """A label that was active in a window: `docs/windows.md`, "Labels"."""

    device: str
    started_at: datetime
    label: str
    origin: str
    active_s: int
    events: int
    mean_score: int
    max_score: int
    laeq_active_db: float
    source_leq_db: float | None
    source_leq_upper_db: float | None
    energy_share: float


_SECONDS: Final[LiteralString] = """
SELECT started_at, label, score, laeq_1s_db
FROM reading CROSS JOIN LATERAL unnest(labels, scores) AS heard (label, score)
WHERE device = %(device)s AND started_at >= %(begin)s AND started_at < %(end)s
  AND clock <> 'unsynced' AND score >= %(active)s
ORDER BY started_at, label
"""
_SHARES: Final[LiteralString] = """
SELECT started_at, label, least(1, active_s / %(length_s)s::float8) AS share
FROM (
    SELECT *, dense_rank() OVER (ORDER BY whole_s DESC, label) AS place
    FROM (
        SELECT started_at, label, active_s, sum(active_s) OVER (PARTITION BY label) AS whole_s
        FROM label_window
        WHERE device = %(device)s AND length_s = %(length_s)s
          AND started_at >= %(begin)s AND started_at < %(end)s
    ) AS heard
) AS ranked
WHERE place <= %(most)s
ORDER BY started_at, label
"""
_WINDOWS: Final[LiteralString] = """
SELECT found.* FROM (SELECT DISTINCT unnest(%(devices)s::text[])) AS named (device)
CROSS JOIN LATERAL (  -- along the primary key: a page costs what a page holds, for each device
    SELECT device, started_at, label, origin, active_s, events, mean_score, max_score,
           laeq_active_db, source_leq_db, source_leq_upper_db, energy_share
    FROM label_window
    WHERE device = named.device AND length_s = %(length_s)s
      AND started_at >= %(begin)s AND started_at < %(end)s
      AND (%(labels)s::text[] IS NULL OR label = ANY(%(labels)s))
      AND (started_at, device || '/' || label) > (%(after_at)s, %(after_name)s)
    ORDER BY started_at, label
    LIMIT %(limit)s
) AS found
ORDER BY started_at, found.device || '/' || label
LIMIT %(limit)s
"""


def by_second(reader: Reader, device: str, span: Span) -> list[LabelSecond]:
    """Active labels of a device, one row for each label and second.

    Raises
    ------
    BadQuestion
        If the span has more than `spans.MOST_POINTS` seconds.
    """
    affordable(span, 1)
    asked = {"device": device, "begin": span.begin, "end": span.end, "active": ACTIVE_SCORE}
    return reader.rows(_SECONDS, asked, LabelSecond)


def shares(reader: Reader, device: str, span: Span, length_s: int, most: int) -> list[LabelShare]:
    """Shares of the labels of a device that were active most, a row for each and each window.

    Raises
    ------
    BadQuestion
        If the span has more than `spans.MOST_POINTS` windows.
    """
    asked = {
        "device": device,
        "begin": span.begin,
        "end": span.end,
        "length_s": affordable(span, length_s),
        "most": most,
    }
    return reader.rows(_SHARES, asked, LabelShare)


def in_windows(
    reader: Reader,
    devices: Sequence[str],
    span: Span,
    length_s: int,
    *,
    labels: Sequence[str] | None = None,
    cursor: str | None = None,
    limit: int = 1000,
) -> Page[LabelWindow]:
    """Labels that were active in windows of one length, by time, device and label."""
    after_at, after_name = position(cursor) if cursor else (span.begin, "")
    asked = {
        "devices": list(devices),
        "length_s": length_s,
        "begin": max(span.begin, after_at),
        "end": span.end,
        "labels": list(labels) if labels else None,
        "after_at": after_at,
        "after_name": after_name,
        "limit": limit + 1,
    }
    rows = reader.rows(_WINDOWS, asked, LabelWindow)
    return page(rows, limit, lambda row: (row.started_at, f"{row.device}/{row.label}"))
