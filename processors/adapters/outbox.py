"""The outbox: messages that were committed with their rows, until every target has them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, NamedTuple

from psycopg import AsyncConnection, AsyncCursor

from schemas.codec import decode, encode
from schemas.results import Alert, Window

CHANNEL: Final = "cityhum_outbox"
TARGETS: Final[Mapping[str, Sequence[str]]] = {
    "alert": ("kafka", "mqtt"),
    "window": ("kafka-windows",),
}
"""Who is told of which kind. Windows have a way of their own: no alert waits behind them."""

_ADD: Final = """
WITH added AS (
    INSERT INTO outbox (kind, key, payload)
    SELECT kind, key, payload::json
    FROM unnest(%(kinds)b::text[], %(keys)b::text[], %(payloads)b::text[])
        WITH ORDINALITY AS message (kind, key, payload, position)
    ORDER BY position
    RETURNING id, kind
)
INSERT INTO delivery (outbox_id, target)
SELECT id, target FROM added
JOIN unnest(%(told_kinds)s::text[], %(told)s::text[]) AS told (kind, target) USING (kind)"""
_WAITING: Final = """
SELECT id, kind, payload::text FROM delivery JOIN outbox ON id = outbox_id
WHERE target = %s AND delivered_at IS NULL ORDER BY id LIMIT %s"""
_DELIVERED: Final = """
UPDATE delivery SET delivered_at = clock_timestamp(), attempts = attempts + 1
WHERE target = %s AND outbox_id = ANY(%s)"""
# Newest of all first, and only then those told lately: what waits for a topic says more than what
# the topic was told. The hour ends with the last delivery, however long ago that was.
_TOLD_LAST: Final = """
WITH known AS (
    SELECT id, kind, payload, delivered_at FROM outbox JOIN delivery ON outbox_id = id
    WHERE kind = 'alert' AND target = %(target)s
), newest AS (
    SELECT DISTINCT ON (payload->>'site', payload->>'device', payload->>'rule') * FROM known
    ORDER BY payload->>'site', payload->>'device', payload->>'rule', id DESC
)
SELECT id, kind, payload::text FROM newest
WHERE delivered_at > (SELECT max(delivered_at) FROM known) - %(within)s
AND delivered_at > clock_timestamp() - %(kept)s
ORDER BY id"""
_FAILED: Final = """
UPDATE delivery SET attempts = attempts + 1 WHERE target = %s AND outbox_id = ANY(%s)"""
_FORGET: Final = """
DELETE FROM outbox WHERE created_at < clock_timestamp() - %s
AND NOT EXISTS (SELECT FROM delivery WHERE outbox_id = id AND delivered_at IS NULL)"""


_CLAIMED: Final = "SELECT pg_try_advisory_lock(hashtext('cityhum relay'), hashtext(%s))"
_CLAIM: Final = "SELECT pg_advisory_lock(hashtext('cityhum relay'), hashtext(%s))"


class Waiting(NamedTuple):
    """A message that a target does not have yet."""

    id: int
    message: Alert | Window


async def add(cursor: AsyncCursor[Any], messages: Iterable[Alert | Window]) -> None:
    """Put messages into the outbox, with a delivery for each of their targets."""
    told = [message for message in messages if not is_historical(message)]
    if not told:
        return
    pairs = [(kind, target) for kind, targets in TARGETS.items() for target in targets]
    await cursor.execute(
        _ADD,
        {
            "kinds": ["alert" if isinstance(m, Alert) else "window" for m in told],
            "keys": [str(m.alert_id) if isinstance(m, Alert) else m.device for m in told],
            "payloads": [encode(message).decode() for message in told],
            "told_kinds": [kind for kind, _ in pairs],
            "told": [target for _, target in pairs],
        },
    )


def is_historical(message: Alert | Window) -> bool:
    """Whether it was found in late data: stored, told to nobody."""
    return isinstance(message, Alert) and message.historical


async def claimed(connection: AsyncConnection[Any], target: str) -> bool:
    """Be the only one who tells a target, as long as we are connected; False if another is."""
    row = await (await connection.execute(_CLAIMED, (target,))).fetchone()
    return bool(row and row[0])


async def claim(connection: AsyncConnection[Any], target: str) -> None:
    """Wait until nobody else tells a target, then be the one who does."""
    await connection.execute(_CLAIM, (target,))


async def waiting(cursor: AsyncCursor[Any], target: str, limit: int) -> list[Waiting]:
    """Return the oldest messages that a target does not have yet.

    Never those beyond the last id: ids are given out before their transactions commit.
    """
    await cursor.execute(_WAITING, (target, limit))
    return await _messages(cursor)


async def told_last(
    cursor: AsyncCursor[Any], target: str, within: timedelta, kept: timedelta
) -> list[Waiting]:
    """Return the newest alert of each site, device and rule, if the target was told it lately.

    Parameters
    ----------
    cursor : AsyncCursor
        Of the relay's connection.
    target : str
        Who was told.
    within : timedelta
        How long before the last delivery of an alert is lately.
    kept : timedelta
        How long the target keeps an alert: what is older it was to forget.

    Returns
    -------
    list of Waiting
        In the order in which they came. None of which something newer waits for the target.
    """
    await cursor.execute(_TOLD_LAST, {"target": target, "within": within, "kept": kept})
    return await _messages(cursor)


async def delivered(cursor: AsyncCursor[Any], target: str, ids: Sequence[int]) -> None:
    """Mark messages as delivered to a target."""
    await cursor.execute(_DELIVERED, (target, list(ids)))


async def failed(cursor: AsyncCursor[Any], target: str, ids: Sequence[int]) -> None:
    """Count an attempt that did not succeed."""
    await cursor.execute(_FAILED, (target, list(ids)))


async def forget(cursor: AsyncCursor[Any], older_than: timedelta) -> None:
    """Delete what everybody has for some time."""
    await cursor.execute(_FORGET, (older_than,))


async def _messages(cursor: AsyncCursor[Any]) -> list[Waiting]:
    return [Waiting(number, _message(kind, text.encode())) async for number, kind, text in cursor]


def _message(kind: str, payload: bytes) -> Alert | Window:
    return decode(Alert, payload) if kind == "alert" else decode(Window, payload)
