import numpy as np
import pytest

from agents.street import Scene, city
from agents.street_faults import KINDS, Fault, clipped, faults, silence, through, wet
from agents.street_kinds import RAIN
from agents.street_levels import RATE_HZ, Samples, a_power, level_of
from agents.street_weather import conditions, rain, showers, wind_db
from schemas.errors import BadConfig

RAINY = next(seed for seed in range(50) if list(showers(seed, 1800)))


def rain_of(scene: Scene, k: int) -> Samples:
    return scene.stems(k)["rain"]


def test_every_city_begins_dry() -> None:
    assert all(not rain(seed, np.arange(300.0)).any() for seed in range(30))
    assert "rain" not in city(RAINY, 2)[0].stems(100)


def test_a_shower_falls_on_all_devices_at_once_and_is_a_true_event_of_each() -> None:
    (shower, *_) = showers(RAINY, 1800)
    middle = int((shower.onset_s + shower.offset_s) / 2)
    for scene in city(RAINY, 3):
        level = level_of(a_power(rain_of(scene, middle)))
        assert level == pytest.approx(RAIN.laeq_db + 20 * np.log10(shower.strength), abs=3)
        event = scene._rain_event(shower)
        assert (event.onset_s, event.offset_s) == (
            round(shower.onset_s, 3),
            round(shower.offset_s, 3),
        )


def test_gusts_change_slowly_and_stay_in_bounds() -> None:
    gusts = wind_db(7, np.arange(7200.0))
    assert np.abs(gusts).max() <= 8
    assert np.abs(np.diff(gusts)).max() < 0.6
    assert abs(gusts.mean()) < 0.5


def test_the_weather_is_told_by_the_minute() -> None:
    told = conditions(RAINY, 600)
    assert [weather.at_s for weather in told] == [60.0 * n for n in range(10)]


def test_devices_fail_in_every_way_and_no_clock_is_ahead() -> None:
    found = faults(7, 20, 6)
    assert len({fault.device_index for fault in found}) == 6
    assert {fault.kind for fault in found} == set(KINDS)
    assert all((fault.clock_s < -120) == (fault.kind == "clock") for fault in found)
    assert faults(7, 20, 0) == ()


def test_more_cannot_fail_than_there_are() -> None:
    with pytest.raises(BadConfig, match="3 devices to fail"):
        faults(7, 2, 3)


def test_a_wet_microphone_is_dull_and_quiet_without_a_seam() -> None:
    sound = np.random.default_rng(1).normal(0, 0.1, 2 * RATE_HZ).astype(np.float32)
    before, first = wet(silence(), sound[:RATE_HZ])
    _, second = wet(before, sound[RATE_HZ:])
    _, at_once = wet(silence(), sound)
    assert np.allclose(np.concatenate([first, second]), at_once, atol=1e-6)
    power = np.abs(np.fft.rfft(second)) ** 2
    f = np.fft.rfftfreq(RATE_HZ, 1 / RATE_HZ)
    assert power[f > 1500].sum() < 1e-3 * power.sum()
    assert level_of(a_power(sound[:RATE_HZ])) - level_of(a_power(second)) > 18


async def test_an_overdriven_street_is_cut_off_and_a_wrong_clock_is_not_heard() -> None:
    loud = np.full(RATE_HZ, 0.02, dtype=np.float32)

    async def render(_k: int) -> Samples:
        return loud

    heard = await through(Fault(device_index=0, kind="clipping"), render)(0)
    assert np.array_equal(heard, clipped(loud))
    assert heard.max() == 1.0
    for well in (None, Fault(device_index=0, kind="clock", clock_s=-300)):
        assert await through(well, render)(0) is loud
