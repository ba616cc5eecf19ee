"""A small record to ask about: an hour of two devices at harbour, the third heard nothing."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from records.address import Address
from records.spans import Span
from tests.builders import SESSION, STARTED_AT
from tests.database import Database

LOUD, QUIET, SILENT = "pole-01", "pole-02", "pole-03"
HOUR: Final = Span(STARTED_AT, STARTED_AT + timedelta(hours=1))
SECONDS: Final = 120
"""Seconds that are kept besides the windows, from the beginning of the hour, of the loud one."""
ALERT_IDS: Final = tuple(UUID(int=number) for number in range(1, 6))

_READINGS = """
INSERT INTO reading (device, session, seq, started_at, received_at, clock, calibration, laeq_1s_db,
    lceq_1s_db, lzeq_1s_db, lafmax_db, lasmax_db, lcpeak_db, overload, floor, third_octaves_db,
    model, labels, scores)
SELECT %s, %s, n, %s::timestamptz + n * interval '1 s', clock_timestamp(), 'synced', 'a',
       60 + n %% 2, 65, 66, 70, 65, 80, false, false, array_fill(50::real, ARRAY[25]), 'm',
       CASE WHEN n < 5 THEN '{siren,wind}'::text[] ELSE '{}' END,
       CASE WHEN n < 5 THEN '{900,200}'::smallint[] ELSE '{}' END
FROM generate_series(0, %s - 1) AS n"""
_WINDOWS = """
INSERT INTO level_window (site, device, length_s, started_at, calibration, laeq_db, lceq_db,
    lzeq_db, lafmax_db, lasmax_db, lcpeak_db, l10_db, l50_db, l90_db, coverage_s, overload_s,
    floor_s, final)
SELECT 'harbour', device, length_s, at, 'a', level_db, level_db + 4, level_db + 5, level_db + 9,
       level_db + 3, level_db + 20, level_db + 2, level_db - 1, level_db - 6, length_s, 0, 0, true
FROM unnest(ARRAY[10, 60, 900, 3600]) AS length_s
CROSS JOIN LATERAL generate_series(%s, %s - interval '1 s', length_s * interval '1 s') AS at
CROSS JOIN (VALUES (%s, 65.25::real), (%s, 50.5::real)) AS one (device, level_db)"""
_LABELS = """
INSERT INTO label_window (device, length_s, started_at, label, origin, active_s, mean_score,
    max_score, laeq_active_db, events, source_leq_db, energy_share)
SELECT %s, length_s, %s, label, origin, 5, 800, 900, 66, 1, 64.5, 0.25
FROM unnest(ARRAY[10, 60, 900, 3600]) AS length_s
CROSS JOIN (VALUES ('siren', 'technogenic'), ('birds', 'natural')) AS one (label, origin)"""
_ALERT = """
INSERT INTO alert (alert_id, revision, state, rule, rule_version, site, device, session, onset_at,
    raised_at, ended_at, end_reason, peak_laeq_1s_db, peak_score, active_s, historical)
VALUES (%s, %s, %s, 'siren', %s, 'harbour', %s, %s, %s, %s, %s, %s, 71.5, 900, 5, false)"""


def fill(database: Database) -> None:
    """Write the record; the last of five alerts, a minute apart, is still open."""
    database.query(
        "SELECT ensure_reading_partitions(ARRAY[%s::date])", STARTED_AT.date().isoformat()
    )
    database.query(_READINGS, LOUD, SESSION, STARTED_AT, SECONDS)
    database.query(_WINDOWS, HOUR.begin, HOUR.end, LOUD, QUIET)
    database.query(_LABELS, LOUD, STARTED_AT)
    for number, alert_id in enumerate(ALERT_IDS):
        onset = STARTED_AT + timedelta(minutes=number)
        ended = None if alert_id == ALERT_IDS[-1] else onset + timedelta(seconds=9)
        state, reason = ("raised", None) if ended is None else ("cleared", "cleared")
        database.query(
            _ALERT, alert_id, 0 if ended is None else 1, state, "0" * 32, LOUD, SESSION, onset,
            onset + timedelta(seconds=3), ended, reason,
        )  # fmt: skip


def address(database: Database, port: int | None = None) -> Address:
    """Where the record is, for its reader."""
    postgres = database.postgres
    return Address(
        host=postgres.host,
        port=port or postgres.port,
        database=postgres.database,
        user="cityhum_reader",
        password_file=postgres.password_file("cityhum_reader"),
    )
