import numpy as np
import pytest

from acoustics.sirens import SirenKind
from agents.sources import (
    CALLS,
    engine,
    noise,
    traffic_spectrum,
    tyre_spectrum,
    water_spectrum,
    wind_spectrum,
)
from agents.street_kinds import BUSY, PARK
from agents.street_levels import RATE_HZ, Samples, a_power, level_of, rms_of
from agents.street_passage import Passage
from agents.street_plan import everyday, passages
from agents.street_routes import visits
from agents.street_sounds import Call, CarPass, chance

CALLS_BY_LABEL = [(label, kind) for label, kinds in CALLS.items() for kind in kinds]


def centroid_hz(sound: Samples) -> float:
    power = np.abs(np.fft.rfft(sound)) ** 2
    return float(np.average(np.fft.rfftfreq(len(sound), 1 / RATE_HZ), weights=power))


def passing(kind: SirenKind = "hi-lo") -> Passage:
    return Passage(
        kind=kind,
        nearest=20 * RATE_HZ,
        in_s=10.0,
        out_s=10.0,
        speed_m_s=14.0,
        distance_m=10.0,
        level_db=90.0,
        excess_db_per_m=0.0,
        screen_db=15.0,
        echoes=(),
        siren_s=20.0,
        seed=(1, 2),
    )


def level_at(sound: Samples, second: int) -> float:
    return level_of(float(np.mean(sound[second * RATE_HZ : (second + 1) * RATE_HZ] ** 2)))


def test_the_calibrator_reads_94_db() -> None:
    tone = np.sin(2 * np.pi * 1000 / RATE_HZ * np.arange(RATE_HZ), dtype=np.float32)
    assert level_of(a_power(tone * np.float32(10 ** (-26 / 20)))) == pytest.approx(94.0, abs=0.01)


@pytest.mark.parametrize(("label", "kind"), CALLS_BY_LABEL)
def test_a_call_is_as_loud_as_asked_in_its_loudest_eighth(label: str, kind: str) -> None:
    sound = Call(label, kind, start=0, level_db=70.0, seed=(1,)).render()
    eighth = RATE_HZ // 8
    pieces = [sound[at : at + eighth] for at in range(0, len(sound) - eighth, eighth)]
    assert level_of(max(map(a_power, pieces))) == pytest.approx(70.0, abs=0.1)
    assert np.abs(sound).max() < 0.1


@pytest.mark.parametrize("spectrum", [traffic_spectrum, tyre_spectrum, wind_spectrum])
def test_noise_has_an_a_weighted_rms_of_one(spectrum: object) -> None:
    assert callable(spectrum)
    sound = noise(np.random.default_rng(1), 10 * RATE_HZ, spectrum)
    assert 10 * np.log10(a_power(sound)) == pytest.approx(0.0, abs=0.3)


def test_an_engine_is_low_and_birds_are_high() -> None:
    assert centroid_hz(engine(np.random.default_rng(1), 2 * RATE_HZ)) < 600
    for bird in CALLS["birds"].values():
        assert centroid_hz(bird(np.random.default_rng(1))) > 1500


def test_waves_are_brighter_than_wind() -> None:
    waves, wind = (
        noise(np.random.default_rng(1), RATE_HZ, spectrum)
        for spectrum in (water_spectrum, wind_spectrum)
    )
    assert centroid_hz(waves) > centroid_hz(wind)


def test_a_car_is_loudest_in_the_middle() -> None:
    car = next(sound for sound in everyday(BUSY, 7, 0, 0) if isinstance(sound, CarPass))
    sound = car.render()
    eighths = np.mean(sound.reshape(8, -1) ** 2, axis=1)
    assert int(np.argmax(eighths)) in {3, 4}
    assert abs(sound[0]) < 1e-5
    assert abs(sound[-1]) < 1e-5


@pytest.mark.parametrize("kind", ["hi-lo", "wail"])
def test_a_siren_reaches_its_level_when_nearest(kind: SirenKind) -> None:
    passage = passing(kind)
    sound = passage.render()
    nearest = (passage.nearest - passage.start) // RATE_HZ
    assert len(sound) == passage.length
    assert level_at(sound, nearest) == pytest.approx(90.0, abs=2.5)
    assert np.abs(sound).max() < 0.3


def test_a_siren_fades_with_distance_and_drops_behind_the_corner() -> None:
    passage = passing()
    sound = passage.render()
    nearest = (passage.nearest - passage.start) // RATE_HZ
    # 7 s at 14 m/s: 98 m, 20 dB by distance alone and a little by the air
    assert level_at(sound, nearest) - level_at(sound, nearest + 7) == pytest.approx(20.0, abs=3.0)
    assert level_at(sound, nearest + 8) - level_at(sound, nearest + 12) > 13.0


def test_a_siren_sounds_higher_when_it_comes_than_when_it_goes() -> None:
    passage = passing("wail")
    sound = passage.render()
    middle = passage.nearest - passage.start
    spans = (sound[middle - 8 * RATE_HZ : middle], sound[middle : middle + 8 * RATE_HZ])
    tops = []
    for span in spans:
        power = np.abs(np.fft.rfft(span)) ** 2
        f = np.fft.rfftfreq(len(span), 1 / RATE_HZ)
        share = np.cumsum(power * (f < 1950)) / np.sum(power * (f < 1950))
        tops.append(float(f[np.searchsorted(share, 0.5)]))
    assert tops[0] > tops[1]


def test_the_first_block_has_several_kinds_and_later_ones_one_vehicle() -> None:
    first = visits(seed=7, devices=20, block=0)
    assert len({visit.vehicle.kind for visit in first}) == 3
    assert 4 <= len(first) <= 6
    assert all(len({visit.vehicle for visit in visits(7, 20, block)}) == 1 for block in (1, 2, 9))


def test_a_single_device_hears_a_siren_at_first() -> None:
    assert [visit.device for visit in visits(seed=3, devices=1, block=0)] == [0]
    assert visits(seed=3, devices=1, block=1) == ()


def test_the_same_vehicle_has_the_same_siren_everywhere() -> None:
    first = [visit for visit in visits(7, 20, 0) if visit.vehicle.index == 0]
    heard = passages(PARK, 7, tuple(first))
    assert len(first) >= 2
    assert len({passage.seed for passage in heard}) == 1
    begun_s = [passage.nearest / RATE_HZ - passage.siren_s for passage in heard]
    assert begun_s == pytest.approx([begun_s[0]] * len(heard), abs=1e-3)


def test_another_number_of_seeds_is_another_chance() -> None:
    assert chance(7).uniform() != chance(7, 0).uniform()


def test_rms_of_a_level() -> None:
    assert rms_of(94.0) == pytest.approx(10 ** (-26 / 20) / np.sqrt(2))
