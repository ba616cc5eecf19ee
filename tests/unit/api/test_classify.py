"""Sounds that are sent."""

import io
import tracemalloc
from collections.abc import AsyncIterator

import numpy as np
import pytest
import soundfile
import soxr
from httpx import ASGITransport, AsyncClient

from api.adapters.ears import ModelEars, decoded, opened
from api.app import create
from api.classify import MOST_BYTES
from api.sounds import BadSound
from hearing.adapters.sound_files import StraightRead, pieces
from tests.api_contract import LEVELS_ONLY, SECRET, services
from tests.fakes_api import DeafEars, MemoryRecords

WAV = {"Authorization": f"Bearer {SECRET}", "Content-Type": "audio/wav"}


@pytest.fixture
def ears() -> DeafEars:
    return DeafEars()


@pytest.fixture
async def client(ears: DeafEars) -> AsyncIterator[AsyncClient]:
    transport = ASGITransport(create(services(MemoryRecords(), ears=ears)))
    async with AsyncClient(transport=transport, base_url="http://test") as opened:
        yield opened


async def test_a_sound_is_heard(client: AsyncClient, ears: DeafEars) -> None:
    answer = await client.post("/v1/classify", content=b"sound", headers=WAV)
    assert answer.json()["labels"] == [{"label": "siren", "confidence": 0.9, "active_s": 1}]
    assert answer.json()["flag_for_review"] is False
    assert ears.heard == [b"sound"]


async def test_nothing_is_heard_unless_that_was_switched_on() -> None:
    transport = ASGITransport(create(services(MemoryRecords())))
    async with AsyncClient(transport=transport, base_url="http://test") as client:
        answer = await client.post("/v1/classify", content=b"sound", headers=WAV)
    assert answer.status_code == 404


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": f"Bearer {LEVELS_ONLY}"}, 403),
        ({"Authorization": f"Bearer {SECRET}", "Content-Type": "multipart/form-data"}, 415),
        ({**WAV, "Content-Length": str(2**31)}, 413),
    ],
)
async def test_what_will_be_refused_is_not_read(
    client: AsyncClient, headers: dict[str, str], status: int
) -> None:
    read = []

    async def body() -> AsyncIterator[bytes]:
        read.append(1)
        yield b"sound"

    answer = await client.post("/v1/classify", content=body(), headers=headers)
    assert answer.status_code == status
    assert not read


async def test_a_body_that_does_not_end_is_left_at_its_limit(
    client: AsyncClient, ears: DeafEars
) -> None:
    read = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 1 << 20
            yield bytes(1 << 20)

    answer = await client.post("/v1/classify", content=body(), headers=WAV)
    assert (answer.status_code, answer.headers["connection"]) == (413, "close")
    assert read <= MOST_BYTES + (1 << 20)
    assert not ears.heard


def sound(seconds: float, rate_hz: int = 44_100, channels: int = 2, kind: str = "WAV") -> bytes:
    file = io.BytesIO()
    tone = 0.1 * np.sin(np.arange(round(seconds * rate_hz)) * 0.1)
    soundfile.write(file, np.tile(tone[:, None], channels), rate_hz, format=kind)
    return file.getvalue()


@pytest.fixture(scope="module")
def model() -> ModelEars:
    return ModelEars("street8-0.3.0")


def test_a_sound_of_any_kind_is_heard_in_memory(model: ModelEars) -> None:
    heard = model.hear(sound(2.5, kind="FLAC"))
    assert heard.seconds == 2.5
    assert heard.laeq_dbfs == pytest.approx(-20, abs=2)
    assert heard.model.startswith("street8-0.3.0@")


def test_the_level_is_that_of_all_that_the_file_holds(model: ModelEars) -> None:
    file = io.BytesIO()
    squeal = 0.1 * np.sin(2 * np.pi * 9000 * np.arange(72_000) / 48_000)
    soundfile.write(file, squeal, 48_000, format="WAV")
    heard = model.hear(file.getvalue())
    assert heard.laeq_dbfs == pytest.approx(-20 - 1.8, abs=0.1)  # A at 9 kHz is -1.8 dB
    assert all(event.offset_s <= 1.5 for event in heard.events)


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 44_100, 192_000])
def test_pieces_make_the_sound_that_the_whole_would_be(rate_hz: int) -> None:
    tone = sound(3.1, rate_hz)
    with opened(tone) as file:
        parts = list(decoded(file, {16_000, 32_000}))
    mono, _ = soundfile.read(io.BytesIO(tone))
    for wanted_hz in (16_000, 32_000):
        found = np.concatenate([part[wanted_hz] for part in parts])
        whole = soxr.resample(mono[:, 0], rate_hz, wanted_hz)
        assert len(found) == pytest.approx(3.1 * wanted_hz, abs=1)
        assert np.allclose(found[: len(whole)], whole[: len(found)], atol=1e-5)


def test_a_small_file_that_unpacks_into_much_takes_little_memory() -> None:
    file = io.BytesIO()
    soundfile.write(file, np.zeros(30 * 192_000, np.float32), 192_000, format="FLAC")
    tracemalloc.start()
    with opened(file.getvalue()) as flac:
        _ = [piece[16_000] for piece in decoded(flac, {16_000, 32_000})]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 30e6  # 30 s at 192 kHz are 46 MB


def test_no_piece_is_long_however_slow_the_file() -> None:
    """2 Hz would be 8000 times as much at 16 kHz, before anybody asks how long it is."""
    slow = sound(2000, rate_hz=2, channels=1)
    with StraightRead(io.BytesIO(slow)) as file:
        first = next(pieces(file, {16_000, 32_000}))
    assert first.frames <= 20
    assert all(len(mono) <= 10 * hz for hz, mono in first.mono.items())
    with pytest.raises(BadSound, match="2 Hz: at least 1000 Hz"), opened(slow):
        pass


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        (b"", "not a sound"),
        (b"RIFF, he said", "not a sound"),
        (sound(0.01), "less than an eighth"),
        (sound(301, rate_hz=8000, channels=1, kind="FLAC"), "longer than 300 s"),
    ],
)
def test_what_cannot_be_heard_is_told_why(model: ModelEars, sent: bytes, says: str) -> None:
    with pytest.raises(BadSound, match=says):
        model.hear(sent)
