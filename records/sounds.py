"""Which sounds when, whose energy it is, and which are loudest; all of it added up in the database.

Hours and weekdays are those on the clocks of the site.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, LiteralString, NamedTuple

from records.reader import Reader
from records.spans import Span


class Rhythm(NamedTuple):
    """How long a label was active in an hour of a weekday, of how long that was heard, s.

    Monday is 1; hours 0 to 23. Every hour that was heard has a row of every label.
    """

    label: str
    weekday: int
    hour: int
    active_s: int
    coverage_s: int


class OriginShare(NamedTuple):
    """Share of all energy that one origin has, beginning at a time; 0 to 1."""

    started_at: datetime
    origin: str
    share: float


class Source(NamedTuple):
    """A label over a span: its own level in its active seconds, and where that was highest, dB.

    Relative levels are left out beside calibrated ones. `calibrated`: some of its windows were; if
    no label's were, all levels are relative to full scale.
    """

    label: str
    origin: str
    active_s: int
    events: int
    source_leq_db: float | None
    loudest_db: float | None
    loudest_device: str | None
    loudest_at: datetime | None
    calibrated: bool


_RHYTHM: Final[LiteralString] = """
WITH heard AS (
    SELECT extract(isodow FROM started_at AT TIME ZONE %(zone)s)::int AS weekday,
           extract(hour FROM started_at AT TIME ZONE %(zone)s)::int AS hour,
           sum(coverage_s) AS coverage_s
    FROM level_window
    WHERE device = ANY(%(devices)s) AND length_s = 3600
      AND started_at >= %(begin)s AND started_at < %(end)s
    GROUP BY 1, 2
), active AS (
    SELECT label, extract(isodow FROM started_at AT TIME ZONE %(zone)s)::int AS weekday,
           extract(hour FROM started_at AT TIME ZONE %(zone)s)::int AS hour,
           sum(active_s) AS active_s
    FROM label_window
    WHERE device = ANY(%(devices)s) AND length_s = 3600
      AND started_at >= %(begin)s AND started_at < %(end)s
    GROUP BY 1, 2, 3
)
SELECT label, weekday, hour, coalesce(active_s, 0) AS active_s, coverage_s
FROM (SELECT DISTINCT label FROM active) AS named CROSS JOIN heard
LEFT JOIN active USING (label, weekday, hour)
WHERE coverage_s > 0
ORDER BY label, weekday, hour
"""
_ORIGINS: Final[LiteralString] = """
WITH heard AS (
    SELECT device, started_at, coverage_s, sum(coverage_s) OVER (PARTITION BY started_at) AS whole
    FROM level_window
    WHERE device = ANY(%(devices)s) AND length_s = %(length_s)s
      AND started_at >= %(begin)s AND started_at < %(end)s
), shares AS (
    SELECT heard.started_at, origin, sum(energy_share * coverage_s / whole) AS share
    FROM heard JOIN label_window AS label
        ON label.device = heard.device AND label.length_s = %(length_s)s
        AND label.started_at = heard.started_at
    GROUP BY 1, 2
)
SELECT started_at, origin, share FROM shares
UNION ALL
SELECT every.started_at, 'background', greatest(0, 1 - coalesce(sum(share), 0))
FROM (SELECT DISTINCT started_at FROM heard) AS every LEFT JOIN shares USING (started_at)
GROUP BY every.started_at
ORDER BY 1, 2
"""
_SOURCES: Final[LiteralString] = """
WITH heard AS (
    SELECT label.*, calibration IS NOT NULL AS calibrated
    FROM label_window AS label JOIN level_window USING (device, length_s, started_at)
    WHERE device = ANY(%(devices)s) AND length_s = %(length_s)s
      AND started_at >= %(begin)s AND started_at < %(end)s
), comparable AS (
    SELECT label, origin, active_s, events, device, started_at, calibrated,
           CASE WHEN calibrated OR NOT bool_or(calibrated) OVER () THEN source_leq_db END
               AS source_leq_db
    FROM heard
)
SELECT label, min(origin) AS origin, sum(active_s)::bigint AS active_s,
       sum(events)::bigint AS events,
       10 * log(sum(active_s * power(10::float8, source_leq_db / 10))
           / sum(active_s) FILTER (WHERE source_leq_db IS NOT NULL)) AS source_leq_db,
       max(source_leq_db) AS loudest_db,
       (array_agg(device ORDER BY source_leq_db DESC NULLS LAST))[1] AS loudest_device,
       (array_agg(started_at ORDER BY source_leq_db DESC NULLS LAST))[1] AS loudest_at,
       bool_or(calibrated) AS calibrated
FROM comparable
GROUP BY label
ORDER BY source_leq_db DESC NULLS LAST, label
"""


def rhythm(reader: Reader, devices: Sequence[str], span: Span, zone: str) -> list[Rhythm]:
    """How much of each weekday's hour each label was active, all devices together."""
    return reader.rows(_RHYTHM, {**_asked(devices, span), "zone": zone}, Rhythm)


def origins(reader: Reader, devices: Sequence[str], span: Span, length_s: int) -> list[OriginShare]:
    """Natural, human and technogenic energy over time, and the background that is left.

    Devices count by the seconds they were heard, not by their energy: else a busy road would be
    the city.
    """
    return reader.rows(_ORIGINS, {**_asked(devices, span), "length_s": length_s}, OriginShare)


def loudest(reader: Reader, devices: Sequence[str], span: Span, length_s: int) -> list[Source]:
    """Labels by their own level, loudest first, from windows of one length."""
    return reader.rows(_SOURCES, {**_asked(devices, span), "length_s": length_s}, Source)


def _asked(devices: Sequence[str], span: Span) -> dict[str, object]:
    return {"devices": list(devices), "begin": span.begin, "end": span.end}
