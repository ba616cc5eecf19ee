"""An agent whose microphone is pulled out and put back, or never there, with no real arecord."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from agents.adapters import calibration_file, plugged
from agents.adapters.capture import find
from agents.adapters.clock import TRUST
from agents.adapters.spool import SqliteSpool
from agents.batches import Origin
from agents.calibration import CalibrationRecord
from agents.pipeline import Block
from agents.reading import Reading
from agents.service import SPOOL_FILE, Agent, listen
from agents.settings import AgentSettings
from deploy.local.mosquitto import Mosquitto
from schemas import codec, topics
from schemas.messages import FeatureBatch
from tests.bridge import DEVICE, AckingBridge
from tests.builders import readings
from tests.fakes import FakeBroker, FakeClock, FakeSpool

RATE_HZ = 16_000
FEATURES = topics.device_topic("harbour", DEVICE, "features")


@pytest.fixture
def _loose_plug(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each recording ends after 1 s; the third listing is empty, then the card has another id."""
    program = tmp_path / "arecord"
    program.write_text(f"""#!/bin/sh
if [ "$1" != -l ]; then
    head -c {4 * RATE_HZ} /dev/zero
    echo 'arecord: pcm_read:2221: read error: No such device' >&2
    exit 1
fi
echo >> {tmp_path}/listings
count=$(wc -l < {tmp_path}/listings)
id=Device
[ "$count" -eq 3 ] && exit
[ "$count" -gt 3 ] && id=Device_1
echo "card 1: $id [USB PnP Sound Device], device 0: USB Audio [USB Audio]"
""")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")


def settings_of(mosquitto: Mosquitto, folder: Path) -> AgentSettings:
    return AgentSettings(
        device=DEVICE,
        microphone="UMIK",
        mqtt_host=mosquitto.host,
        mqtt_port=mosquitto.port,
        mqtt_password_file=mosquitto.password_file(DEVICE),
        state_folder=folder,
        indices="off",
    )


class _Spool(FakeSpool):
    """Says when it has heard enough."""

    def __init__(self, enough: int) -> None:
        super().__init__()
        self.full = asyncio.Event()
        self._enough = enough

    def append(self, readings: Sequence[Reading]) -> None:
        super().append(readings)
        if self.depth() >= self._enough:
            self.full.set()


@pytest.mark.usefixtures("_loose_plug")
async def test_a_microphone_that_is_pulled_out_and_put_back_is_heard_again(tmp_path: Path) -> None:
    clock, spool = FakeClock(), _Spool(enough=2)
    agent = Agent(
        Origin("harbour", "pole-01"),
        spool,
        FakeBroker().connect,
        folder=tmp_path,
        clock=clock,
        calibration=None,
        rate_hz=RATE_HZ,
    )
    found = await find("USB PnP")
    fits = partial(plugged.calibrated, None)
    listening = asyncio.create_task(plugged.hear(found, RATE_HZ, agent.hear_live, clock, fits))
    async with asyncio.timeout(20):
        await spool.full.wait()
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    first, second = [each.reading for each in spool.waiting(0, 2)]
    assert first.session != second.session
    assert first.seq == second.seq == 0
    assert second.started_at - first.started_at == timedelta(seconds=2 * plugged.RETRY_S)


class Card:
    """A calibrated card that is told at these gains, one after the other, and at the last for ever.

    It sounds for 1 s; then it is calibrated anew, and gone.
    """

    def __init__(self, folder: Path, gains: Sequence[int]) -> None:
        self._told = folder / "told"
        made, later = _record("2026-04-01a", 24), _record("2026-04-02a", 18)
        calibration_file.save(folder, later)
        calibration_file.save(folder, made)
        (folder / "gains").write_text("".join(f"{gain}\n" for gain in gains))
        _program(
            folder / "amixer",
            f"""head -n 1 {folder}/gains > {folder}/gain
echo "Simple mixer control 'Mic',0"
echo "  Mono: Capture $(cat {folder}/gain) [9%] [on]"
[ "$(wc -l < {folder}/gains)" -gt 1 ] && sed -i 1d {folder}/gains
exit 0""",
        )
        newest = folder / calibration_file.FILE
        _program(
            folder / "arecord",
            f"""if [ "$1" != -l ]; then
    cat {folder}/gain >> {self._told}
    cp {folder}/{calibration_file.HISTORY}/{later.name}.json {newest}
    head -c {4 * RATE_HZ} /dev/zero
    exit 1
fi
echo 'card 1: UMIK [UMIK-1], device 0: USB Audio [USB Audio]'""",
        )

    def heard_at(self) -> list[int]:
        """Gain at each time that it was heard."""
        return [int(gain) for gain in self._told.read_text().split()] if self._told.exists() else []


