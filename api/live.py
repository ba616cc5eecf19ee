"""Live alerts as server-sent events; whoever comes back with the id of the last misses none."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Annotated, Final

from fastapi import APIRouter, Header
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from api.access import key_with
from api.asking import Filter, Which
from api.keys import Key, Scope
from api.services import Known, Services
from records.live import Changes
from schemas.codec import encode
from schemas.errors import Unavailable

log = logging.getLogger(__name__)
router = APIRouter(prefix="/v1", tags=["alerts"])

_PING_S: Final = 15
_SLOW_S: Final = 30.0
_AGAIN_S: Final = 1.0


@router.get("/alerts/live", response_class=EventSourceResponse)
async def live_alerts(
    services: Known,
    key: Annotated[Key, key_with(Scope.ALERTS)],
    which: Which,
    last_event_id: Annotated[str | None, Header(max_length=5000, description="go on here")] = None,
) -> EventSourceResponse:
    """Alerts as they are raised, updated and cleared, as server-sent events.

    Event `alert` has an alert as `alerts.v1` has it; (alert_id, revision) names it. Send the id of
    the last event as `Last-Event-ID` to go on behind it, up to a day later; none: from now on.
    Event `gap` says since when something may be missing: ask /v1/alerts. Comments are pings.
    """
    if services.streams.locked():
        raise HTTPException(503, "too many listeners; come back later", {"Retry-After": "60"})
    records = services.records
    await run_in_threadpool(records.require, which.devices)
    cursor = last_event_id if last_event_id is not None else await run_in_threadpool(records.place)
    first = await run_in_threadpool(records.changes, cursor)  # refused before the stream begins
    events = stream(services, key, which, first)
    return EventSourceResponse(events, ping=_PING_S, send_timeout=_SLOW_S)


async def stream(
    services: Services, key: Key, which: Filter, changes: Changes
) -> AsyncIterator[ServerSentEvent]:
    """Tell changes for ever, or until the key is taken back; nothing if others took the places."""
    if services.streams.locked():  # since the route asked; who waited would hear nothing
        return
    async with services.streams:
        while services.gate.knows(key):
            for event in events_of(changes, which):
                yield event
            changes = await _next(services, changes)


def events_of(changes: Changes, which: Filter) -> list[ServerSentEvent]:
    """Events of some changes; the last has no data, and moves the listener's place."""
    events = [
        ServerSentEvent(encode(told.alert).decode(), event="alert", id=told.cursor)
        for told in changes.told
        if which.wants(told.alert)
    ]
    if changes.lost_since:
        since = changes.lost_since.isoformat().replace("+00:00", "Z")
        events.insert(0, ServerSentEvent(f'{{"since":"{since}"}}', event="gap"))
    return [*events, ServerSentEvent(id=changes.cursor)]


async def _next(services: Services, changes: Changes) -> Changes:
    """Changes behind others, or that some are lost, at once; at the latest after a quiet ring."""
    ring = services.bell.next_ring()  # before asking: what comes meanwhile rings it
    following = await _asked(services, changes.cursor)
    if following.told or following.more or following.lost_since:
        return following
    await ring.wait()
    return await _asked(services, following.cursor)


async def _asked(services: Services, cursor: str) -> Changes:
    """Changes behind a place; a database that is away is waited for."""
    while True:
        try:
            return await run_in_threadpool(services.records.changes, cursor)
        except Unavailable as error:
            log.warning("live_waiting", extra={"why": str(error)})
            await asyncio.sleep(_AGAIN_S)
