"""`make disaster`, short: PostgreSQL restored from its backup, then an empty Kafka."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.disaster import RATE, disasters, is_clean
from benchmarks.disaster_scenes import Disaster, Facts, kafka_destroyed, postgres_destroyed
from benchmarks.faults import Scene
from deploy.local import postgres_home


async def both(scene: Scene, lasts_s: float) -> Facts:
    return {**await postgres_destroyed(scene, lasts_s / 2), **await kafka_destroyed(scene, 0)}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    for place in tmp_path.glob("*/postgres"):  # as root it may lie elsewhere
        postgres_home.remove(place)


@pytest.mark.timeout(600)
async def test_what_can_be_restored_is_and_what_is_gone_is_named(folder: Path) -> None:
    happening = Disaster("both", both, log_is_lost=True)
    result = await disasters([happening], folder, devices=2, seconds=500, rate=RATE)
    told = result["disasters"]["both"]
    assert is_clean(result), told
    assert told["readings_in_backup"] > 0
    assert told["lost"] == told["named"] < result["sent"]
