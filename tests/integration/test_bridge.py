"""The bridge between a real Mosquitto and a real Kafka."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import timedelta
from math import inf
from pathlib import Path

import pytest
import pytest_asyncio
from aiokafka import ConsumerRecord
from orjson import loads

from deploy.local.kafka import Kafka
from deploy.local.mosquitto import Mosquitto
from deploy.local.ports import free_port
from processors import bridge_service, dead_letters
from processors.adapters.clock import utc_now
from processors.adapters.mqtt import MqttLink
from processors.settings import ProcessorSettings
from schemas import topics
from schemas.codec import decode, encode
from schemas.envelopes import FeatureEnvelope, ReceivedFeatures
from schemas.errors import Reason
from schemas.messages import MAX_BATCH_BYTES, Indices, Status
from tests.batches import changed, codes, feature_batch, indices, status
from tests.bridging import (
    PATIENCE_S,
    ROOT,
    SITE,
    Device,
    all_records,
    bridge,
    launched,
    read_until,
    records,
    said,
    supervised,
)
from tests.workers import planned_topics


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
async def device(mosquitto: Mosquitto, request: pytest.FixtureRequest) -> AsyncIterator[Device]:
    """A device of the test's own: its past is on no bridge."""
    tests = [item.name for item in request.session.items if item.path == request.path]
    number = tests.index(request.node.name) % 20 + 1
    device = await Device(mosquitto, f"pole-{number:02d}").ready()
    yield device
    device.leave()


def batches(found: Iterable[ConsumerRecord], session: str) -> list[ReceivedFeatures]:
    """What of a session is in records of `features.v1`, in the order of each partition."""
    envelopes = [decode(FeatureEnvelope, record.value) for record in found]
    every = [received for envelope in envelopes for received in envelope.batches]
    return [received for received in every if received.batch.session == session]


def seqs(found: Iterable[ConsumerRecord], session: str) -> set[int]:
    return {each.batch.first_seq for each in batches(found, session)}


async def test_a_reading_is_in_kafka_when_the_device_hears_that_it_is(
    settings: ProcessorSettings, device: Device
) -> None:
    async with records(settings, topics.FEATURES) as log, bridge(settings):
        for seq in range(20):
            device.publish(device.batch(seq))
        await device.hears_all(range(20))
        found = await read_until(log, lambda r: len(seqs(r, device.session)) == 20)
    received = batches(found, device.session)
    assert [each.batch for each in received] == [device.batch(seq) for seq in range(20)]
    places = {r.partition for r in found if decode(FeatureEnvelope, r.value).batches}
    assert places == {topics.partition(device.device)}


async def test_every_partition_learns_the_time(settings: ProcessorSettings) -> None:
    # the broker knows no bridge of these sites: it need not wait for others to come back
    unheard_of = settings.model_copy(update={"bridge_sites": f"{SITE},park"})
    async with records(settings, topics.FEATURES) as log, bridge(unheard_of):

        def ticked(found: list[ConsumerRecord]) -> bool:
            ticks = [r.partition for r in found if decode(FeatureEnvelope, r.value).tick]
            return set(ticks) == set(range(topics.PARTITIONS))

        await read_until(log, ticked)


async def test_status_and_indices_are_kept_under_the_device(
    settings: ProcessorSettings, device: Device
) -> None:
    born = status(device=device.device, session=device.session, at=device.began_at)
    minute = indices(60).model_copy(
        update={
            "device": device.device,
            "session": device.session,
            "started_at": device.began_at,
        }
    )
    async with (
        records(settings, topics.STATUS) as statuses,
        records(settings, topics.INDICES) as minutes,
        bridge(settings),
    ):
        device.publish(born, "status")
        device.publish(minute, "indices")
        await device.hears_all([60])
        key = device.device.encode()
        (*_, last) = await read_until(statuses, lambda r: any(each.key == key for each in r))
        assert decode(Status, last.value) == born
        (*_, last) = await read_until(minutes, lambda r: any(each.key == key for each in r))
        assert decode(Indices, last.value) == minute


def bad_messages(device: Device) -> list[tuple[Reason, bytes]]:
    good = device.batch(1000)
    fine = device.batch(7).model_dump(mode="json")["mel"] | {"codes": "AAAA" * 1000}
    known = codes(3, session=device.session)
    smuggling = feature_batch(
        3,
        session=device.session,
        started_at=device.batch(3).started_at,
        device=device.device,
        mel=known[:-288] + b"z" * 32 + known[-256:],
    )
    return [
        ("malformed", b"{"),
        ("malformed", changed(good, humidity=3)),
        ("oversized", b" " * (MAX_BATCH_BYTES + 1)),
        ("oversized", os.urandom(1024 * 1024 - 200)),
        ("version", changed(good, version=2)),
        ("device", changed(good, device="pole-99")),
        ("clock", changed(good, started_at="2099-01-01T00:00:00Z")),
        ("privacy", changed(good, mel=fine)),
        ("privacy", encode(smuggling)),
    ]


