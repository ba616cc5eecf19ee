"""From the outbox to a plain MQTT subscriber and a plain Kafka consumer."""

import asyncio
import json
import os
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from aiokafka import AIOKafkaConsumer

from deploy.local.kafka import Kafka
from deploy.local.mosquitto import Mosquitto
from processors import registry, service
from processors.adapters import alert_topics, relay
from processors.adapters.alert_topics import MqttTarget
from processors.adapters.clock import utc_now
from processors.adapters.link import Link
from processors.adapters.store import PostgresStore
from processors.partitions import Checkpoint, Commit
from processors.registry import placed
from processors.settings import ProcessorSettings
from schemas import topics
from schemas.cloud_events import attributes, kafka_headers
from schemas.codec import encode
from schemas.errors import BadConfig, Unavailable
from schemas.results import Alert, Window
from tests import channels, workers
from tests.builders import STARTED_AT
from tests.database import SITES, Database, settings_for
from tests.e2e.eventually import eventually
from tests.streams import KEY, alert, window

TOPIC = topics.alert_topic("harbour", "pole-07", "siren")
ALL_DELIVERED = """
SELECT count(*) = %s AND count(delivered_at) = count(*) FROM delivery WHERE target = ANY(%s)"""
PASSED = """
UPDATE delivery SET delivered_at = delivered_at - %s::interval WHERE outbox_id = ANY(%s)"""
ENDED_AT = STARTED_AT + timedelta(seconds=20)


@pytest.fixture
async def settings(kafka: Kafka, database: Database, mosquitto: Mosquitto) -> ProcessorSettings:
    settings = settings_for(
        database.postgres,
        kafka_bootstrap=kafka.bootstrap,
        mqtt_host=mosquitto.host,
        mqtt_port=mosquitto.port,
        mqtt_user="relay",
        mqtt_password_file=mosquitto.password_file("relay"),
    )
    await workers.planned_topics(settings)
    return settings


@asynccontextmanager
async def relaying(settings: ProcessorSettings) -> AsyncIterator[None]:
    stop = asyncio.Event()
    running = asyncio.create_task(service.run("relay", workers.own("relay", settings), stop))
    try:
        yield
    finally:
        stop.set()
        await running


@asynccontextmanager
async def subscribed(mosquitto: Mosquitto, *topics: str) -> AsyncIterator[Process]:
    """A subscriber as anybody has: prints topic, retained flag and payload, of each alert."""
    wanted = [word for topic in topics or ("cityhum/v1/+/+/alerts/#",) for word in ("-t", topic)]
    word = mosquitto.password_file("viewer").read_text(encoding="utf-8").strip()
    process = await asyncio.create_subprocess_exec(
        *("mosquitto_sub", "-h", mosquitto.host, "-p", str(mosquitto.port)),
        *("-u", "viewer", "-P", word, "-V", "mqttv5", "-q", "1"),
        *(*wanted, "-F", "%j"),
        stdout=PIPE,
    )
    try:
        yield process
    finally:
        process.kill()
        await process.wait()


async def heard(subscriber: Process, alert: Alert) -> dict[str, object]:
    """How the subscriber was told of this alert; retained ones of other tests may come before."""
    assert subscriber.stdout is not None
    async with asyncio.timeout(20):
        async for line in subscriber.stdout:
            told: dict[str, object] = json.loads(line)
            if told["payload"] == encode(as_told(alert)).decode():
                return told
    raise AssertionError("the subscriber has ended")


