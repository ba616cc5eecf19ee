"""`make disaster`, short: PostgreSQL restored from its backup, then an empty Kafka."""

from pathlib import Path

import pytest

from benchmarks.disaster import RATE, disasters, is_clean
from benchmarks.disaster_scenes import Disaster, Facts, kafka_destroyed, postgres_destroyed
from benchmarks.faults import Scene


async def both(scene: Scene, lasts_s: float) -> Facts:
    """Early enough for what comes after the log was lost: only that tells of a gap."""
    return {**await postgres_destroyed(scene, lasts_s / 5), **await kafka_destroyed(scene, 0)}


@pytest.mark.timeout(600)
async def test_what_can_be_restored_is_and_what_is_gone_is_named(tmp_path: Path) -> None:
    happening = Disaster("both", both, log_is_lost=True)
    result = await disasters([happening], tmp_path, devices=2, seconds=900, rate=RATE)
    told = result["disasters"]["both"]
    assert is_clean(result), told
    assert told["readings_in_backup"] > 0
    assert 0 < told["lost"] == told["named"] < result["sent"]
