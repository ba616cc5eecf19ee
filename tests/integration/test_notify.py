"""From the alert log to webhooks and notifications, over kills, hangs and refusals."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from deploy.local.kafka import Kafka
from processors.adapters.notify import dead, waiting
from processors.adapters.notify.waiting import Notifications
from processors.adapters.store import PostgresStore
from processors.notify import NotificationRow
from processors.partitions import Checkpoint, Commit, Key
from processors.settings import ProcessorSettings
from schemas import topics
from schemas.codec import encode
from schemas.results import Alert
from tests import workers
from tests.database import Database, settings_for
from tests.notifying import SECRET, FillableQueue, QueueContract, life, row
from tests.receivers import HANG, Receiver
from tests.streams import alert

KEY = Key(topics.ALERTS, topics.partition("pole-07"))
DELIVERED = "SELECT count(*) = %s FROM notification WHERE state = 'delivered' AND target = %s"
SERVED = """
SELECT count(*) = %s FROM pg_locks
WHERE locktype = 'advisory' AND objid::bigint = hashtext(%s)::bigint & 4294967295"""
DEAD = "SELECT count(*) = %s FROM notification WHERE state = 'dead' AND target = %s"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as listening:
        yield listening


@pytest.fixture
def hanging() -> Iterator[Receiver]:
    with Receiver(answers=[HANG]) as listening:
        yield listening


@pytest.fixture
async def settings(kafka: Kafka, database: Database, tmp_path: Path) -> ProcessorSettings:
    (tmp_path / "secret").write_text(SECRET, encoding="utf-8")
    settings = settings_for(
        database.postgres,
        kafka_bootstrap=kafka.bootstrap,
        notify_file=tmp_path / "notify.yaml",
    )
    await workers.planned_topics(settings)
    await workers.start_here("notify", topics.ALERTS, settings)
    return settings


def webhook(name: str, at: Receiver, settings: ProcessorSettings, **others: object) -> object:
    assert settings.notify_file is not None
    secret_file = settings.notify_file.parent / "secret"
    return {"target": name, "webhook": at.url, "secret_file": str(secret_file), **others}


async def told_of(
    settings: ProcessorSettings, database: Database, targets: Sequence[object]
) -> None:
    """Write the file, and know its targets since long ago: the alerts of tests are old."""
    assert settings.notify_file is not None
    settings.notify_file.write_text(yaml.safe_dump({"targets": targets}), encoding="utf-8")
    names = [str(target["target"]) for target in targets]  # type: ignore[index]
    await waiting.known_since(settings, names)
    database.query("UPDATE notify_target SET since = '2020-01-01'")


async def put(settings: ProcessorSettings, *alerts: Alert) -> None:
    await workers.append(settings, [(KEY, encode(one)) for one in alerts])


class PostgresQueue(Notifications):
    """The queue of `desk`, filled as the log's reader fills it."""

    def __init__(self, queue: Notifications, settings: ProcessorSettings) -> None:
        super().__init__(queue._connection, "desk")
        self._settings = settings

    async def add(self, rows: Sequence[NotificationRow]) -> None:
        key = Key(topics.ALERTS, 0)
        async with PostgresStore(self._settings) as store:
            before = (await store.load("test", [key]))[key][0]
            before = before or await store.claim("test", key, Checkpoint(0, "c"))
            after = replace(before, next_offset=before.next_offset + 1, version=before.version + 1)
            await store.commit("test", [Commit(key, before, after, {}, rows, ())])


class TestPostgresQueue(QueueContract):
    @pytest.fixture
    async def queue(self, database: Database) -> AsyncIterator[FillableQueue]:
        async with waiting.opened(database.settings, "desk") as opened:
            yield PostgresQueue(opened, database.settings)


async def test_every_event_reaches_a_webhook_signed_once_and_in_order(
    settings: ProcessorSettings, database: Database, receiver: Receiver, hanging: Receiver
) -> None:
    everything = ["raised", "updated", "cleared"]
    targets = [
        webhook("everything", receiver, settings, events=everything),
        webhook("hangs", hanging, settings),
    ]
    await told_of(settings, database, targets)
    sent = [event for number in range(20) for event in life(number)]
    async with workers.worker("notify", settings) as process:
        await put(settings, *sent, *sent[:5])  # the log may say a thing twice
        await database.until(DELIVERED, len(sent), "everything")
        assert hanging.posted, "it was asked"
        assert await workers.stopped(process) == 0
    assert len(receiver.posted) == len(sent)
    for number in range(20):
        mine = [p.alert for p in receiver.posted if p.alert.alert_id == alert(number).alert_id]
        assert mine == life(number)
    assert all(posted.is_genuine(SECRET, datetime.now(UTC)) for posted in receiver.posted)


