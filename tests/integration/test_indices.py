"""Indices against scikit-maad's own functions, and on their way from sound to broker."""

import asyncio
import warnings
from pathlib import Path

import numpy as np
import pytest
import soundfile

from acoustics.indices import MinuteIndices, bi_top_hz, of_minute
from agents import service
from agents.adapters import minutes
from agents.settings import AgentSettings
from deploy.local.mosquitto import Mosquitto
from schemas.errors import Unavailable
from tests.bridge import AckingBridge

# slow to import, hence no unit test
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    features = pytest.importorskip("maad.features", reason="needs scikit-maad (extra: agent)")
    maad_sound = pytest.importorskip("maad.sound", reason="needs scikit-maad (extra: agent)")

TIMEOUT_S = 150


def a_minute(rate_hz: int) -> np.ndarray:
    """Chirps every two seconds over noise, and a hum."""
    t = np.arange(60 * rate_hz) / rate_hz
    chirp = np.sin(2 * np.pi * (2500 * t + 300 * np.sin(2 * np.pi * 5 * t))) * (t % 2 < 0.4)
    noise = np.random.default_rng(7).normal(0, 0.003, len(t))
    hum = 0.02 * np.sin(2 * np.pi * 100 * t)
    return np.asarray(0.2 * chirp + hum + noise, dtype=np.float32)


@pytest.mark.parametrize("rate_hz", [16_000, 48_000])
def test_each_index_is_scikit_maads(rate_hz: int) -> None:
    sound = a_minute(rate_hz)
    found = of_minute(sound, rate_hz)
    centred = sound.astype(np.float64) - sound.astype(np.float64).mean()
    window = rate_hz * 512 // 16_000
    amplitude, _, fn, _ = maad_sound.spectrogram(
        centred, rate_hz, nperseg=window, noverlap=0, mode="amplitude"
    )
    power, _, _, _ = maad_sound.spectrogram(
        centred, rate_hz, nperseg=window, noverlap=0, mode="psd"
    )
    top_hz = min(20_000, rate_hz // 2)
    h_t, (h_f, _) = features.temporal_entropy(centred), features.frequency_entropy(power)
    expected = MinuteIndices(
        aci=features.acoustic_complexity_index(amplitude)[2],
        adi=features.acoustic_diversity_index(amplitude, fn, fmax=top_hz),
        aei=features.acoustic_eveness_index(amplitude, fn, fmax=top_hz),
        bi=features.bioacoustics_index(amplitude, fn, flim=(2000, bi_top_hz(rate_hz))),
        h=h_t * h_f,
        ndsi=features.soundscape_index(power, fn, flim_bioPh=(1000, min(10_000, top_hz)))[0],
    )
    assert len(fn) == window // 2
    assert found == pytest.approx(expected, abs=1e-6)


def test_a_band_above_nyquist_would_count_the_top_twice() -> None:
    """The pitfall itself: should it go away, so may our limit."""
    sound = a_minute(16_000)
    amplitude, _, fn, _ = maad_sound.spectrogram(
        sound, 16_000, nperseg=512, noverlap=0, mode="amplitude"
    )
    naive = features.acoustic_diversity_index(amplitude, fn)
    found = of_minute(sound, 16_000).adi
    assert found is not None
    assert naive > found + 0.1


@pytest.mark.parametrize("rate_hz", [16_000, 48_000])
def test_a_minute_with_silent_seconds_has_numbers(rate_hz: int) -> None:
    sound = a_minute(rate_hz)
    sound[: 50 * rate_hz] = 0
    assert all(value is not None and np.isfinite(value) for value in of_minute(sound, rate_hz))


async def test_a_process_of_its_own_computes_the_same(tmp_path: Path) -> None:
    sound = a_minute(16_000)
    found = await minutes.computed(np.split(sound, 60), 16_000, tmp_path)
    assert found == of_minute(sound, 16_000)


async def test_a_process_that_fails_or_hangs_is_told(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"ValueError: 0\.001 s of sound instead of 60"):
        await minutes.computed([np.zeros(16, np.float32)], 16_000, tmp_path)
    with pytest.raises(Unavailable, match="not computed in 0 s"):
        await minutes.computed([], 16_000, tmp_path, timeout_s=0.0)


async def test_indices_of_each_minute_arrive_once_beside_the_readings(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    path = tmp_path / "minutes.wav"
    sound = np.concatenate([a_minute(16_000), np.zeros(61 * 16_000, np.float32)])
    soundfile.write(path, sound, 16_000, subtype="FLOAT")
    settings = AgentSettings(
        mqtt_host=mosquitto.host,
        mqtt_port=mosquitto.port,
        mqtt_password_file=mosquitto.password_file("pole-01"),
        state_folder=tmp_path / "state",
    )
    with AckingBridge(mosquitto) as bridge:
        async with asyncio.timeout(TIMEOUT_S):
            played = await service.play(settings, path, speed=100)
    assert (played.readings, played.remaining) == (121, 0)
    first, second = sorted(bridge.indices, key=lambda each: each.first_seq)
    assert [first.first_seq, second.first_seq] == [0, 60]
    assert {first.session, second.session} == {played.session}
    assert first.started_at == played.started_at
    assert first.aci == of_minute(a_minute(16_000), 16_000).aci
    assert (second.aci, second.h) == (None, None)