def _record(name: str, gain: int) -> CalibrationRecord:
    return CalibrationRecord(
        name=name,
        device=DEVICE,
        method="calibrator",
        sensitivity_dbfs=-50.0 + gain,
        at=datetime(2026, 4, 1, tzinfo=UTC),
        u95_db=0.5,
        gain=(f"Mic: {gain} on",),
    )


def _program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


async def test_a_gain_that_alsa_restores_late_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    card = Card(tmp_path, [18, 24])
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    clock, heard = FakeClock(), asyncio.Event()

    async def hear(blocks: AsyncIterator[Block]) -> None:
        async for _ in blocks:
            heard.set()

    fits = partial(plugged.calibrated, calibration_file.load(tmp_path))
    listening = asyncio.create_task(plugged.hear(await find(""), RATE_HZ, hear, clock, fits))
    async with asyncio.timeout(20):
        await heard.wait()
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    assert card.heard_at()[:1] == [24]
    assert "now 'Mic: 18 on'" in caplog.records[0].__dict__["detail"]


async def test_at_another_gain_nothing_is_heard_and_what_waits_is_sent(
    mosquitto: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = Card(tmp_path, [18])
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with SqliteSpool(tmp_path / SPOOL_FILE, 2**30) as spool:
        spool.append(readings(100))
    with AckingBridge(mosquitto) as bridge:
        listening = asyncio.create_task(listen(settings_of(mosquitto, tmp_path)))
        for _ in range(2):
            await bridge.receive(FEATURES)
        assert not listening.done()
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
    assert len(bridge.seqs) == 100
    assert card.heard_at() == []


async def test_a_calibration_of_later_is_nobodys_before_the_next_start(
    mosquitto: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = Card(tmp_path, [24, 18, 18, 24])
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(plugged, "RETRY_S", 0.1)
    trusted = {"rate_hz": RATE_HZ, "clock": "trusted"}
    settings = settings_of(mosquitto, tmp_path).model_copy(update=trusted)
    with AckingBridge(mosquitto) as bridge:
        listening = asyncio.create_task(listen(settings))
        batches = [
            codec.decode(FeatureBatch, await bridge.receive(FEATURES)),
            codec.decode(FeatureBatch, await bridge.receive(FEATURES)),
        ]
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
    assert set(card.heard_at()) == {24}
    assert {batch.calibration for batch in batches} == {"2026-04-01a"}


async def test_without_a_microphone_what_waits_is_sent(
    mosquitto: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "arecord").symlink_to("/bin/true")  # which lists nothing
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    settings = settings_of(mosquitto, tmp_path)
    with SqliteSpool(tmp_path / SPOOL_FILE, 2**30) as spool:
        spool.append(readings(100))
    with AckingBridge(mosquitto) as bridge:
        listening = asyncio.create_task(listen(settings))
        for _ in range(2):
            await bridge.receive(FEATURES)
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
    assert len(bridge.seqs) == 100


async def test_time_that_becomes_known_without_a_microphone_lets_go_what_was_heard(
    mosquitto: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, known = tmp_path / "arecord", tmp_path / "known"
    program.write_text(f"""#!/bin/sh
if [ "$1" != -l ]; then
    head -c {4 * RATE_HZ} /dev/zero
    touch {tmp_path}/gone
    exit 1
fi
[ -e {tmp_path}/gone ] && touch {known} && exit
echo "card 1: UMIK [UMIK-1], device 0: USB Audio [USB Audio]"
""")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setitem(TRUST, "auto", known.exists)
    settings = settings_of(mosquitto, tmp_path).model_copy(update={"rate_hz": RATE_HZ})
    with AckingBridge(mosquitto) as bridge:
        listening = asyncio.create_task(listen(settings))
        batch = codec.decode(FeatureBatch, await bridge.receive(FEATURES))
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
    assert (batch.count, batch.clock) == (1, "synced")