async def test_a_process_killed_in_the_middle_loses_nothing(
    settings: ProcessorSettings, database: Database, receiver: Receiver
) -> None:
    await told_of(settings, database, [webhook("all", receiver, settings)])
    sent = [life(number)[0] for number in range(60)]
    async with workers.worker("notify", settings) as process:
        await put(settings, *sent[:30])
        await asyncio.to_thread(receiver.wait_for, 3)
        process.kill()
        await process.wait()
    await put(settings, *sent[30:])
    async with workers.worker("notify", settings):
        await database.until(DELIVERED, len(sent), "all")
    ids = [posted.headers["webhook-id"] for posted in receiver.posted]
    assert set(ids) == {f"{one.alert_id}.0" for one in sent}
    assert len(ids) - len(set(ids)) <= 8, "no more than were on their way"


async def test_what_a_target_refuses_is_tried_again_and_at_last_given_up(
    settings: ProcessorSettings, database: Database, receiver: Receiver
) -> None:
    receiver.answers = [503, 204]
    with Receiver(answers=[404]) as wrong:
        targets = [
            webhook("recovers", receiver, settings),
            webhook("wrong", wrong, settings, tries=2),
        ]
        await told_of(settings, database, targets)
        async with workers.worker("notify", settings):
            await put(settings, alert())
            await database.until(DELIVERED, 1, "recovers")
            await database.until(DEAD, 1, "wrong")
    [first, second] = receiver.posted
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body == encode(alert())
    row = "SELECT attempts, last_error FROM notification WHERE target = 'wrong'"
    assert database.query(row) == [(2, "HTTP 404")]


async def test_what_was_given_up_is_listed_and_tried_again(
    settings: ProcessorSettings, database: Database, receiver: Receiver
) -> None:
    receiver.answers = [404, 204]
    await told_of(settings, database, [webhook("desk", receiver, settings, tries=1)])
    async with workers.worker("notify", settings):
        await put(settings, alert())
        await database.until(DEAD, 1, "desk")
        [given_up] = await asyncio.to_thread(dead.listed, settings)
        assert (given_up.target, given_up.event, given_up.why) == ("desk", "raised", "HTTP 404")
        assert await asyncio.to_thread(dead.retry, settings, [given_up.id + 1]) == 0
        assert await asyncio.to_thread(dead.retry, settings, [given_up.id]) == 1
        await database.until(DELIVERED, 1, "desk")
    assert dead.listed(settings) == []


async def test_what_was_given_up_is_not_told_after_what_came_later(database: Database) -> None:
    async with waiting.opened(database.settings, "desk") as opened:
        queue = PostgresQueue(opened, database.settings)
        await queue.add([row(event) for number in (0, 1) for event in life(number)])
        for _ in range(len(life())):
            for one in await queue.due(10):
                told = one.alert.alert_id == alert(0).alert_id and one.alert.revision > 0
                await (queue.delivered(one) if told else queue.given_up(one, "HTTP 404"))
        count = await asyncio.to_thread(dead.retry, database.settings)
        assert count == len(life(1))
        [again] = await queue.due(10)
        assert again.alert == life(1)[0]


async def test_a_changed_file_is_taken_while_it_works_and_a_wrong_one_is_not(
    settings: ProcessorSettings, database: Database, receiver: Receiver
) -> None:
    assert settings.notify_file is not None
    with Receiver() as second:
        stays, comes = (
            webhook("stays", receiver, settings),
            webhook("comes", second, settings),
        )
        await told_of(settings, database, [stays])
        async with workers.worker("notify", settings) as process:
            await put(settings, alert(1))
            await database.until(DELIVERED, 1, "stays")
            settings.notify_file.write_text("targets: [{target: half}]", encoding="utf-8")
            await put(settings, alert(2))
            await database.until(DELIVERED, 2, "stays")
            settings.notify_file.write_text(yaml.safe_dump({"targets": [comes]}), encoding="utf-8")
            await database.until(SERVED, 1, "comes")
            fresh = alert(3).model_copy(update={"raised_at": datetime.now(UTC)})
            await put(settings, fresh)
            await database.until(DELIVERED, 1, "comes")
            assert await workers.stopped(process) == 0
    assert [one.alert.alert_id for one in second.posted] == [fresh.alert_id]
    assert len(receiver.posted) == 2
