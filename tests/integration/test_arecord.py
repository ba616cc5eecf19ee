"""The real arecord, on an ALSA device that reads a sound which we made."""

import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

import numpy as np
import pytest

from acoustics import levels
from agents import pipeline
from agents.adapters.capture import microphone
from agents.adapters.sound_pipe import SoundPipe
from agents.calibration import Calibration
from agents.reading import Reading
from schemas.errors import BadConfig, Unavailable

pytestmark = pytest.mark.skipif(
    shutil.which("arecord") is None, reason="needs arecord (Debian: alsa-utils)"
)

SESSION = "01JWZZZZZZZZZZZZZZZZZZZZZZ"
CALIBRATION = Calibration(name="made", sensitivity_dbfs=-26.0)


@pytest.fixture
def alsa(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder whose `sound.raw` the pcms read, as fast as they are asked.

    `cityhum_test` has one channel of 16 bits, `cityhum_i2s` two of 32.
    """
    (tmp_path / "asound.conf").write_text(f"""
        pcm.sound {{
            type file
            slave.pcm {{ type null }}
            file "/dev/null"
            infile "{tmp_path}/sound.raw"
            format "raw"
        }}
        pcm.cityhum_test {{
            type plug
            slave {{ pcm sound format S16_LE channels 1 }}
        }}
        pcm.cityhum_i2s {{
            type plug
            slave {{ pcm sound format S32_LE channels 2 }}
            route_policy average
        }}
    """)
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(tmp_path / "asound.conf"))
    return tmp_path


def write_tone(folder: Path, level_db: float, rate_hz: int, seconds: int) -> None:
    amplitude = 10 ** ((level_db - 94.0 + CALIBRATION.sensitivity_dbfs) / 20)
    tone = amplitude * np.sin(2 * np.pi * 1000 * np.arange(seconds * rate_hz) / rate_hz)
    (folder / "sound.raw").write_bytes(np.rint(tone * 2**15).astype("<i2").tobytes())


async def first_readings(
    blocks: AsyncIterator[pipeline.Block],
    rate_hz: int,
    count: int,
    calibration: Calibration = CALIBRATION,
) -> list[Reading]:
    state = pipeline.start(
        SESSION, datetime(2026, 5, 4, tzinfo=UTC), rate_hz, calibration=calibration
    )
    readings: list[Reading] = []
    async for block in blocks:
        state, done = pipeline.step(state, block)
        readings.extend(done)
        if len(readings) >= count:
            break
    return readings


@pytest.mark.parametrize("rate_hz", [16_000, 48_000])
async def test_a_tone_at_the_sound_card_reads_its_level(alsa: Path, rate_hz: int) -> None:
    write_tone(alsa, 94.0, rate_hz, seconds=6)
    async with microphone("pcm:cityhum_test", rate_hz) as blocks:
        readings = await first_readings(blocks, rate_hz, count=4)
    assert [r.seq for r in readings] == [0, 1, 2, 3]
    for r in readings:
        assert r.levels.laeq_1s_db == pytest.approx(94.0, abs=0.1)
        assert r.levels.lceq_1s_db == pytest.approx(94.0, abs=0.1)
        assert r.levels.lzeq_1s_db == pytest.approx(94.0, abs=0.1)
        assert not r.levels.overload
        assert len(r.codes) == 256


async def test_a_quiet_night_at_a_deaf_i2s_microphone_reads_its_level(alsa: Path) -> None:
    """94 dB read -42 dBFS, and -48 once averaged with the slot that is empty: 16 bits are few."""
    night = np.random.default_rng(1).normal(0, 1, 6 * 16_000)
    (second, *_) = levels.step(levels.start(16_000), night)[1]
    night *= 10 ** ((-48.0 + 40.0 - 94.0 - second.laeq_1s_db) / 20)
    both = np.stack([np.rint(2 * night * 2**31), np.zeros_like(night)], axis=1)
    (alsa / "sound.raw").write_bytes(both.astype("<i4").tobytes())
    averaged = Calibration(name="averaged", sensitivity_dbfs=-48.0)
    async with microphone("pcm:cityhum_i2s", 16_000) as blocks:
        readings = await first_readings(blocks, 16_000, count=4, calibration=averaged)
    for r in readings:
        assert r.levels.laeq_1s_db == pytest.approx(40.0, abs=0.1)
        assert not r.levels.floor


@pytest.mark.parametrize(("loudest", "overload"), [(32767, True), (-32768, True), (32766, False)])
async def test_full_scale_of_a_card_of_16_bits_is_overload(
    alsa: Path, loudest: int, *, overload: bool
) -> None:
    sound = np.full(2 * 16_000, 100)
    sound[8000] = loudest
    (alsa / "sound.raw").write_bytes(sound.astype("<i2").tobytes())
    async with microphone("pcm:cityhum_test", 16_000) as blocks:
        (reading, *_) = await first_readings(blocks, 16_000, count=1)
    assert reading.levels.overload == overload


def files(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


async def test_capture_leaves_no_file_behind(alsa: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_tone(alsa, 80.0, 16_000, seconds=2)
    before = files(alsa)
    monkeypatch.chdir(alsa)
    async with microphone("pcm:cityhum_test", 16_000) as blocks:
        await first_readings(blocks, 16_000, count=1)
    assert files(alsa) == before


@pytest.mark.usefixtures("alsa")
async def test_an_unknown_pcm_is_one_clear_line() -> None:
    async with microphone("pcm:cityhum_missing", 16_000) as blocks:
        with pytest.raises(BadConfig, match="Unknown PCM cityhum_missing") as error:
            await anext(blocks)
    assert "\n" not in str(error.value)


async def test_a_microphone_that_is_not_there_is_one_clear_line() -> None:
    with pytest.raises(Unavailable, match="no microphone"):
        async with microphone("cityhum no such microphone", 16_000):
            pass


async def test_a_recorder_that_is_not_installed_is_one_clear_line() -> None:
    with pytest.raises(BadConfig, match=r"cannot start cityhum-no-recorder .*alsa-utils"):
        async with microphone("", 16_000, program="cityhum-no-recorder"):
            pass


@pytest.fixture
def failing_recorder(tmp_path: Path) -> Path:
    """A stand-in for arecord: its card loses 250 ms after 1.5 s, then is unplugged."""
    program = tmp_path / "recorder"
    program.write_text("""#!/bin/sh
if [ "$1" = -l ]; then
    echo 'card 1: Mic [USB Mic], device 0: USB Audio [USB Audio]'
    exit
fi
head -c 96000 /dev/zero
echo 'overrun!!! (at least 250.000 ms long)' >&2
sleep 0.3  # a card that begins anew takes its time to hear something
head -c 64000 /dev/zero
echo 'arecord: pcm_read:2221: read error: No such device' >&2
exit 1
""")
    program.chmod(0o755)
    return program


@pytest.mark.parametrize("known", ["S16_LE", "U8"])
async def test_a_pcm_without_conversion_may_know_16_bits_only(tmp_path: Path, known: str) -> None:
    """As `hw:` and `dsnoop` of most USB cards."""
    program = tmp_path / "recorder"
    sound = np.tile(np.array([-(2**15), 2**14], "<i2"), 16_000)
    (tmp_path / "sound").write_bytes(sound.tobytes())
    program.write_text(f"""#!/bin/sh
case "$*" in *"-f {known} "*) exec cat {tmp_path}/sound; esac
echo 'arecord: set_params:1352: Sample format non available' >&2
printf 'Available formats:\\n- {known}\\n' >&2
exit 1
""")
    program.chmod(0o755)
    async with microphone("pcm:hw:CARD=Device,DEV=0", 16_000, program=str(program)) as blocks:
        if known != "S16_LE":
            with pytest.raises(Unavailable, match=f"Sample format non available.* {known}"):
                await anext(blocks)
            return
        heard = [await anext(blocks) for _ in range(16)]
        with pytest.raises(Unavailable, match="no reason given"):
            await anext(blocks)
    assert [len(block.samples) for block in heard] == 16 * [2000]
    assert heard[0].samples[:2].tolist() == [-1.0, 0.5]


def test_a_loss_that_is_told_after_the_end_is_nobodys() -> None:
    with SoundPipe(4096) as pipe:
        pipe.close()
        pipe.lost(0.25)


async def test_an_overrun_is_charged_to_the_sound_after_it_and_an_unplugged_card_told(
    failing_recorder: Path,
) -> None:
    async with microphone("usb", 16_000, program=str(failing_recorder)) as blocks:
        heard = [await anext(blocks)]
        Event().wait(1.0)  # the agent is busy, and the recorder says what it lost
        heard += [await anext(blocks) for _ in range(19)]
        with pytest.raises(Unavailable, match="read error: No such device"):
            await anext(blocks)
    assert [block.lost_samples for block in heard] == [*[0] * 12, 4000, *[0] * 7]
