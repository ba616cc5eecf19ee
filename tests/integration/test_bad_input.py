"""Bad input at the real brokers: what is nonsense is refused or kept apart, others are unhurt.

Who may log in and write where is tried by `test_security.py`.
"""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from aiokafka import ConsumerRecord
from httpx import ASGITransport

from agents import mqtt_packets
from agents.mqtt_packets import Stream
from api.adapters.records import DatabaseRecords
from api.app import create
from deploy.local.kafka import Kafka
from deploy.local.mosquitto import Mosquitto
from processors import registry
from processors.adapters import site_tables
from processors.pace import Limit
from processors.settings import ProcessorSettings
from records import fleet
from records.adapters.postgres import PostgresReader
from schemas import topics
from schemas.codec import CONTENT_TYPE
from schemas.messages import FeatureBatch, ResultBatch
from tests.api_contract import SECRET, opened, services
from tests.batches import result_batch, status
from tests.bridging import SITE, Device, bridge, read_until, records, said
from tests.database import Database
from tests.recorded import address
from tests.workers import planned_topics, worker

EVIL = "<img src=x onerror=alert(1)>'); DROP TABLE reading; --"
GARBAGE = b'{"version":1,"session":"01JZ\xcd\xeb","first_seq":-1}'
HUGE_BYTES = 100_000_000
FLOOD = 20_000
"""Far more than is heard at once, and sent within a second or two."""
PATIENCE_S = 30.0


@pytest_asyncio.fixture
async def settings(mosquitto: Mosquitto, kafka: Kafka) -> ProcessorSettings:
    there = ProcessorSettings(
        mqtt_host=mosquitto.host,
        mqtt_port=mosquitto.port,
        mqtt_password_file=mosquitto.password_file("bridge"),
        kafka_bootstrap=kafka.bootstrap,
    )
    await planned_topics(there)
    return there


@pytest_asyncio.fixture
async def honest(mosquitto: Mosquitto, request: pytest.FixtureRequest) -> AsyncIterator[Device]:
    tests = [item.name for item in request.session.items if item.path == request.path]
    device = await Device(mosquitto, f"pole-{tests.index(request.node.name) + 1:02d}").ready()
    yield device
    device.leave()


class Rogue:
    """A device's connection that says what no library would."""

    def __init__(self, broker: Mosquitto, device: str) -> None:
        password = broker.password_file(device).read_text(encoding="utf-8").strip()
        will = mqtt_packets.last_will(_topic(device, "status"), b"gone", CONTENT_TYPE)
        greeting = mqtt_packets.connect(
            device, password, keep_alive_s=60, session_expiry_s=0, will=will
        )
        self.device = device
        self._socket = socket.create_connection((broker.host, broker.port), PATIENCE_S)
        self._socket.sendall(greeting)
        (welcome,) = Stream().feed(self._socket.recv(4096))
        assert not mqtt_packets.reason(welcome)

    def say(self, said: bytes) -> None:
        with suppress(OSError):  # the broker may have hung up in the middle of it
            self._socket.sendall(said)

    def publish(self, topic: str, payload: bytes, *, times: int = 1, retain: bool = False) -> None:
        self.say(times * mqtt_packets.publish(topic, payload, 1, CONTENT_TYPE, retain=retain))

    def is_hung_up_on(self) -> bool:
        with suppress(ConnectionError):
            while self._socket.recv(65536):
                pass
        return True

    def leave(self) -> None:
        self._socket.close()


def _topic(device: str, stream: str, site: str = SITE) -> str:
    return f"{topics.NAMESPACE}/{site}/{device}/{stream}"


def impossible(device: str) -> Iterator[bytes]:
    """Packets that break the protocol or a limit."""
    good = _topic(device, "features")
    packet = mqtt_packets.publish(good, b"{}", 1, CONTENT_TYPE)
    for bad in (b"\xff\xfe", b"\xed\xa0\x80", b"\0\0", b"+/", b"#/"):  # no text, or wildcards
        yield packet.replace(b"po", bad, 1)
    yield mqtt_packets.publish(good, bytes(HUGE_BYTES), 1, CONTENT_TYPE)


async def test_what_breaks_the_protocol_or_a_limit_ends_its_own_connection_only(
    settings: ProcessorSettings, mosquitto: Mosquitto, honest: Device
) -> None:
    rogue = Rogue(mosquitto, "pole-11")
    async with records(settings, topics.DEAD_LETTERS) as dead, bridge(settings):
        rogue.publish(_topic("pole-11", "features", site=EVIL), b"{}")
        (letter, *_) = await read_until(dead, lambda letters: bool(_of(letters, b"pole-11")))
        assert dict(letter.headers)["reason"] == b"device"
        rogue.leave()
        for number, packet in enumerate(impossible("pole-11")):
            rogue = Rogue(mosquitto, "pole-11")
            await asyncio.to_thread(rogue.say, packet)
            honest.publish(honest.batch(number))
            assert await asyncio.to_thread(rogue.is_hung_up_on), packet[:80]
            rogue.leave()
        await honest.hears_all(range(number + 1))


