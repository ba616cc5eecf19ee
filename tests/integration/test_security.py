"""The servers as a city runs them: everybody may what the table says, and nothing else."""

import asyncio
import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.adapters.link import Link, Login, Message
from benchmarks import security_api, security_kafka, security_mqtt, security_postgres, security_tls
from benchmarks.security_stack import DEVICES, SITE, SecureStack
from benchmarks.security_trial import Trial
from deploy.local.ports import HOST
from schemas.errors import BadConfig, Unavailable
from tests.contracts import WILL
from tests.servers import JARS


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureStack]:
    with SecureStack(tmp_path_factory.mktemp("secure"), JARS) as started:
        yield started


def _wrong(trials: list[Trial]) -> list[Trial]:
    assert trials
    return [trial for trial in trials if not trial.right]


@pytest.fixture(scope="module")
def prepared(stack: SecureStack) -> SecureStack:
    asyncio.run(stack.prepare())
    return stack


async def test_kafka_keeps_to_the_table(prepared: SecureStack) -> None:
    assert _wrong(await security_kafka.trials(prepared)) == []


async def test_postgresql_keeps_to_the_table(prepared: SecureStack) -> None:
    assert _wrong(list(security_postgres.trials(prepared))) == []


def test_the_api_keeps_to_the_table(prepared: SecureStack) -> None:
    assert _wrong(list(security_api.trials(prepared))) == []


def test_old_tls_and_weak_ciphers_are_refused(stack: SecureStack) -> None:
    assert _wrong(list(security_tls.trials(stack))) == []


async def test_an_agent_speaks_tls_and_a_large_answer_is_read_whole(stack: SecureStack) -> None:
    """TLS takes more from the socket than one message: none of them may be left waiting."""
    heard: list[bytes] = []
    ours = Message(f"cityhum/v1/{SITE}/{DEVICES[0]}/features", b"{}")
    answers = [b"%d" % number for number in range(100)]
    async with _link(stack, stack.certificates.authority, heard) as device:
        device.publish(ours)
        await device.confirmed()  # so it has subscribed
        await asyncio.to_thread(_answer, stack, answers)
        device.publish(ours)
        await device.confirmed()  # so everything before has come
    assert heard == answers


def _answer(stack: SecureStack, answers: list[bytes]) -> None:
    bridge = security_mqtt.opened(stack, "bridge")
    for answer in answers:
        assert bridge.publishes(f"cityhum/v1/{SITE}/{DEVICES[0]}/ack", answer)
    bridge.leave()


# paho leaves the socket of a failed handshake to the collector
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_an_agent_believes_nobody_else(stack: SecureStack, tmp_path: Path) -> None:
    other = SecureStack(tmp_path, JARS).certificates
    other.make()
    with pytest.raises(Unavailable, match="CERTIFICATE_VERIFY_FAILED"):
        async with _link(stack, other.authority, []):
            pass
    gc.collect()


async def test_a_file_without_a_certificate_is_one_line(stack: SecureStack, tmp_path: Path) -> None:
    empty = tmp_path / "ca.crt"
    empty.write_text("", encoding="utf-8")
    with pytest.raises(BadConfig, match=r"^CA file [^\n]*$"):
        _link(stack, empty, [])


def test_mosquitto_keeps_to_the_table(stack: SecureStack) -> None:
    """Last: it shuts a device out."""
    assert _wrong(list(security_mqtt.trials(stack))) == []


def _link(stack: SecureStack, authority: Path, heard: list[bytes]) -> Link:
    word = stack.mosquitto.password_file(DEVICES[0]).read_text(encoding="utf-8").strip()
    return Link(
        Login(HOST, stack.mosquitto.port, DEVICES[0], word, authority),
        will=WILL,
        topics=(f"cityhum/v1/{SITE}/{DEVICES[0]}/ack",),
        received=lambda _, payload: heard.append(payload),
        changed=lambda: None,
    )