@asynccontextmanager
async def consuming(settings: ProcessorSettings, topic: str) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer as anybody has, from the present end on."""
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=settings.kafka_bootstrap, auto_offset_reset="latest"
    )
    async with consumer:
        await consumer.seek_to_end()
        yield consumer


async def put(settings: ProcessorSettings, *messages: Alert | Window) -> None:
    """Commit messages as a fold does."""
    async with PostgresStore(settings) as store:
        (known, _) = (await store.load("test", [KEY]))[KEY]
        before = known or await store.claim("test", KEY, Checkpoint(0, "c"))
        after = replace(before, next_offset=before.next_offset + 1, version=before.version + 1)
        await store.commit("test", [Commit(KEY, before, after, {}, messages, messages)])


def begun_minute() -> datetime:
    """When the present minute began."""
    return utc_now().replace(second=0, microsecond=0)


def as_told(alert: Alert) -> Alert:
    """With the place of its device."""
    return placed(alert, registry.parse(SITES.read_text(encoding="utf-8")))


def cleared(number: int = 0) -> Alert:
    return alert(number, revision=1, state="cleared", ended_at=ENDED_AT, end_reason="cleared")


async def test_everybody_hears_of_an_alert_at_once(
    settings: ProcessorSettings, mosquitto: Mosquitto, database: Database
) -> None:
    async with (
        consuming(settings, topics.ALERTS) as consumer,
        relaying(settings),
        subscribed(mosquitto) as subscriber,
    ):
        await put(settings, alert())  # the first may meet a relay that is still connecting
        await heard(subscriber, alert())
        clock = asyncio.get_running_loop().time
        before = clock()
        await put(settings, cleared())
        told = await heard(subscriber, cleared())
        assert clock() - before < 1.0
        assert (told["topic"], told["qos"]) == (TOPIC, 1)
        properties = told["properties"]
        assert isinstance(properties, dict)
        assert properties["content-type"] == "application/json"
        assert properties["user-properties"] == attributes(cleared())
        records = [await asyncio.wait_for(consumer.getone(), 10) for _ in range(2)]
        await database.until(ALL_DELIVERED, 4, ["kafka", "mqtt"])
    told_of = [as_told(alert()), as_told(cleared())]
    assert [record.value for record in records] == [encode(one) for one in told_of]
    assert [record.headers for record in records] == [kafka_headers(one) for one in told_of]
    assert {record.key for record in records} == {str(alert().alert_id).encode()}
    assert {record.partition for record in records} == {topics.partition("pole-07")}


async def test_a_late_subscriber_finds_the_newest_state(
    settings: ProcessorSettings, mosquitto: Mosquitto, database: Database
) -> None:
    async with relaying(settings):
        await put(settings, alert(), cleared())
        await database.until(ALL_DELIVERED, 4, ["kafka", "mqtt"])
    async with subscribed(mosquitto) as subscriber:
        told = await heard(subscriber, cleared())
    assert told["retain"] == 1


async def test_targets_do_not_wait_for_each_other(
    settings: ProcessorSettings, mosquitto: Mosquitto, database: Database
) -> None:
    mosquitto.stop()
    try:
        async with consuming(settings, topics.WINDOWS) as consumer, relaying(settings):
            final = window(final=True)
            await put(settings, final, alert(), cleared())
            record = await asyncio.wait_for(consumer.getone(), 20)
            assert (record.key, record.value) == (b"pole-07", encode(final))
            await database.until(ALL_DELIVERED, 3, ["kafka", "kafka-windows"])
            waiting = "SELECT count(*) FROM delivery WHERE target = 'mqtt' AND delivered_at IS NULL"
            assert database.query(waiting) == [(2,)]
            mosquitto.start()
            await database.until(ALL_DELIVERED, 2, ["mqtt"])
    finally:
        if not mosquitto.running:
            mosquitto.start()


def connected(target: MqttTarget) -> Callable[[], Awaitable[bool]]:
    async def ask() -> bool:
        return target.listening

    return ask


async def test_what_was_not_confirmed_never_overtakes_what_another_relay_told(
    settings: ProcessorSettings, mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker stands still, and then starts again: paho would now send what it had kept."""
    async with MqttTarget(settings) as target:
        await eventually(connected(target))
        assert mosquitto.pid is not None
        os.kill(mosquitto.pid, signal.SIGSTOP)
        with monkeypatch.context() as soon:
            soon.setattr(alert_topics, "_CONFIRMED_WITHIN_S", 0.5)
            with pytest.raises(Unavailable):
                await target.deliver([alert()])
        mosquitto.kill()
        mosquitto.start()  # in this thread: with its thread the server would end
        async with MqttTarget(settings) as other:
            await other.deliver([cleared()])
        await eventually(connected(target))
        await target.deliver([alert(rule="loud")])
    async with subscribed(mosquitto, TOPIC) as subscriber:
        assert subscriber.stdout is not None
        told = json.loads(await asyncio.wait_for(subscriber.stdout.readline(), 20))
    assert told["payload"] == encode(cleared()).decode()


