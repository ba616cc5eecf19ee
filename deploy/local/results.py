"""What the database holds of a demo run: its SQL, and the live table's."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, LiteralString, NamedTuple

import psycopg
from psycopg.rows import TupleRow

from deploy.local.report import Run, Stored, StoredAlert
from deploy.local.stack import Addresses
from schemas.errors import Unavailable

WINDOW_LENGTH_S = 10

COUNTS: LiteralString = """
SELECT count(*), count(DISTINCT (device, session, seq)) FROM reading WHERE session = ANY(%s)
"""
ROWS: LiteralString = "SELECT count(*) FROM reading"
IN_WINDOWS: LiteralString = """
SELECT coalesce(sum(coverage_s), 0) FROM level_window WHERE length_s = %s
"""
WINDOWS: LiteralString = """
SELECT count(*), coalesce(sum(coverage_s) FILTER (WHERE length_s = %s), 0)
FROM level_window WHERE device = ANY(%s) AND started_at > %s::timestamptz - interval '10 s'
"""
DELAYS: LiteralString = """
SELECT extract(epoch FROM written_at - started_at)::float8 - 1
FROM reading WHERE session = ANY(%s)
"""
ALERTS: LiteralString = """
SELECT a.device, a.rule, a.state, a.onset_at, a.raised_at, min(d.delivered_at)
FROM alert a
LEFT JOIN outbox o ON o.kind = 'alert' AND o.key = a.alert_id::text
LEFT JOIN delivery d ON d.outbox_id = o.id AND d.target = 'mqtt'
WHERE a.session = ANY(%s)
GROUP BY a.alert_id
ORDER BY a.onset_at, a.device
"""
READY: LiteralString = """
SELECT count(DISTINCT program) FROM checkpoint
WHERE program = ANY(%s) AND next_offset > 0 AND updated_at > %s
"""
BEHIND: LiteralString = """
SELECT count(*) FROM checkpoint mine JOIN checkpoint archive USING (topic, partition)
WHERE mine.program = ANY(%s) AND archive.program = 'archive'
    AND mine.next_offset < archive.next_offset
"""
CITY: LiteralString = """
WITH newest AS (
    SELECT DISTINCT ON (device) device, laeq_1s_db, labels, scores, started_at
    FROM reading WHERE started_at > now() - interval '10 s'
    ORDER BY device, started_at DESC
)
SELECT d.device, d.name, n.laeq_1s_db, n.labels, n.scores,
       (SELECT string_agg(rule, ', ') FROM alert a
        WHERE a.device = d.device AND a.ended_at IS NULL AND NOT a.historical),
       extract(epoch FROM now() - n.started_at)::float8 - 1
FROM device d LEFT JOIN newest n USING (device)
WHERE d.active ORDER BY d.device
"""


UNDELIVERED: LiteralString = """
SELECT count(*) FROM delivery WHERE delivered_at IS NULL
"""


class DeviceNow(NamedTuple):
    """One line of the live table."""

    device: str
    name: str
    laeq_1s_db: float | None
    labels: list[str] | None
    scores: list[int] | None
    alerts: str | None
    age_s: float | None


class Results:
    """Read-only questions to the run's database, asked anew when it has been away."""

    def __init__(self, addresses: Addresses) -> None:
        self._addresses = addresses
        self._connection = self._connected()

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    def ready(self, programs: Sequence[str], since: datetime) -> bool:
        """Whether each program has committed ticks since then."""
        return bool(self._one(READY, [list(programs), since])[0] == len(programs))

    def city(self) -> list[DeviceNow]:
        """What every device hears now."""
        return [DeviceNow(*row) for row in self._rows(CITY, [])]

    def rows(self) -> int:
        """Number of readings in the database, of whatever run."""
        return int(self._one(ROWS, [])[0])

    def seconds_in_windows(self) -> int:
        """Seconds that the shortest windows count, of whatever run."""
        return int(self._one(IN_WINDOWS, [WINDOW_LENGTH_S])[0])

    def stored_readings(self, run: Run) -> int:
        """Number of the run's readings in the database."""
        return int(self._one(COUNTS, [_sessions(run)])[1])

    def behind(self, programs: Sequence[str]) -> int:
        """Number of partitions in which these programs have not applied what is archived."""
        return int(self._one(BEHIND, [list(programs)])[0])

    def undelivered(self) -> int:
        """Number of deliveries that the relay still owes."""
        return int(self._one(UNDELIVERED, [])[0])

    def stored(self, run: Run) -> Stored:
        """Everything that the report compares with the truth."""
        sessions = _sessions(run)
        devices = [device.device for device in run.devices]
        started_at = min(device.started_at for device in run.devices)
        rows, distinct = self._one(COUNTS, [sessions])
        windows, seconds = self._one(WINDOWS, [WINDOW_LENGTH_S, devices, started_at])
        return Stored(
            rows=rows,
            distinct=distinct,
            in_windows=int(seconds),
            windows=windows,
            delays_s=[delay for (delay,) in self._rows(DELAYS, [sessions])],
            alerts=[StoredAlert(*row) for row in self._rows(ALERTS, [sessions])],
        )

    def _one(self, sql: LiteralString, values: list[Any]) -> tuple[Any, ...]:
        return self._rows(sql, values)[0]

    def _rows(self, sql: LiteralString, values: list[Any]) -> list[tuple[Any, ...]]:
        try:
            if self._connection.closed:
                self._connection = self._connected()
            return self._connection.execute(sql, values).fetchall()
        except psycopg.OperationalError as error:
            self._connection.close()
            raise Unavailable(f"PostgreSQL: {str(error).splitlines()[0]}") from error

    def _connected(self) -> psycopg.Connection[TupleRow]:
        addresses = self._addresses
        password = addresses.secrets / "postgres" / "cityhum_reader"
        return psycopg.connect(
            host=addresses.postgres_host,
            port=addresses.postgres_port,
            dbname=addresses.postgres_db,
            user="cityhum_reader",
            password=password.read_text(encoding="utf-8").strip(),
            autocommit=True,
        )


def _sessions(run: Run) -> list[str]:
    return [device.session for device in run.devices]
