"""Alerts that reach over an edge of a replay's span, where live and replayed ones would overlap."""

from typing import Final

from psycopg.sql import SQL, Identifier

from processors.adapters.postgres import unavailable
from processors.adapters.replay_catalog import Connection, schema_of
from processors.adapters.replay_tables import LIVE
from processors.replay import Request
from schemas.errors import BadConfig

# no alert lasts longer than a day: two are enough to look back
_OVERLAP: Final = SQL("""
SELECT new.rule, new.device, new.onset_at, live.onset_at
FROM {shadow}.alert AS new JOIN {live}.alert AS live USING (rule, device)
WHERE new.onset_at >= %(begin)s AND new.onset_at < %(end)s
    AND NOT (live.onset_at >= %(begin)s AND live.onset_at < %(end)s)
    AND live.onset_at > new.onset_at - interval '2 days' AND live.onset_at < new.ended_at
    AND coalesce(live.ended_at, 'infinity') > new.onset_at
ORDER BY new.onset_at, new.rule, new.device LIMIT 1""")


async def check_edges(connection: Connection, request: Request) -> None:
    """See that no replayed alert of the span overlaps a live one that stays beside it.

    Raises
    ------
    BadConfig
        Naming another instant to begin or end at, where that alert does not.
    """
    query = _OVERLAP.format(shadow=Identifier(schema_of(request.name)), live=Identifier(LIVE))
    with unavailable():
        row = await (await connection.execute(query, request.span._asdict())).fetchone()
    if row is None:
        return
    rule, device, replayed_at, live_at = row
    is_at_begin = live_at < request.begin
    other = f"--from {live_at.isoformat()}" if is_at_begin else f"--to {replayed_at.isoformat()}"
    raise BadConfig(
        f"a replayed alert {rule} of {device} would overlap a live one that began"
        f" {'before' if is_at_begin else 'after'} the span: replay it again, {other}"
    )