def saved(mosquitto: Mosquitto) -> None:
    """It writes what it retains to disk, as every 30 s, and then starts again."""
    mosquitto.stop()
    mosquitto.start()


async def test_a_broker_that_forgot_the_newest_state_is_told_it_again(
    settings: ProcessorSettings, mosquitto: Mosquitto, database: Database
) -> None:
    """Killed before it had saved, it says `raised` again; nothing new is told to set it right."""
    async with relaying(settings):
        await put(settings, alert(), alert(1, rule="loud"))
        await database.until(ALL_DELIVERED, 4, ["kafka", "mqtt"])
        saved(mosquitto)
        await put(settings, cleared())
        await database.until(ALL_DELIVERED, 6, ["kafka", "mqtt"])
        mosquitto.kill()
        mosquitto.start()
        async with subscribed(mosquitto, TOPIC) as subscriber:
            told = await heard(subscriber, cleared())
    properties = told["properties"]
    assert isinstance(properties, dict)
    assert properties["user-properties"] == attributes(cleared())
    async with subscribed(mosquitto, TOPIC) as late:
        assert late.stdout is not None
        first = json.loads(await asyncio.wait_for(late.stdout.readline(), 20))
    assert (first["retain"], first["payload"]) == (1, encode(as_told(cleared())).decode())


class Forgetful:
    """A target that may forget, and is there once its link is up."""

    name = "mqtt"

    def __init__(self) -> None:
        self.link = Link()
        self.asked = asyncio.Event()
        self.heard: list[Alert | Window] = []

    async def deliver(self, messages: Sequence[Alert | Window]) -> None:
        self.asked.set()
        await self.link.wait()
        self.heard += messages

    def away(self) -> None:
        """Be gone, and hear from now on."""
        self.link.down()
        self.asked.clear()
        self.heard.clear()

    async def back(self) -> None:
        """Be there again, once somebody waits for it."""
        await self.asked.wait()
        self.link.up()


@asynccontextmanager
async def telling(settings: ProcessorSettings) -> AsyncIterator[Forgetful]:
    target = Forgetful()
    task = asyncio.create_task(relay.Relay(settings, target).run())
    try:
        yield target
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_the_last_that_was_told_comes_again_before_anything_new(database: Database) -> None:
    """The power is off for hours, twice; of `crowd` nothing was told for long before."""
    crowd, loud, new = (alert(n, rule=rule) for n, rule in enumerate(("crowd", "loud", "new")))
    ended = loud.model_copy(update={"revision": 1, "state": "cleared"})
    async with telling(database.settings) as first:
        first.link.up()
        await put(database.settings, crowd, alert(), loud, cleared())
        await database.until(ALL_DELIVERED, 4, ["mqtt"])
        assert first.heard == [crowd, alert(), loud, cleared()]
        database.query(PASSED, "2 hours", [1])
        database.query(PASSED, "5 hours", [1, 2, 3, 4])
        first.away()
        await put(database.settings, ended)
        await first.back()
        await database.until(ALL_DELIVERED, 5, ["mqtt"])
        assert first.heard == [cleared(), ended], "where something new waits nothing is repeated"
    database.query(PASSED, "5 hours", [1, 2, 3, 4, 5])
    await put(database.settings, new)
    async with telling(database.settings) as second:
        await second.back()
        await database.until(ALL_DELIVERED, 6, ["mqtt"])
    assert second.heard == [ended, new]


