"""Whoever has asked for alerts gets every one: on every way, over kills on both sides."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import httpx
import numpy as np
import psycopg
import pytest
import soundfile
import yaml

from acoustics.sirens import siren
from agents import service
from agents.played import Played
from agents.settings import AgentSettings
from deploy.local import api_keys, programs
from deploy.local.ports import free_port
from deploy.local.results import Results
from deploy.local.stack import LocalStack
from deploy.local.supervise import Program, Supervisor
from schemas import asyncapi, cloud_events
from schemas.codec import decode, encode
from schemas.messages import Indices
from schemas.results import Alert
from tests import standards
from tests.e2e.eventually import eventually
from tests.e2e.subscribers import (
    Following,
    OnKafka,
    OnMqtt,
    OnSse,
    Overheard,
    Subscriber,
    checked_topics,
    event_of,
)
from tests.notifying import SECRET
from tests.receivers import HANG, Posted, Receiver
from tests.servers import DEVICES as INSTALLED

SPEED = 4.0
RATE_HZ = 16_000
DEVICES = tuple(f"pole-{number:02d}" for number in range(1, 4))
PUBLISHER = "pole-20"
SCENE_S = ((6, 0.0), (10, 0.1), (24, 0.0), (10, 0.1), (14, 0.0))
"""Seconds, and how loud the siren is in them: two alerts a device, and a minute that ends."""
INDICES = Path(__file__).parents[1] / "data" / "messages" / "v1" / "Indices.json"
AT_ONCE = 8
"""So many alerts are told side by side."""
TARGETS = {
    "webhook": ["raised", "updated", "cleared"],
    "apprise": ["raised", "cleared"],
    "hangs": ["raised", "cleared"],
}


@pytest.fixture
def receivers() -> Iterator[dict[str, Receiver]]:
    """Where notifications go: one takes, one is told in words, one hangs."""
    with ExitStack() as stack:
        answers = {"webhook": [204], "apprise": [200], "hangs": [HANG]}
        yield {name: stack.enter_context(Receiver(answers=a)) for name, a in answers.items()}


@pytest.mark.timeout(600)
async def test_every_subscriber_hears_of_every_alert(
    stack: LocalStack,
    receivers: dict[str, Receiver],
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    port = free_port()
    _know_targets(stack)
    async with Supervisor(_programs(stack, receivers, port, tmp_path), tmp_path / "log") as running:
        await _all_listen(stack, port)
        subscribers: list[Subscriber] = [
            OnKafka(stack.addresses),
            OnMqtt(stack.addresses, tmp_path),
            OnSse(stack.addresses, port),
            Following(stack.addresses, tmp_path),
        ]
        overheard = _overheard(stack, tmp_path)
        await asyncio.gather(*[one.go_on() for one in (*subscribers, *overheard)])
        await _publish(stack, "features", b"garbage")  # becomes a dead letter
        await _publish(stack, "indices", _minute())
        playing = asyncio.create_task(_play(stack, tmp_path))
        await asyncio.to_thread(receivers["webhook"].wait_for, 2, 150)
        os.kill(running.pids["notify"], signal.SIGKILL)
        await asyncio.gather(*[one.cut() for one in subscribers])
        await asyncio.to_thread(receivers["webhook"].wait_for, 6, 150)
        await asyncio.gather(*[one.go_on() for one in subscribers])
        truth = await _settled(stack, await playing)
        await eventually(partial(_told, subscribers, receivers, truth))
        await eventually(partial(_minute_shown, overheard))
        await asyncio.gather(*[one.cut() for one in (*subscribers, *overheard)])
        on_kafka = await checked_topics(stack.addresses)
        assert await _places(stack, port, "devices") == len(INSTALLED)
        assert await _places(stack, port, "alerts") == 2 * len(DEVICES)
    assert standards.counted["Home Assistant"] >= len(INSTALLED)
    on_mqtt = set.union(*(one.channels for one in overheard))
    assert on_kafka == {one.topic for one in asyncapi.KAFKA}
    assert on_mqtt == {f"mqtt.{one.name}" for one in asyncapi.MQTT}
    assert len({alert.alert_id for alert in truth}) == 2 * len(DEVICES)
    _check_posted(receivers, truth)
    heard = {type(one).__name__: len(one.heard) for one in subscribers}
    heard |= {name: len(one.posted) for name, one in receivers.items()}
    record_property(
        "told",
        f"{len(truth)} events of {2 * len(DEVICES)} alerts, 0 missed; heard: {heard}; "
        f"checked, all valid: {dict(standards.counted)}",
    )


def _overheard(stack: LocalStack, folder: Path) -> list[Overheard]:
    """Everything that is said on MQTT, as those hear it who may."""
    streams = [f"cityhum/v1/+/+/{one}" for one in ("features", "results", "indices", "status")]
    ack = f"cityhum/v1/harbour/{DEVICES[0]}/ack"
    shown = ("cityhum/v1/+/+/levels", "cityhum/v1/+/+/alerts/#", "homeassistant/device/+/config")
    wanted = {"bridge": streams, DEVICES[0]: [ack], "viewer": shown}
    return [Overheard(stack.addresses, folder, user, *names) for user, names in wanted.items()]


async def _minute_shown(overheard: list[Overheard]) -> bool:
    return any("mqtt.levels" in one.channels for one in overheard)


async def _publish(stack: LocalStack, stream: str, payload: bytes) -> None:
    """What a device might say."""
    addresses, device = stack.addresses, PUBLISHER
    password = (addresses.secrets / "devices" / device).read_text(encoding="utf-8").strip()
    process = await asyncio.create_subprocess_exec(
        *("mosquitto_pub", "-V", "5", "-q", "1", "-u", device, "-P", password, "-m", payload),
        *("-t", f"cityhum/v1/harbour/{device}/{stream}"),
        *("-h", addresses.mqtt_host, "-p", str(addresses.mqtt_port)),
    )
    assert await process.wait() == 0


def _minute() -> bytes:
    """Indices of the last minute: the scene is shorter than one of the clock's."""
    sample = decode(Indices, INDICES.read_bytes())
    began_at = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=60)
    return encode(sample.model_copy(update={"device": PUBLISHER, "started_at": began_at}))


