from itertools import pairwise
from math import dist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.street import Scene
from agents.street_map import position_m
from agents.street_passage import SOUND_M_S, emission_time_s
from agents.street_routes import visits
from agents.street_sounds import read_between

SEEDS = st.integers(0, 2**32)


@given(seed=SEEDS, device=st.integers(0, 19), order=st.permutations([0, 1, 2, 7]))
def test_any_order_of_rendering_gives_the_same_seconds(
    seed: int, device: int, order: list[int]
) -> None:
    scene = Scene(seed, device, devices=20)
    for k in order:
        assert np.array_equal(scene.second(k), Scene(seed, device, devices=20).second(k))


@given(seed=SEEDS, devices=st.integers(1, 60))
def test_sirens_come_to_a_device_at_least_a_minute_apart(seed: int, devices: int) -> None:
    nearest_s: dict[int, list[float]] = {}
    for block in range(6):
        for visit in visits(seed, devices, block):
            assert 0 <= visit.device < devices
            assert 25 <= visit.nearest_s - 90 * block <= 110
            nearest_s.setdefault(visit.device, []).append(visit.nearest_s)
    for times in nearest_s.values():
        # dominant for up to 13 s on either side
        assert all(b - a - 26 >= 60 for a, b in pairwise(times))


@given(seed=SEEDS, devices=st.integers(1, 60), block=st.integers(0, 50))
def test_one_vehicle_is_one_way_at_one_speed_with_one_siren(
    seed: int, devices: int, block: int
) -> None:
    for a, b in pairwise(visits(seed, devices, block)):
        if a.vehicle != b.vehicle:
            continue
        way_m, later_s = dist(a.at_m, b.at_m), b.nearest_s - a.nearest_s
        assert way_m / later_s == pytest.approx(a.vehicle.speed_m_s)
        assert b.siren_s - a.siren_s == pytest.approx(later_s)
        assert a.after_s == b.before_s == pytest.approx(later_s)
        levels_at_1_m = [v.level_db + 20 * np.log10(v.distance_m) for v in (a, b)]
        assert levels_at_1_m == pytest.approx([a.vehicle.level_db] * 2)
        assert dist(position_m(a.device), a.at_m) == a.distance_m


@given(
    heard_s=st.floats(-30, 30),
    speed_m_s=st.floats(0, 60),
    distance_m=st.floats(1, 200),
)
def test_sound_needs_its_time_from_where_the_vehicle_was(
    heard_s: float, speed_m_s: float, distance_m: float
) -> None:
    (emitted_s,) = emission_time_s(np.array([heard_s]), speed_m_s, distance_m)
    way_m = np.hypot(distance_m, speed_m_s * emitted_s)
    assert heard_s - emitted_s == pytest.approx(way_m / SOUND_M_S, abs=1e-9)


@given(at=st.floats(1, 60), frequency=st.floats(0, 0.1), phase=st.floats(0, 6.3))
def test_reading_between_samples_follows_a_tone(at: float, frequency: float, phase: float) -> None:
    tone = np.sin(2 * np.pi * frequency * np.arange(64) + phase).astype(np.float32)
    (value,) = read_between(tone, np.array([at]))
    assert value == pytest.approx(np.sin(2 * np.pi * frequency * at + phase), abs=0.02)
