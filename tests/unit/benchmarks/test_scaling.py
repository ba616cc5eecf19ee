"""The capacity model."""

from typing import Any

import pytest

from benchmarks import scaling

RUN: dict[str, Any] = {
    "devices": 100,
    "sent": 1_000,
    "cpu_us_per_reading": {
        "mosquitto": 60,
        "kafka": 80,
        "postgres": 100,
        "bridge": 120,
        "windows": 30,
    },
    "disk_bytes": {"features.v1": 2_000_000, "readings.v1": 1_000_000, "reading": 500_000},
}


def test_a_city_of_ten_times_the_devices_costs_ten_times_as_much() -> None:
    cost = scaling.costs(RUN)
    assert scaling.cores(cost, 20_000) == pytest.approx(10 * scaling.cores(cost, 2_000))
    assert scaling.kafka_bytes(cost, 20_000) == 10 * scaling.kafka_bytes(cost, 2_000)
    # a device: 2,000 B a reading for a week, 1,000 B for a month, three copies
    assert scaling.kept_days() == {"features.v1": 7, "readings.v1": 30}
    assert scaling.kafka_bytes(cost, 1) == (2_000 * 7 + 1_000 * 30) * 86_400 * 3


def test_a_city_pays_the_prices_of_the_next_smaller_that_was_measured() -> None:
    small = {
        **RUN,
        "devices": 20,
        "cpu_us_per_reading": {**RUN["cpu_us_per_reading"], "kafka": 800},
    }
    runs = [small, RUN]
    assert [scaling.costs_for(runs, n).devices for n in (5, 20, 99, 100, 5_000)] == [
        *(20, 20, 20, 100, 100),
    ]
    text = scaling.page({"command": "c", "commit": "abc", "at": "now", "result": {"runs": runs}})
    assert "| prices of a city of | 20 | 100 | 100 | 100 |" in text
    assert scaling.cores(scaling.costs_for(runs, 20), 20) > scaling.cores(scaling.costs(RUN), 20)


def test_partitions_follow_the_dearest_program_of_ours() -> None:
    cost = scaling.costs(RUN)
    # 20,000 devices keep a bridge busy for 2.4 s each second, of which 0.6 are planned a core
    assert scaling.partitions(cost, 20_000) == 4


def test_the_page_names_what_is_full_first() -> None:
    text = scaling.page({"command": "c", "commit": "abc", "at": "now", "result": {"runs": [RUN]}})
    full = text.split("what is full then")[1]
    assert full.index("one core for one worker") > full.index("one bridge")
    assert "| bridge | 120 | 5,000 |" in text
