"""How devices and processors are: last seen, spool, gaps, clock, and who is behind."""

from datetime import datetime
from typing import Final, LiteralString, NamedTuple

from records.reader import Reader


class Health(NamedTuple):
    """A device by its newest status and by the account of its readings (`docs/windows.md`)."""

    device: str
    name: str
    online: bool
    last_at: datetime | None
    status_at: datetime | None
    agent_version: str | None
    clock: str | None
    calibration: str | None
    spooled_readings: int | None
    quarantined: int | None
    overruns: int | None
    dropped: int | None
    temperature_c: float | None
    disk_free_bytes: int | None
    counted: int | None
    missing: int | None
    duplicates: int | None
    off_clock: int | None
    overlapping: int | None


class Progress(NamedTuple):
    """How far a program's partitions are; ticks move each of them every 5 s while all is well.

    `behind`: records of its topic that another program has stored and this one has not.
    """

    program: str
    topic: str
    partitions: int
    oldest_commit_at: datetime
    newest_commit_at: datetime
    behind: int


class Waiting(NamedTuple):
    """What a target has not been given yet."""

    target: str
    messages: int
    oldest_at: datetime | None


class Delay(NamedTuple):
    """From the bridge to the row, of the readings of the last minute, s; None: there are none."""

    readings: int
    median_s: float | None
    p95_s: float | None


class DeadLetters(NamedTuple):
    """Messages of one device, or found in one Kafka topic, that could not be read, by reason."""

    origin: str
    reason: str
    messages: int
    newest_at: datetime
    newest_detail: str


_HEALTH: Final[LiteralString] = """
SELECT device.device, name, online, ledger.newest_at AS last_at, status_at,
       status ->> 'agent_version' AS agent_version, status ->> 'clock' AS clock,
       status ->> 'calibration' AS calibration,
       (status ->> 'spooled_readings')::bigint AS spooled_readings,
       (status ->> 'quarantined')::bigint AS quarantined,
       (status ->> 'overruns')::bigint AS overruns,
       (SELECT sum((range ->> 'count')::bigint)::bigint FROM jsonb_array_elements(
            CASE jsonb_typeof(status -> 'dropped') WHEN 'array' THEN status -> 'dropped' END
        ) AS range) AS dropped,
       (status ->> 'temperature_c')::float8 AS temperature_c,
       (status ->> 'disk_free_bytes')::bigint AS disk_free_bytes,
       counted, missing, duplicates, off_clock, overlapping
FROM device LEFT JOIN ledger USING (device)
WHERE active
ORDER BY online, device.device
"""
_PROGRESS: Final[LiteralString] = """
SELECT program, topic, count(*) AS partitions, min(updated_at) AS oldest_commit_at,
       max(updated_at) AS newest_commit_at, sum(furthest - next_offset)::bigint AS behind
FROM (SELECT *, max(next_offset) OVER (PARTITION BY topic, partition) AS furthest FROM checkpoint)
    AS checkpoints
GROUP BY program, topic ORDER BY program, topic
"""
_WAITING: Final[LiteralString] = """
SELECT target, count(*) AS messages, min(created_at) AS oldest_at
FROM delivery JOIN outbox ON outbox.id = outbox_id
WHERE delivered_at IS NULL
GROUP BY target ORDER BY target
"""
_DELAY: Final[LiteralString] = """
SELECT count(*) AS readings,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY late_s) AS median_s,
       percentile_cont(0.95) WITHIN GROUP (ORDER BY late_s) AS p95_s
FROM (
    SELECT extract(epoch FROM written_at - received_at)::float8 AS late_s
    FROM device JOIN reading USING (device)
    WHERE started_at > now() - interval '60 s' AND started_at < now()
) AS newest
"""
_DEAD_LETTERS: Final[LiteralString] = """
SELECT origin, reason, sum(messages)::bigint AS messages, max(newest_at) AS newest_at,
       (array_agg(newest_detail ORDER BY newest_at DESC))[1] AS newest_detail
FROM dead_letter
WHERE hour > now() - make_interval(days => %(days)s)
GROUP BY origin, reason ORDER BY newest_at DESC
LIMIT 100
"""


def health(reader: Reader) -> list[Health]:
    """Devices, those offline first."""
    return reader.rows(_HEALTH, {}, Health)


def progress(reader: Reader) -> list[Progress]:
    """Programs that keep their place in the database: the folds."""
    return reader.rows(_PROGRESS, {}, Progress)


def waiting(reader: Reader) -> list[Waiting]:
    """Targets that have messages to come."""
    return reader.rows(_WAITING, {}, Waiting)


def delay(reader: Reader) -> Delay:
    """How long the newest readings took."""
    return reader.rows(_DELAY, {}, Delay)[0]


def dead_letters(reader: Reader, days: int) -> list[DeadLetters]:
    """What could not be read in the last days, the newest first."""
    return reader.rows(_DEAD_LETTERS, {"days": days}, DeadLetters)
