"""The stream of live alerts, over a record in memory."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import orjson
import pytest

from api.access import Gate
from api.asking import Filter
from api.keys import Scope, made
from api.live import events_of, stream
from api.services import Services
from records.live import Changes, Told
from tests.fakes_api import MemoryRecords, SilentBell
from tests.streams import alert

ALL = Filter((), None, ())
KEY = made("listener", [Scope.ALERTS], "cityhum_x")


class Listening:
    """A stream, and what makes it go on."""

    def __init__(self) -> None:
        self.records, self.bell, self.keys = MemoryRecords(), SilentBell(), {KEY.sha256: KEY}
        gate = Gate(lambda: self.keys, lambda: 0.0)
        self.services = Services(self.records, gate, self.bell, lambda: datetime.now(UTC))
        changes = self.records.changes(self.records.place())
        self.events = stream(self.services, KEY, ALL, changes)

    async def next_alerts(self) -> list[tuple[str, int]]:
        """What is told until a place is told."""
        found = []
        async for event in self.events:
            if event.data is None:
                break
            said = orjson.loads(event.data)
            found.append((said["alert_id"], said["revision"]))
        return found


@pytest.fixture
async def listening() -> AsyncIterator[Listening]:
    opened = Listening()
    yield opened
    await opened.events.aclose()  # type: ignore[attr-defined]


async def test_a_listener_is_told_at_once_where_it_is(listening: Listening) -> None:
    assert await listening.next_alerts() == []


async def test_what_is_told_comes_in_order_as_the_bell_rings(listening: Listening) -> None:
    await listening.next_alerts()
    listening.records.told += [alert(1), alert(2)]
    assert [number for _, number in await listening.next_alerts()] == [0, 0]
    listening.records.told += [alert(1, revision=1)]
    listening.bell.ring()
    assert await listening.next_alerts() == [(str(alert(1).alert_id), 1)]


async def test_a_key_that_was_taken_back_ends_its_stream(listening: Listening) -> None:
    await listening.next_alerts()
    listening.keys.clear()
    listening.records.told += [alert(1)]
    assert await listening.next_alerts() == []
    assert not listening.services.streams.locked()
    with pytest.raises(StopAsyncIteration):
        await anext(listening.events)


async def test_who_came_too_late_for_the_last_place_is_not_kept_waiting() -> None:
    services = replace(Listening().services, streams=asyncio.Semaphore(1))
    first, late = (stream(services, KEY, ALL, Changes([], "0", more=False)) for _ in range(2))
    assert (await anext(first)).id == "0"
    with pytest.raises(StopAsyncIteration):
        await asyncio.wait_for(anext(late), 1)
    await first.aclose()  # type: ignore[attr-defined]
    assert not services.streams.locked()


class Forgetful(MemoryRecords):
    """A record that was set back while somebody listened."""

    def changes(self, cursor: str) -> Changes:
        return super().changes(cursor)._replace(lost_since=datetime(2026, 5, 4, tzinfo=UTC))


async def test_a_gap_is_told_at_once_and_not_at_the_next_ring(listening: Listening) -> None:
    services = replace(listening.services, records=Forgetful())
    events = stream(services, KEY, ALL, Changes([], "0", more=False))
    told = [await asyncio.wait_for(anext(events), 1) for _ in range(2)]
    assert [event.event for event in told] == [None, "gap"]
    await events.aclose()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("which", "numbers"),
    [
        (ALL, [1, 2]),
        (Filter(("pole-07",), None, ()), [1]),
        (Filter((), "harbour", ("siren",)), [1, 2]),
        (Filter((), "park", ()), []),
        (Filter((), None, ("thunder",)), []),
    ],
)
def test_a_listener_gets_what_it_asked_for(which: Filter, numbers: list[int]) -> None:
    alerts = (alert(1), alert(2, device="pole-08"))
    changes = Changes([Told(str(n), one) for n, one in enumerate(alerts)], "2", more=False)
    told = [orjson.loads(event.data) for event in events_of(changes, which) if event.data]
    assert [one["alert_id"] for one in told] == [str(alert(n).alert_id) for n in numbers]


def test_who_was_away_too_long_is_told_since_when() -> None:
    changes = Changes([], "9", more=False, lost_since=datetime(2026, 5, 4, tzinfo=UTC))
    gap, place = events_of(changes, ALL)
    assert (gap.event, gap.data) == ("gap", '{"since":"2026-05-04T00:00:00Z"}')
    assert (place.id, place.data) == ("9", None)
