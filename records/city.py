"""What the city sounds like now: one row for each device."""

from datetime import datetime
from typing import Final, LiteralString, NamedTuple

from records.reader import Reader


class Heard(NamedTuple):
    """A device, LAeq of its last 10 s, the labels of its last second and its open alerts.

    Not heard in the last 10 s: no level, no labels. `last_at` is its newest reading that has been
    counted, by event time. Scores in per mille.
    """

    device: str
    site: str
    name: str
    latitude: float | None
    longitude: float | None
    online: bool
    last_at: datetime | None
    laeq_10s_db: float | None
    calibrated: bool | None
    labels: list[str] | None
    scores: list[int] | None
    alerts: list[str] | None


_NOW: Final[LiteralString] = """
WITH open AS (
    SELECT device, array_agg(DISTINCT rule ORDER BY rule) AS alerts
    FROM alert
    WHERE ended_at IS NULL AND NOT historical
    GROUP BY device
)
SELECT device.device, device.site, device.name, device.latitude, device.longitude, device.online,
       greatest(heard.last_at, ledger.newest_at) AS last_at, heard.laeq_10s_db, heard.calibrated,
       heard.labels, heard.scores, open.alerts
FROM device
LEFT JOIN ledger USING (device)
LEFT JOIN open USING (device)
LEFT JOIN LATERAL (
    SELECT max(started_at) AS last_at,
           10 * log(avg(power(10, laeq_1s_db / 10.0))) AS laeq_10s_db,
           bool_and(calibration IS NOT NULL) AS calibrated,
           (array_agg(labels::text ORDER BY started_at DESC))[1]::text[] AS labels,
           (array_agg(scores::text ORDER BY started_at DESC))[1]::int[] AS scores
    FROM reading
    -- a device's clock may be ahead by a minute, no more
    WHERE reading.device = device.device AND started_at > now() - interval '10 s'
      AND started_at < now() + interval '60 s' AND clock <> 'unsynced'
) AS heard ON true
WHERE device.active AND (%(site)s::text IS NULL OR device.site = %(site)s)
ORDER BY device.device
"""


def now(reader: Reader, site: str | None = None) -> list[Heard]:
    """Devices of one site or of all, as they are heard now."""
    return reader.rows(_NOW, {"site": site}, Heard)
