"""What was given up, and asking for it again."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from processors.adapters.notify.waiting import CHANNEL
from processors.adapters.postgres import conninfo, unavailable
from processors.settings import ProcessorSettings

_DEAD: Final = """
SELECT id, target, alert_id, revision, payload->>'state' AS event, payload->>'rule' AS rule,
       payload->>'device' AS device, attempts, last_error AS why, settled_at AS given_up_at
FROM notification WHERE state = 'dead' AND (%(target)s::text IS NULL OR target = %(target)s)
ORDER BY id"""
# nobody is told that an alert was raised after he was told that it has ended
_RETRY: Final = """
UPDATE notification AS this SET state = 'waiting', attempts = 0, settled_at = NULL,
    next_try_at = clock_timestamp()
WHERE state = 'dead' AND (%(target)s::text IS NULL OR target = %(target)s)
    AND (%(ids)s::bigint[] IS NULL OR id = ANY(%(ids)s))
    AND NOT EXISTS (
        SELECT FROM notification AS later
        WHERE later.target = this.target AND later.alert_id = this.alert_id
            AND later.revision > this.revision AND later.state = 'delivered')"""


class Dead(NamedTuple):
    """An event that a target was never told."""

    id: int
    target: str
    alert_id: UUID
    revision: int
    event: str
    rule: str
    device: str
    attempts: int
    why: str
    given_up_at: datetime


def listed(settings: ProcessorSettings, target: str | None = None) -> Sequence[Dead]:
    """All, or those of a target, in the order in which they came.

    Raises
    ------
    Unavailable
        If the database does not answer.
    """
    with _asked(settings) as connection, connection.cursor(row_factory=class_row(Dead)) as cursor:
        return cursor.execute(_DEAD, {"target": target}).fetchall()


def retry(
    settings: ProcessorSettings, ids: Sequence[int] | None = None, target: str | None = None
) -> int:
    """Let these, by default all, be tried again from the start; how many they are.

    What a target was told of the same alert since then it would take for older news: not those.

    Raises
    ------
    Unavailable
        If the database does not answer.
    """
    with _asked(settings) as connection:
        asked = {"target": target, "ids": None if ids is None else list(ids)}
        count = connection.execute(_RETRY, asked).rowcount
        connection.execute(f"NOTIFY {CHANNEL}")
    return count


@contextmanager
def _asked(settings: ProcessorSettings) -> Iterator[psycopg.Connection[Any]]:
    with unavailable(), psycopg.connect(conninfo(settings)) as connection:
        yield connection
