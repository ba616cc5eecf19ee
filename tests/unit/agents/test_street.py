from pathlib import Path

import numpy as np
import pytest
import yaml

import deploy
from agents.street import Scene, TrueEvent, city, true_events
from agents.street_levels import RATE_HZ, Samples, a_power, level_of
from agents.street_map import TOWN
from agents.street_routes import visits

CITY = city(seed=7, devices=20)
ONE_OF_EACH = {scene.street.name: scene for scene in CITY}
VISITED = next(visit.device for visit in visits(seed=7, devices=20, block=0))


def rest_of(stems: dict[str, Samples]) -> Samples:
    rest = [stem for label, stem in stems.items() if label != "siren"]
    return np.asarray(np.sum(rest, axis=0), dtype=np.float32)


@pytest.fixture(scope="module")
def siren() -> TrueEvent:
    return next(event for event in CITY[VISITED].events(90) if event.label == "siren")


def test_a_second_does_not_depend_on_what_was_rendered_before() -> None:
    in_order, afresh = city(7, 20)[VISITED], city(7, 20)[VISITED]
    heard = [in_order.second(k) for k in range(28, 34)]
    assert np.array_equal(afresh.second(33), heard[5])
    assert np.array_equal(afresh.second(29), heard[1])


def test_a_scene_remembers_only_what_sounds() -> None:
    scene = Scene(seed=7, device_index=4, devices=20)
    for k in range(0, 300, 15):
        scene.second(k)
    assert len(scene._rendered) < 20
    assert len(scene._planned) == 1


def test_stems_add_up_to_the_second() -> None:
    stems = CITY[VISITED].stems(30)
    assert {"traffic", "wind", "siren"} <= stems.keys()
    assert np.allclose(np.sum(list(stems.values()), axis=0), CITY[VISITED].second(30), atol=1e-6)


@pytest.mark.parametrize("street", ["busy", "side", "park", "harbour"])
def test_the_ambience_has_the_level_of_its_street(street: str) -> None:
    scene = ONE_OF_EACH[street]
    power = np.mean([a_power(rest_of(scene.stems(k))) for k in range(100, 160, 6)])
    assert level_of(float(power)) == pytest.approx(scene.street.ambient_db, abs=3.5)


def test_the_true_onset_is_the_first_second_that_the_siren_dominates(siren: TrueEvent) -> None:
    scene = CITY[VISITED]
    dominates = {}
    for k in range(int(siren.onset_s) - 4, int(siren.offset_s) + 4):
        stems = scene.stems(k)
        own = a_power(stems["siren"]) if "siren" in stems else 0.0
        dominates[k] = own >= a_power(rest_of(stems))
    seconds = [k for k, dominant in dominates.items() if dominant]
    assert (seconds[0], seconds[-1] + 1) == (siren.onset_s, siren.offset_s)
    assert len(seconds) > 0.8 * (siren.offset_s - siren.onset_s)


def test_a_siren_is_loud_long_and_not_clipped(siren: TrueEvent) -> None:
    assert 76 <= siren.peak_laeq_1s_db <= 97
    assert 12 <= siren.offset_s - siren.onset_s <= 30
    loudest = range(int(siren.onset_s), int(siren.offset_s))
    assert max(np.abs(CITY[VISITED].second(k)).max() for k in loudest) < 0.5


def test_sirens_of_the_demo_begin_and_end_within_it(siren: TrueEvent) -> None:
    assert siren.onset_s >= 12
    assert siren.offset_s <= 75
    for visit in visits(seed=7, devices=20, block=0):
        (passage,) = CITY[visit.device]._passages(0)
        assert passage.nearest / RATE_HZ - passage.in_s > 12
        assert passage.nearest / RATE_HZ + passage.out_s < 75


def test_true_events_are_in_order_and_begin_in_time() -> None:
    quiet = [
        scene for scene in CITY if scene.device_index not in {v.device for v in visits(7, 20, 0)}
    ]
    events = true_events(quiet, until_s=80)
    assert [event.onset_s for event in events] == sorted(event.onset_s for event in events)
    assert all(event.onset_s < 80 and event.offset_s > event.onset_s for event in events)
    assert {"birds", "car_horn", "dog_bark"} == {event.label for event in events}


def test_another_seed_is_another_city() -> None:
    assert not np.array_equal(city(8, 2)[0].second(3), city(7, 2)[0].second(3))


def test_the_example_devices_stand_in_the_streets_of_the_sites_file() -> None:
    sites = yaml.safe_load((Path(deploy.__file__).parent / "sites.yaml").read_text())["sites"]
    streets = [device["street"] for site in sites for device in site["devices"]]
    assert streets == [scene.street.name for scene in CITY]


def test_the_example_devices_stand_where_the_sites_file_says() -> None:
    sites = yaml.safe_load((Path(deploy.__file__).parent / "sites.yaml").read_text())["sites"]
    devices = [device for site in sites for device in site["devices"]]
    east = [(d["longitude"] - 10.142) * 111_320 * np.cos(np.radians(54.326)) for d in devices]
    north = [(d["latitude"] - 54.326) * 111_132 for d in devices]
    assert np.allclose(np.array(TOWN), np.stack([east, north], axis=1), atol=3)
