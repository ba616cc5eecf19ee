"""Verdicts on alerts in PostgreSQL, and what was heard around them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final, LiteralString, NamedTuple
from uuid import UUID

import psycopg
from psycopg import errors
from psycopg.rows import class_row, dict_row

from processors.adapters.postgres import conninfo, unavailable
from processors.judgement import JudgedAlert, Opinion
from processors.settings import ProcessorSettings
from schemas.errors import BadConfig

_ALERTS: Final = """
SELECT alert_id, rule, rule_version, device, session, onset_at, raised_at, ended_at, peak_score,
       active_s, historical, verdict, said_by, said_at, note
FROM alert LEFT JOIN alert_verdict USING (alert_id)
WHERE onset_at >= %(since)s AND (%(rule)s::text IS NULL OR rule = %(rule)s)
ORDER BY onset_at DESC, alert_id"""
_GIVE: Final = """
INSERT INTO verdict (alert_id, verdict, said_by, note)
SELECT alert_id, %(verdict)s, %(said_by)s, %(note)s FROM alert WHERE alert_id = %(alert_id)s"""
_HISTORY: Final = """
SELECT verdict, said_by, said_at, note FROM verdict WHERE alert_id = %(alert_id)s ORDER BY id"""
_HEARD: Final = """
SELECT count(*) / 3600.0 AS hours FROM reading WHERE started_at >= %(since)s AND model IS NOT NULL
"""
_SECONDS: Final = """
SELECT session, seq, started_at, received_at FROM reading
WHERE device = %(device)s AND started_at >= %(begin)s AND started_at < %(end)s
ORDER BY started_at, session, seq"""


class HeardSecond(NamedTuple):
    """A reading, by name and time."""

    session: str
    seq: int
    started_at: datetime
    received_at: datetime


def judged_alerts(
    settings: ProcessorSettings, since: datetime, rule: str | None = None
) -> list[JudgedAlert]:
    """Alerts that began since a time, newest first, each with the newest verdict on it.

    Raises
    ------
    Unavailable
        If the database does not answer.
    """
    with _asked(settings) as connection, connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(_ALERTS, {"since": since, "rule": rule})
        return [JudgedAlert.model_validate(row) for row in cursor]


def give(
    settings: ProcessorSettings, alert_id: UUID, verdict: Opinion, *, said_by: str, note: str
) -> None:
    """Add a verdict; those given before stay, and count no more.

    Raises
    ------
    BadConfig
        If nobody says so or terminals would obey the words, if there is no such alert, or if the
        user may not judge.
    Unavailable
        If the database does not answer.
    """
    if not said_by.strip():
        raise BadConfig("a verdict needs a name: who says so")
    if not (said_by.isprintable() and note.isprintable()):
        raise BadConfig("name and note of a verdict are one line without control characters")
    row = {"alert_id": alert_id, "verdict": verdict, "said_by": said_by, "note": note}
    with _asked(settings) as connection:
        if connection.execute(_GIVE, row).rowcount == 0:
            raise BadConfig(f"no alert {alert_id}")


def history(settings: ProcessorSettings, alert_id: UUID) -> list[dict[str, Any]]:
    """All verdicts on an alert, oldest first."""
    return _rows(settings, _HISTORY, {"alert_id": alert_id})


def heard_hours(settings: ProcessorSettings, since: datetime) -> float:
    """Hours that a model has heard since a time, all devices together."""
    return float(_rows(settings, _HEARD, {"since": since})[0]["hours"])


def seconds_of(
    settings: ProcessorSettings, device: str, begin: datetime, end: datetime
) -> Sequence[HeardSecond]:
    """Readings of a device that began within a span."""
    asked = {"device": device, "begin": begin, "end": end}
    rows = class_row(HeardSecond)
    with _asked(settings) as connection, connection.cursor(row_factory=rows) as cursor:
        return cursor.execute(_SECONDS, asked).fetchall()


def _rows(
    settings: ProcessorSettings, sql: LiteralString, asked: dict[str, object]
) -> list[dict[str, Any]]:
    with _asked(settings) as connection, connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(sql, asked).fetchall()


@contextmanager
def _asked(settings: ProcessorSettings) -> Iterator[psycopg.Connection[Any]]:
    with unavailable():
        try:
            with psycopg.connect(conninfo(settings)) as connection:
                yield connection
        except errors.InsufficientPrivilege:
            raise BadConfig(
                f"{settings.postgres_user} may not judge alerts: "
                "set CITYHUM_POSTGRES_USER=cityhum_operator and its password file"
            ) from None
