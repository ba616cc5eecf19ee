"""`make faults`, short: servers and processors killed in the middle change nothing."""

from pathlib import Path

import pytest

from benchmarks.faults import RATE, faults, unclean

SEED = 8
"""Kills Mosquitto, classify, PostgreSQL, Kafka and alerts, in this order."""


@pytest.mark.timeout(600)
async def test_killing_servers_and_processors_changes_nothing(tmp_path: Path) -> None:
    result = await faults(tmp_path, devices=2, seconds=300, kills=5, seed=SEED, rate=RATE)
    assert result["kills"].keys() >= {"mosquitto", "kafka", "postgres"}
    assert result["sent"] == 600
    assert result["alerts"] > 0
    assert unclean(result) == {}