async def test_bad_messages_become_dead_letters_and_the_stream_goes_on(
    settings: ProcessorSettings, device: Device
) -> None:
    async with records(settings, topics.DEAD_LETTERS) as letters, bridge(settings):
        for seq in range(3):
            device.publish(device.batch(seq))
        bad = {device.publish(p): (reason, p) for reason, p in bad_messages(device)}
        device.publish(device.batch(3))
        await device.hears_all(range(4))
        await device.hears(lambda: bad.keys() <= device.rejected.keys())
        found = await read_until(letters, lambda r: len(r) >= len(bad))
    assert device.rejected == {name: reason for name, (reason, _) in bad.items()}
    assert len(found) == len(bad)
    for record in found:
        letter = dead_letters.letter(record.headers)
        reason, payload = bad[letter.digest]
        assert letter.reason == reason
        assert letter.size_bytes == len(payload)
        assert record.key == device.device.encode()
        assert record.value == (None if reason == "privacy" else payload)


async def test_a_killed_bridge_loses_nothing(settings: ProcessorSettings, device: Device) -> None:
    every = range(300)
    async with records(settings, topics.FEATURES) as log:
        async with bridge(settings) as process:
            for seq in every:
                device.publish(device.batch(seq))
            await device.hears(lambda: len(device.accepted) > 0)
            process.kill()
            await process.wait()
        async with bridge(settings):
            # an answer may have died with the bridge: the device sends again, as the agent does
            for seq in sorted(set(every) - device.accepted):
                device.publish(device.batch(seq))
            await device.hears_all(every)
            await read_until(log, lambda r: seqs(r, device.session) == set(every))
    assert device.rejected == {}


async def test_what_is_sent_while_the_bridge_is_away_waits_for_it(
    settings: ProcessorSettings, device: Device
) -> None:
    async with bridge(settings) as process:
        device.publish(device.batch(0))
        await device.hears_all([0])
        process.terminate()
        assert await asyncio.wait_for(process.wait(), PATIENCE_S) == 0
    for seq in range(1, 10):
        device.publish(device.batch(seq))
    async with bridge(settings):
        await device.hears_all(range(10))


async def test_an_outage_of_kafka_loses_nothing(
    settings: ProcessorSettings, device: Device, kafka: Kafka
) -> None:
    every = range(100)
    async with supervised(settings):
        device.publish(device.batch(0))
        await device.hears_all([0])
        kafka.kill()
        try:
            for seq in every:
                device.publish(device.batch(seq))
        finally:
            kafka.start()  # its process is tied to this thread
        await device.hears_all(every)
    async with all_records(settings, topics.FEATURES) as log:
        await read_until(log, lambda r: seqs(r, device.session) == set(every))


async def test_an_outage_of_mosquitto_loses_nothing(
    settings: ProcessorSettings, device: Device, mosquitto: Mosquitto
) -> None:
    async with bridge(settings) as process:
        device.publish(device.batch(0))
        await device.hears_all([0])
        mosquitto.stop()
        mosquitto.start()
        await said(process, "mqtt_subscribed")
        for seq in range(1, 10):
            device.publish(device.batch(seq))
        await device.hears_all(range(10))


async def test_brokers_that_are_away_are_waited_for_aloud(settings: ProcessorSettings) -> None:
    nowhere = free_port()
    async with launched(settings.model_copy(update={"mqtt_port": nowhere})) as process:
        await said(process, "mqtt_away")
        process.terminate()
        assert await asyncio.wait_for(process.wait(), PATIENCE_S) == 0
    lost = settings.model_copy(update={"kafka_bootstrap": f"127.0.0.1:{nowhere}"})
    async with launched(lost) as process:
        await said(process, "kafka_away")
        process.terminate()
        assert await asyncio.wait_for(process.wait(), PATIENCE_S) == 0


