"""A device killed at random points, before a broker that is cut and on a disk that fills up.

The long form, with 50 kills and the real bridge and Kafka: `python -m benchmarks.outage faults`.
"""

from pathlib import Path
from random import Random, SystemRandom

from benchmarks.outage import judged, torment
from benchmarks.outage_stage import Device
from deploy.local.mosquitto import Mosquitto
from tests.bridge import DEVICE, AckingBridge

KILLS = 5


async def test_every_reading_arrives_or_is_told_as_dropped(tmp_path: Path) -> None:
    seed = SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    broker = Mosquitto(tmp_path, devices=[DEVICE])
    broker.start()
    (tmp_path / "device").mkdir()
    device = Device(tmp_path / "device", broker)
    try:
        with AckingBridge(broker) as bridge:
            await torment(device, KILLS, Random(seed))
            arrived = {(session, seq): None for _, session, seq in bridge.seqs}
    finally:
        broker.stop()
    result = judged(device.heard, arrived, bridge.dropped)
    assert result["missing"] == 0
    assert result["dropped"] > 0  # the disk was full for long enough
    assert result["arrived"] > KILLS
