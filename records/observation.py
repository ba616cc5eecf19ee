"""The whole fleet in a few figures, for who watches over it: how many, never which."""

from collections.abc import Mapping
from typing import Final, LiteralString, NamedTuple

from processors.adapters.replay_catalog import RUNNING
from records import fleet
from records.fleet import Waiting
from records.reader import Reader


class Count(NamedTuple):
    """How many there are of a kind."""

    kind: str
    number: float


class Figures(NamedTuple):
    """What `schemas.metrics` shows of the fleet, by the values of each label."""

    devices: Mapping[str, float]
    in_trouble: Mapping[str, float]
    spooled: Mapping[str, float]
    account: Mapping[str, float]
    replays: Mapping[str, float]
    replayed_readings: float
    waiting: Mapping[str, Waiting]
    database_bytes: float
    backup_at_s: float


_DEVICES: Final[LiteralString] = """
SELECT kind, count(device) AS number
FROM unnest(ARRAY['online', 'offline', 'lost', 'never']) AS kind LEFT JOIN (
    SELECT device.device, CASE
        WHEN online THEN 'online'
        WHEN greatest(ledger.written_at, status_written_at) IS NULL THEN 'never'
        WHEN greatest(ledger.written_at, status_written_at) > now() - interval '2 h' THEN 'offline'
        ELSE 'lost' END AS kind
    FROM device LEFT JOIN ledger USING (device) WHERE active
) AS states USING (kind) GROUP BY kind
"""
_IN_TROUBLE: Final[LiteralString] = """
SELECT kind, count(*) FILTER (WHERE is_so)::float8 AS number
FROM device LEFT JOIN ledger USING (device) CROSS JOIN LATERAL (VALUES
    ('mute', newest_at IS NULL OR newest_at < now() - interval '10 min'),
    ('clock', status ->> 'clock' = 'unsynced'),
    ('calibration', status ->> 'calibration' IS NULL),
    ('overruns', (status ->> 'overruns')::bigint > 0),
    ('quarantine', (status ->> 'quarantined')::bigint > 0),
    ('heat', (status ->> 'temperature_c')::float8 > 75),
    ('disk', (status ->> 'disk_free_bytes')::bigint < 500 * 1024 * 1024)
) AS troubles (kind, is_so)
WHERE active AND online GROUP BY kind
"""
_SPOOLED: Final[LiteralString] = """
SELECT quantile::text AS kind, coalesce(percentile_disc(quantile) WITHIN GROUP (
    ORDER BY (status ->> 'spooled_readings')::bigint), 0)::float8 AS number
FROM unnest(ARRAY[0.5, 0.9, 0.99, 1]::float8[]) AS quantile, device WHERE active
GROUP BY quantile
"""
_ACCOUNT: Final[LiteralString] = """
SELECT kind, sum(readings)::float8 AS number
FROM ledger CROSS JOIN LATERAL (VALUES ('counted', counted), ('missing', missing),
    ('duplicate', duplicates), ('off_clock', off_clock), ('overlapping', overlapping)
) AS kinds (kind, readings) GROUP BY kind
UNION ALL
SELECT 'dropped', coalesce(sum((range ->> 'count')::bigint), 0)::float8
FROM device CROSS JOIN LATERAL jsonb_array_elements(
    CASE jsonb_typeof(status -> 'dropped') WHEN 'array' THEN status -> 'dropped' END) AS range
"""
_REPLAYS: Final[LiteralString] = f"""
SELECT kind, count(name) AS number
FROM unnest(ARRAY['running', 'incomplete', 'complete', 'promoted']) AS kind LEFT JOIN (
    SELECT name, CASE WHEN {RUNNING} THEN 'running' ELSE state END AS kind FROM replay
) AS replays USING (kind) GROUP BY kind
UNION ALL
SELECT 'readings', coalesce(sum(readings), 0)::float8 FROM replay WHERE {RUNNING}
"""  # noqa: S608
_DATABASE: Final[LiteralString] = """
SELECT 'bytes' AS kind, pg_database_size(current_database())::float8 AS number
UNION ALL
SELECT 'backup_at_s', coalesce(extract(epoch FROM greatest(
    (SELECT max(made_at) FROM backup), (SELECT last_archived_time FROM pg_stat_archiver))), 0)
"""


def figures(reader: Reader) -> Figures:
    """All of them, as they are now."""
    replays = dict(_counts(reader, _REPLAYS))
    database = _counts(reader, _DATABASE)
    return Figures(
        devices=_counts(reader, _DEVICES),
        in_trouble=_counts(reader, _IN_TROUBLE),
        spooled=_counts(reader, _SPOOLED),
        account=_counts(reader, _ACCOUNT),
        replayed_readings=replays.pop("readings"),
        replays=replays,
        waiting={one.target: one for one in fleet.waiting(reader)},
        database_bytes=database["bytes"],
        backup_at_s=database["backup_at_s"],
    )


def _counts(reader: Reader, sql: LiteralString) -> Mapping[str, float]:
    return {one.kind: float(one.number) for one in reader.rows(sql, {}, Count)}