async def run(command: str, **variables: str) -> tuple[int | None, str, str]:
    """Exit status and output of a command that ends by itself."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cityhum", *command.split()),
        env={**os.environ, **variables},
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    return process.returncode, out.decode(), err.decode()


@pytest.mark.parametrize(
    ("variable", "value", "word"),
    [
        ("CITYHUM_COLOUR", "red", "CITYHUM_COLOUR"),
        ("CITYHUM_MQTT_PORT", "many", "CITYHUM_MQTT_PORT"),
        ("CITYHUM_BRIDGE_SITES", "harbour,", "CITYHUM_BRIDGE_SITES"),
        ("CITYHUM_SITES_FILE", "nowhere.yaml", "nowhere.yaml"),
        ("CITYHUM_MQTT_PASSWORD_FILE", "nowhere", "nowhere"),
    ],
)
async def test_a_mistake_in_the_settings_is_one_line(variable: str, value: str, word: str) -> None:
    status, _, err = await run("bridge", **{variable: value})
    assert status == 2
    (line,) = err.splitlines()
    assert word in line


async def test_a_refused_password_is_one_line(settings: ProcessorSettings, tmp_path: Path) -> None:
    wrong = tmp_path / "password"
    wrong.write_text("wrong", encoding="utf-8")
    async with launched(settings.model_copy(update={"mqtt_password_file": wrong})) as process:
        assert await asyncio.wait_for(process.wait(), PATIENCE_S) == 2
        assert process.stderr is not None
        (*_, last) = (await process.stderr.read()).decode().splitlines()
    assert "refuses user 'bridge'" in last


async def test_topics_are_created_once_and_checked(kafka: Kafka) -> None:
    there = {"CITYHUM_KAFKA_BOOTSTRAP": kafka.bootstrap}
    assert (await run("topics create", **there))[0] == 0
    status, out, _ = await run("topics create", **there)
    assert (status, out) == (0, "0 topics created, 8 were there\n")
    status, out, _ = await run("topics check", **there)
    assert (status, out) == (0, "8 topics as planned\n")


async def test_a_topic_that_is_not_as_planned_is_named(kafka: Kafka, tmp_path: Path) -> None:
    plan = tmp_path / "topics.yaml"
    plan.write_text(
        "{partitions: 12, topics: {status.v1: {retention_days: 3}, gone.v1: {compact: true}}}",
        encoding="utf-8",
    )
    there = {"CITYHUM_KAFKA_BOOTSTRAP": kafka.bootstrap}
    assert (await run("topics create", **there))[0] == 0
    found = await run("topics check", **there, CITYHUM_TOPICS_FILE=str(plan))
    assert found[0] == 1
    assert "status.v1: cleanup.policy is compact, planned is delete" in found[1]
    assert "gone.v1 is missing" in found[1]


async def test_a_link_knows_how_long_its_broker_has_been_back(
    settings: ProcessorSettings, mosquitto: Mosquitto
) -> None:
    async def until(true: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not true():
                await link.take(0.1)

    async with MqttLink(
        settings, client_id="bench", filters=bridge_service.filters([SITE]), clock=utc_now
    ) as link:
        await until(lambda: link.heard_for_s == inf)
        mosquitto.stop()
        await until(lambda: link.heard_for_s == 0)
        mosquitto.start()
        await until(lambda: 0 < link.heard_for_s < PATIENCE_S)
    async with MqttLink(  # we were away: so may others have been
        settings, client_id="bench", filters=bridge_service.filters([SITE]), clock=utc_now
    ) as link:
        await until(lambda: 0 < link.heard_for_s < PATIENCE_S)


async def test_what_a_slow_clock_refused_is_redriven(
    settings: ProcessorSettings, device: Device
) -> None:
    now = utc_now()
    slow = {"rehearsal_began_at": now, "rehearsal_shows": now - timedelta(hours=1)}
    async with bridge(settings.model_copy(update=slow)):
        told = [device.publish(device.batch(seq)) for seq in range(5)]
        await device.hears(lambda: device.rejected.keys() >= set(told))
    assert {device.rejected[one] for one in told} == {"clock"}
    kafka = {"CITYHUM_KAFKA_BOOTSTRAP": settings.kafka_bootstrap}
    words = f"--reason clock --device {device.device} --json"
    status, out, err = await run(f"dead-letters list {words}", **kafka)
    assert (status, loads(out)[0]["can_be_redriven"]) == (0, 5), err
    status, out, err = await run(f"dead-letters redrive {words}", **kafka)
    assert (status, loads(out)) == (0, {"redriven": 5, "refused": {}, "left": 0}), err
    async with all_records(settings, topics.FEATURES) as log:
        await read_until(log, lambda r: seqs(r, device.session) == set(range(5)))