async def _places(stack: LocalStack, port: int, what: str) -> int:
    """How many features the API's GeoJSON has."""
    key = api_keys.secret_file(stack.addresses.secrets).read_text(encoding="utf-8").strip()
    asked = {"format": "geojson", **({"from": "2020-01-01T00:00:00Z"} if what == "alerts" else {})}
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {key}"}) as client:
        answer = await client.get(f"http://127.0.0.1:{port}/v1/{what}", params=asked)
    return standards.geojson(answer.raise_for_status().content)


async def _told(
    subscribers: list[Subscriber], receivers: dict[str, Receiver], truth: list[Alert]
) -> bool:
    """Whether everybody has heard everything; nobody hears what never was."""
    all_events = {event_of(alert) for alert in truth}
    heard = [set(one.heard) for one in subscribers]
    assert all(one <= all_events for one in heard)
    return all(one == all_events for one in heard) and all(
        len({_body(posted) for posted in receivers[name].posted}) == _wanted(name, truth)
        for name in ("webhook", "apprise")
    )


def _check_posted(receivers: dict[str, Receiver], truth: list[Alert]) -> None:
    for posted in receivers["webhook"].posted:
        assert posted.is_genuine(SECRET, datetime.now(UTC))
        standards.post(posted.headers, posted.body)
    ids = [posted.headers["webhook-id"] for posted in receivers["webhook"].posted]
    assert set(ids) == {cloud_events.event_id(alert) for alert in truth}
    assert len(ids) - len(set(ids)) <= AT_ONCE, "only what was on its way when it was killed"
    texts = [_body(posted) for posted in receivers["apprise"].posted]
    for alert in truth:
        said = {"raised": "began", "updated": "", "cleared": "ended"}[alert.state]
        assert not said or any(said in one and str(alert.alert_id) in one for one in texts)
    assert receivers["hangs"].posted, "it was asked, and held up nobody"


def _body(posted: Posted) -> str:
    return posted.body.decode()


def _wanted(target: str, truth: list[Alert]) -> int:
    return sum(alert.state in TARGETS[target] for alert in truth)


# --- the city ------------------------------------------------------------------------------------