async def test_retained_garbage_on_every_topic_is_kept_apart(
    settings: ProcessorSettings, mosquitto: Mosquitto, honest: Device
) -> None:
    rogue = Rogue(mosquitto, "pole-12")
    for stream in ("features", "results", "indices", "status"):
        rogue.publish(_topic("pole-12", stream), GARBAGE, retain=True)
    # a bridge of a name that Mosquitto has never heard: it is told of everything that is retained
    fresh = settings.model_copy(update={"bridge_sites": SITE})
    async with records(settings, topics.DEAD_LETTERS) as dead, bridge(fresh):
        honest.publish(honest.batch(0))
        await honest.hears_all([0])
        found = await read_until(dead, lambda letters: len(_of(letters, b"pole-12")) >= 4)
    reasons = [dict(letter.headers)["reason"] for letter in _of(found, b"pole-12")]
    assert reasons == [b"malformed"] * 4
    rogue.leave()


def _of(letters: list[ConsumerRecord], device: bytes) -> list[ConsumerRecord]:
    return [each for each in letters if device in dict(each.headers)["source"]]


async def test_a_flood_is_named_and_others_are_heard_all_the_while(
    settings: ProcessorSettings, mosquitto: Mosquitto, honest: Device
) -> None:
    rogue = Rogue(mosquitto, "pole-13")
    async with bridge(settings) as process, records(settings, topics.DEAD_LETTERS) as dead:
        naming = asyncio.create_task(said(process, "too_fast"))
        flooding = asyncio.create_task(
            asyncio.to_thread(rogue.publish, _topic("pole-13", "features"), b"{", times=FLOOD)
        )
        for seq in range(20):
            honest.publish(honest.batch(seq))
            await honest.hears_all([seq])
        await flooding
        await naming
        ends = await dead.end_offsets(list(dead.assignment()))
        kept = sum([end - await dead.position(place) for place, end in ends.items()])
    assert Limit().burst <= kept < FLOOD / 10
    rogue.leave()


async def test_a_backlog_beyond_the_limit_is_slowed_down_and_loses_nothing(
    settings: ProcessorSettings, honest: Device
) -> None:
    """Like an agent, the device sends the next batches when those on their way are answered."""
    limit = Limit(messages_per_s=4.0)
    backlog = range(int(limit.burst) + 19)
    slow = settings.model_copy(update={"device_messages_per_s": limit.messages_per_s})
    async with bridge(slow):
        began_s = asyncio.get_running_loop().time()
        for seq in backlog:
            honest.publish(honest.batch(seq))
            await honest.hears_all(range(max(0, seq - 1)))
        await honest.hears_all(backlog)
        took_s = asyncio.get_running_loop().time() - began_s
    assert took_s > (len(backlog) - limit.burst) / limit.messages_per_s - 0.5


@dataclass
class City:
    """A database whose sites file is hostile, too."""

    settings: ProcessorSettings
    database: Database


@pytest.fixture
def city(settings: ProcessorSettings, database: Database, honest: Device, tmp_path: Path) -> City:
    sites = tmp_path / "sites.yaml"
    pole = {"device": honest.device, "name": EVIL, "street": EVIL[:50]}
    file = {"sites": [{"site": SITE, "name": EVIL, "devices": [pole]}]}
    sites.write_text(json.dumps(file), encoding="utf-8")
    known = registry.parse(sites.read_text(encoding="utf-8"))
    now = datetime.now(UTC)
    days = [now.date(), (now - timedelta(hours=1)).date()]
    site_tables.load(database.settings, known, days)
    there = {name: getattr(settings, name) for name in settings.model_fields_set}
    there |= {name: getattr(database.settings, name) for name in database.settings.model_fields_set}
    return City(ProcessorSettings.model_validate({**there, "sites_file": sites}), database)


async def test_sql_and_html_in_every_text_are_plain_text(city: City, honest: Device) -> None:
    told = status(
        device=honest.device,
        session=honest.session,
        agent_version=EVIL,
        calibration=EVIL,
        at=datetime.now(UTC),
    )
    batch = honest.batch(0).model_dump(exclude={"mel", "profile"}) | {"calibration": EVIL}
    heard = FeatureBatch.model_validate({**batch, "profile": "levels", "mel": None})
    later = {"first_seq": 1, "started_at": heard.started_at + timedelta(seconds=1)}
    labelled = ResultBatch.model_validate(
        {**batch, **later, "model": EVIL, "labels": result_batch().labels}
    )
    async with (
        bridge(city.settings),
        worker("classify", city.settings),
        worker("archive", city.settings),
    ):
        honest.publish(told, "status")
        honest.publish(heard)
        honest.publish(labelled, "results")
        await city.database.until(
            "SELECT count(*) = 2 FROM reading WHERE session = %s", honest.session
        )
        await city.database.until(
            "SELECT status IS NOT NULL FROM device WHERE device = %s", honest.device
        )
    rows = city.database.query(
        "SELECT calibration, model FROM reading WHERE session = %s ORDER BY seq", honest.session
    )
    assert rows == [(EVIL, None), (EVIL, EVIL)]
    with PostgresReader(address(city.database)) as reader:
        (shown,) = fleet.health(reader)
        assert (shown.name, shown.agent_version, shown.calibration) == (EVIL, EVIL, EVIL)
        app = create(services(DatabaseRecords(reader)))
        client = await opened(ASGITransport(app))
        answer = await client.get("/v1/devices", headers={"Authorization": f"Bearer {SECRET}"})
        await client.aclose()
    assert answer.headers["content-type"] == "application/json"
    (device,) = [each for each in answer.json()["devices"] if each["device"] == honest.device]
    assert (device["name"], device["street"]) == (EVIL, EVIL[:50])
