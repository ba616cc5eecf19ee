"""All SQL of the dashboard: rows as pandas frames, read-only."""

from collections.abc import Sequence
from typing import Any, LiteralString

import pandas as pd
from psycopg import Connection, OperationalError
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool, PoolTimeout

from dashboard.settings import DashboardSettings
from schemas.base import ACTIVE_SCORE
from schemas.errors import BadConfig, Unavailable

Pool = ConnectionPool[Connection[TupleRow]]

CITY_NOW: LiteralString = """
WITH heard AS (
    SELECT device,
           max(started_at) AS heard_at,
           (10 * log(avg(power(10, laeq_1s_db / 10.0)))) AS laeq_10s_db,
           bool_and(calibration IS NOT NULL) AS calibrated
    FROM reading
    WHERE started_at > now() - interval '10 s'
    GROUP BY device
), top AS (
    SELECT DISTINCT ON (device) device, labels, scores
    FROM reading
    WHERE started_at > now() - interval '10 s'
    ORDER BY device, started_at DESC
), open AS (
    SELECT device, string_agg(rule, ', ' ORDER BY rule) AS alerts
    FROM alert
    WHERE state <> 'cleared' AND NOT historical
    GROUP BY device
)
SELECT d.device, d.name, d.site, d.latitude, d.longitude, d.online,
       h.heard_at, h.laeq_10s_db, h.calibrated, t.labels, t.scores, o.alerts
FROM device d
LEFT JOIN heard h USING (device)
LEFT JOIN top t USING (device)
LEFT JOIN open o USING (device)
ORDER BY d.device
"""

DEVICE_LEVELS: LiteralString = """
SELECT started_at, laeq_1s_db, lafmax_db, calibration, overload
FROM reading
WHERE device = %(device)s AND started_at > now() - make_interval(secs => %(seconds)s)
ORDER BY started_at
"""

DEVICE_WINDOWS: LiteralString = """
SELECT started_at, laeq_db, lafmax_db, l10_db, l90_db, coverage_s, length_s, calibration
FROM level_window
WHERE device = %(device)s AND length_s = %(length_s)s
  AND started_at > now() - make_interval(secs => %(seconds)s)
ORDER BY started_at
"""

DEVICE_LABELS: LiteralString = """
SELECT time AS started_at, label, score
FROM detection
WHERE device = %(device)s AND score >= %(active)s
  AND time > now() - make_interval(secs => %(seconds)s)
ORDER BY time
"""

ALERTS: LiteralString = """
SELECT onset_at, rule, device, state, ended_at, peak_laeq_1s_db, peak_score, active_s
FROM alert
WHERE onset_at > now() - make_interval(secs => %(seconds)s)
  AND (%(device)s::text IS NULL OR device = %(device)s)
ORDER BY onset_at DESC
LIMIT 200
"""


def open_pool(settings: DashboardSettings) -> Pool:
    """Connections of the read-only role; opened when first used.

    Raises
    ------
    BadConfig
        If the password file is missing.
    """
    path = settings.postgres_password_file
    try:
        password = path.read_text(encoding="utf-8").strip() if path else None
    except OSError as error:
        raise BadConfig(f"password file {path}: {error.strerror}") from None
    return ConnectionPool(
        kwargs={
            "host": settings.postgres_host,
            "port": settings.postgres_port,
            "dbname": settings.postgres_db,
            "user": settings.postgres_user,
            "password": password,
            "sslmode": "verify-full" if settings.postgres_ca else "prefer",
            "sslrootcert": str(settings.postgres_ca or ""),
            "autocommit": True,
            "options": "-c default_transaction_read_only=on -c statement_timeout=10000",
        },
        min_size=1,
        max_size=4,
        timeout=5,
        open=True,
    )


def city_now(pool: Pool) -> pd.DataFrame:
    """One row per device: place, level of the last 10 s, labels of the last second, alerts."""
    return _frame(pool, CITY_NOW, {})


def device_levels(pool: Pool, device: str, seconds: float) -> pd.DataFrame:
    """Levels of a device, second by second; for spans up to an hour."""
    return _frame(pool, DEVICE_LEVELS, {"device": device, "seconds": seconds})


def device_windows(pool: Pool, device: str, seconds: float, length_s: int) -> pd.DataFrame:
    """Levels of a device in windows of one length; for longer spans."""
    query = {"device": device, "seconds": seconds, "length_s": length_s}
    return _frame(pool, DEVICE_WINDOWS, query)


def device_labels(pool: Pool, device: str, seconds: float) -> pd.DataFrame:
    """Active labels of a device, one row per label and second."""
    query = {"device": device, "seconds": seconds, "active": ACTIVE_SCORE}
    return _frame(pool, DEVICE_LABELS, query)


def alerts(pool: Pool, seconds: float, device: str | None = None) -> pd.DataFrame:
    """Newest alerts, of one device or of all."""
    return _frame(pool, ALERTS, {"device": device, "seconds": seconds})


def _frame(pool: Pool, sql: LiteralString, query: dict[str, Any]) -> pd.DataFrame:
    try:
        with pool.connection() as connection, connection.cursor() as cursor:
            cursor.execute(sql, query)
            columns: Sequence[str] = [column.name for column in cursor.description or ()]
            return pd.DataFrame(cursor.fetchall(), columns=list(columns))
    except (OperationalError, PoolTimeout) as error:
        raise Unavailable(f"database: {str(error).splitlines()[0]}") from error