def _programs(
    stack: LocalStack, receivers: dict[str, Receiver], port: int, folder: Path
) -> list[Program]:
    addresses = stack.addresses
    bridge = Program("bridge", [*programs.CITYHUM, "bridge"], addresses.environment("bridge"))
    processors = [programs.processor(addresses, name) for name in (*programs.PROCESSORS, "notify")]
    told = {
        "CITYHUM_NOTIFY_FILE": str(_notify_file(receivers, folder)),
        "CITYHUM_HOME_ASSISTANT": "on",
    }
    return [
        bridge,
        *(replace(one, environment={**one.environment, **told}) for one in processors),
        programs.api(addresses, port),
    ]


def _notify_file(receivers: dict[str, Receiver], folder: Path) -> Path:
    (folder / "secret").write_text(SECRET, encoding="utf-8")
    apprise = receivers["apprise"].url.replace("http://", "json://")
    (folder / "apprise").write_text(apprise, encoding="utf-8")
    signed = {"secret_file": str(folder / "secret")}
    ways: dict[str, dict[str, str]] = {
        "webhook": {"webhook": receivers["webhook"].url, **signed},
        "apprise": {"apprise_file": str(folder / "apprise")},
        "hangs": {"webhook": receivers["hangs"].url, **signed},
    }
    targets = [{"target": name, "events": TARGETS[name], **way} for name, way in ways.items()]
    file = folder / "notify.yaml"
    file.write_text(yaml.safe_dump({"targets": targets}), encoding="utf-8")
    return file


def _know_targets(stack: LocalStack) -> None:
    """As if they had been there for long: a scene that is played faster lies in the past."""
    with psycopg.connect(stack.postgres.conninfo("cityhum_owner")) as database:
        known = "INSERT INTO notify_target SELECT unnest(%s::text[]), '2020-01-01'"
        database.execute(known, [list(TARGETS)])


async def _all_listen(stack: LocalStack, port: int) -> None:
    since = datetime.now(UTC)
    with closing(Results(stack.addresses)) as results:

        async def ready() -> bool:
            return results.ready(["alerts", "archive"], since) and await _answers(port)

        await eventually(ready)


async def _answers(port: int) -> bool:
    async with httpx.AsyncClient() as client:
        try:
            return (await client.get(f"http://127.0.0.1:{port}/health/ready")).is_success
        except httpx.TransportError:
            return False


async def _play(stack: LocalStack, folder: Path) -> list[Played]:
    scene = _scene(folder / "scene.wav")
    return await asyncio.gather(
        *(service.play(_settings(stack, device, folder), scene, SPEED) for device in DEVICES)
    )


def _scene(to: Path) -> Path:
    chance = np.random.default_rng(7)
    pieces = [
        loud * siren("wail", seconds, RATE_HZ, chance) if loud else np.zeros(seconds * RATE_HZ)
        for seconds, loud in SCENE_S
    ]
    street = chance.normal(0, 1e-3, sum(map(len, pieces)))
    soundfile.write(to, np.concatenate(pieces) + street, RATE_HZ, subtype="FLOAT")
    return to


def _settings(stack: LocalStack, device: str, folder: Path) -> AgentSettings:
    addresses = stack.addresses
    return AgentSettings(
        site="harbour",
        device=device,
        mqtt_host=addresses.mqtt_host,
        mqtt_port=addresses.mqtt_port,
        mqtt_password_file=addresses.secrets / "devices" / device,
        state_folder=folder / device,
        profile="labels" if device == DEVICES[-1] else "mel32x8",
    )


async def _settled(stack: LocalStack, played: list[Played]) -> list[Alert]:
    """Every event, once all that was played is stored, judged and relayed."""
    assert [one.remaining for one in played] == [0] * len(played)
    stored = "SELECT count(*) FROM reading WHERE session = ANY(%s)"
    sessions, readings = [one.session for one in played], sum(one.readings for one in played)
    conninfo = stack.postgres.conninfo("cityhum_reader")
    with (
        closing(Results(stack.addresses)) as results,
        psycopg.connect(conninfo, autocommit=True) as database,
    ):

        async def done() -> bool:
            [(count,)] = database.execute(stored, [sessions]).fetchall()
            return count == readings and not (results.behind(["alerts"]) or results.undelivered())

        await eventually(done)
        told = database.execute("SELECT payload::text FROM outbox WHERE kind = 'alert' ORDER BY id")
        return [decode(Alert, payload.encode()) for (payload,) in told]
