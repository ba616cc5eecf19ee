"""Notifications in memory, and what every queue and every way to a target must do."""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import pytest

from processors.adapters.notify.courier import Queue, Sender
from processors.adapters.notify.waiting import Waiting
from processors.notify import NotificationRow
from processors.notify_tries import NotNow, Patience
from schemas.codec import decode, encode
from schemas.errors import Unavailable
from schemas.results import Alert
from tests.receivers import HANG, Receiver
from tests.streams import alert

SECRET = "whsec_" + "c2VjcmV0" * 5


def row(event: Alert, target: str = "desk") -> NotificationRow:
    return NotificationRow(
        target=target,
        alert_id=event.alert_id,
        revision=event.revision,
        payload=encode(event).decode(),
    )


def life(number: int = 0) -> list[Alert]:
    """An alert that is raised, updated and cleared."""
    first = alert(number)
    updated = first.model_copy(update={"revision": 1, "state": "updated", "active_s": 9})
    ended = {"revision": 2, "state": "cleared", "ended_at": first.raised_at, "active_s": 12}
    return [first, updated, updated.model_copy(update={**ended, "end_reason": "cleared"})]


@dataclass(frozen=True)
class _Kept:
    waiting: Waiting
    state: str = "waiting"
    why: str | None = None
    wait_s: float = 0.0


@dataclass
class FakeQueue:
    """A queue whose time stands still: what failed is due again after `later()`."""

    kept: dict[int, _Kept] = field(default_factory=dict)

    async def add(self, rows: Sequence[NotificationRow]) -> None:
        known = {(k.waiting.alert.alert_id, k.waiting.alert.revision) for k in self.kept.values()}
        for one in rows:
            if (one.alert_id, one.revision) not in known:
                number = len(self.kept)
                event = decode(Alert, one.payload.encode())
                self.kept[number] = _Kept(Waiting(number, event, 0))

    async def due(self, limit: int) -> list[Waiting]:
        waiting = [one for one in self.kept.values() if one.state == "waiting"]
        first = {
            one.waiting.alert.alert_id: one.waiting.alert.revision
            for one in sorted(waiting, key=lambda w: -w.waiting.alert.revision)
        }
        due = [
            one.waiting
            for one in waiting
            if one.wait_s == 0 and first[one.waiting.alert.alert_id] == one.waiting.alert.revision
        ]
        return due[:limit]

    async def delivered(self, waiting: Waiting) -> None:
        self._set(waiting, state="delivered")

    async def given_up(self, waiting: Waiting, why: str) -> None:
        self._set(waiting, state="dead", why=why)

    async def failed(self, waiting: Waiting, why: str, wait_s: float) -> None:
        again = waiting._replace(attempts=waiting.attempts + 1)
        self._set(waiting, waiting=again, why=why, wait_s=wait_s)

    async def more(self) -> None:
        self.later()

    def later(self) -> None:
        self.kept = {number: replace(one, wait_s=0.0) for number, one in self.kept.items()}

    def states(self) -> list[str]:
        return [one.state for one in self.kept.values()]

    def _set(self, told: Waiting, **changed: object) -> None:
        self.kept[told.id] = replace(self.kept[told.id], **changed)  # type: ignore[arg-type]


@dataclass
class FakeSender:
    """A target that fails as often as it is told, for each event."""

    failures: int = 0
    after_s: float = 0.0
    name: str = "desk"
    patience: Patience = field(default=Patience(tries=4))  # frozen
    heard: list[Alert] = field(default_factory=list)
    tried: list[Alert] = field(default_factory=list)

    async def send(self, event: Alert) -> None:
        await asyncio.sleep(0)
        self.tried.append(event)
        if self.tried.count(event) <= self.failures:
            raise NotNow("busy", self.after_s)
        self.heard.append(event)


class FillableQueue(Queue, Protocol):
    """A queue of the target `desk`, as it comes out of the log."""

    async def add(self, rows: Sequence[NotificationRow]) -> None:
        """Commit rows."""


class QueueContract:
    """A queue gives what is due, in order per alert, until it is settled."""

    @pytest.fixture
    def queue(self) -> FillableQueue:
        raise NotImplementedError

    async def test_revisions_wait_for_those_before_them(self, queue: FillableQueue) -> None:
        await queue.add([row(event) for number in (0, 1) for event in life(number)])
        due = await queue.due(10)
        assert {one.alert.alert_id for one in due} == {alert(0).alert_id, alert(1).alert_id}
        assert [one.alert.revision for one in due] == [0, 0]
        await queue.delivered(due[0])
        assert {one.alert.revision for one in await queue.due(10)} == {0, 1}

    async def test_what_comes_again_is_told_once(self, queue: FillableQueue) -> None:
        await queue.add([row(alert())])
        [told] = await queue.due(10)
        await queue.delivered(told)
        await queue.add([row(alert())])
        assert list(await queue.due(10)) == []

    async def test_what_failed_waits_and_holds_up_no_other_alert(
        self, queue: FillableQueue
    ) -> None:
        await queue.add([row(alert(0)), row(alert(1))])
        [first, second] = await queue.due(10)
        await queue.failed(first, "HTTP 503", 3600)
        assert list(await queue.due(10)) == [second]

    async def test_tries_are_counted(self, queue: FillableQueue) -> None:
        await queue.add([row(alert())])
        [told] = await queue.due(1)
        assert told.attempts == 0
        await queue.failed(told, "HTTP 503", 0)
        await queue.more()
        [again] = await queue.due(1)
        assert again.attempts == 1

    async def test_the_dead_hold_up_nobody(self, queue: FillableQueue) -> None:
        await queue.add([row(event) for event in life()])
        [first] = await queue.due(10)
        await queue.given_up(first, "HTTP 404")
        assert [one.alert.revision for one in await queue.due(10)] == [1]


class SenderContract:
    """A way to a target ends in time: it is certain that the target has it, or Unavailable."""

    def sender(self, at: Receiver, folder: Path) -> AbstractAsyncContextManager[Sender]:
        """A way to a receiver that gives up soon."""
        raise NotImplementedError(at, folder)

    async def test_what_is_taken_has_come(self, tmp_path: Path) -> None:
        with Receiver() as receiver:
            async with self.sender(receiver, tmp_path) as sender:
                await sender.send(alert())
            assert len(receiver.posted) == 1

    async def test_a_refusal_is_a_failure(self, tmp_path: Path) -> None:
        with Receiver(answers=[500]) as receiver:
            async with self.sender(receiver, tmp_path) as sender:
                with pytest.raises(Unavailable):
                    await sender.send(alert())

    async def test_nobody_there_is_a_failure(self, tmp_path: Path) -> None:
        with Receiver() as receiver:
            pass
        async with self.sender(receiver, tmp_path) as sender:
            with pytest.raises(Unavailable):
                await sender.send(alert())

    async def test_one_that_hangs_is_a_failure(self, tmp_path: Path) -> None:
        with Receiver(answers=[HANG]) as receiver:
            async with self.sender(receiver, tmp_path) as sender:
                with pytest.raises(Unavailable, match="no answer"):
                    await sender.send(alert())