class Mortal:
    """A target whose relay ends after it has delivered and before that is marked, if it must."""

    name = "kafka"
    link = None

    def __init__(self, lives: int) -> None:
        self.heard: list[Alert | Window] = []
        self.lives = lives

    async def deliver(self, messages: Sequence[Alert | Window]) -> None:
        self.heard += messages
        self.lives -= 1
        if not self.lives:
            raise KilledError


class KilledError(Exception):
    """Stands for SIGKILL: nothing after it happens."""


async def test_a_relay_killed_before_it_marks_repeats_the_same_ids_and_revisions(
    database: Database,
) -> None:
    updated = alert(revision=1, state="updated")
    await put(database.settings, alert(), updated, alert(1))
    killed, next_one = Mortal(lives=1), Mortal(lives=2)
    with pytest.raises(KilledError):
        await relay.Relay(database.settings, killed).run()
    telling = asyncio.create_task(relay.Relay(database.settings, next_one).run())
    await database.until(ALL_DELIVERED, 3, ["kafka"])
    telling.cancel()
    assert killed.heard == next_one.heard == [alert(), updated, alert(1)]


async def test_a_user_who_may_not_write_alerts_is_the_persons_mistake(
    settings: ProcessorSettings, mosquitto: Mosquitto
) -> None:
    viewer = settings.model_copy(
        update={"mqtt_user": "viewer", "mqtt_password_file": mosquitto.password_file("viewer")}
    )
    await put(settings, alert())
    with pytest.raises(BadConfig, match="refuses"):
        await asyncio.wait_for(service.run("relay", viewer, asyncio.Event()), 30)


async def test_home_assistant_finds_devices_and_their_newest_minute(
    settings: ProcessorSettings, mosquitto: Mosquitto
) -> None:
    settings = settings.model_copy(update={"home_assistant": "on"})
    minute = window(length_s=60, final=True, started_at=begun_minute())
    levels = topics.levels_topic("harbour", "pole-07")
    async with relaying(settings), subscribed(mosquitto, levels) as subscriber:
        assert subscriber.stdout is not None
        await put(settings, minute)
        shown = json.loads(await asyncio.wait_for(subscriber.stdout.readline(), 20))
    assert (shown["topic"], shown["payload"]) == (levels, encode(minute).decode())
    async with subscribed(mosquitto, "homeassistant/#", levels) as subscriber:
        assert subscriber.stdout is not None
        lines = [await asyncio.wait_for(subscriber.stdout.readline(), 20) for _ in range(21)]
    told = {one["topic"]: one for one in map(json.loads, lines)}
    assert all(one["retain"] == 1 for one in told.values())
    config = json.loads(told["homeassistant/device/cityhum_pole-07/config"]["payload"])
    assert config["components"]["laeq"]["state_topic"] == levels
    channels.check("mqtt.levels", told[levels]["payload"].encode())


async def test_a_relay_says_whether_it_serves_stands_by_or_fails(database: Database) -> None:
    hearing = Mortal(lives=9)
    first, second = (relay.Relay(database.settings, hearing) for _ in range(2))
    with pytest.raises(Unavailable, match="has not begun"):
        await first.ask()
    serving = asyncio.create_task(first.run())
    await eventually(lambda: _says(first, "serves it"))
    standing = asyncio.create_task(second.run())
    await eventually(lambda: _says(second, "stands by: another relay serves it"))
    serving.cancel()
    await eventually(lambda: _says(second, "serves it"))
    standing.cancel()


async def _says(asked: relay.Relay, words: str) -> bool:
    try:
        return await asked.ask() == words
    except Unavailable:
        return False
