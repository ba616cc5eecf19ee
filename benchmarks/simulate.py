"""What does a simulated city cost? The whole process tree of `cityhum simulate`, in CPU time.

Run: `python -m benchmarks.simulate [--json] [--light] [--devices N] [--seconds N]`. The devices
publish to a private Mosquitto; a stand-in for the bridge acknowledges every batch. Recorded on a
busy two-core server:

    20 devices, full:       20 readings/s,  15 % of one core,  7.6 ms per device second
    2,000 devices, light: 2,000 readings/s, 21 % of one core, 0.11 ms per device second,
                          80,000 readings in 40 s, all of them acknowledged
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import orjson
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from cityhum.simulate_sites import sites_file
from deploy.local.mosquitto import Mosquitto
from processors import registry
from schemas import codec, topics
from schemas.base import SeqRange
from schemas.messages import Ack

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_SETTLED_S: Final = 5
"""After every device has begun: what follows is not the start any more."""
_LOOK_S: Final = 0.2
_EXAMPLE: Final = Path(__file__).parents[1] / "deploy" / "sites.yaml"


class AckingBridge:
    """Acknowledges every batch of features at once, and counts readings."""

    def __init__(self, broker: Mosquitto) -> None:
        self.readings = 0
        self.devices: set[str] = set()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        word = broker.password_file("bridge").read_text(encoding="utf-8").strip()
        self._client.username_pw_set("bridge", word)
        self._client.on_message = self._on_message
        self._client.connect(broker.host, broker.port)
        self._client.subscribe(topics.subscription("features"), qos=1)
        self._client.loop_start()

    def close(self) -> None:
        """Leave."""
        self._client.disconnect()
        self._client.loop_stop()

    def _on_message(self, client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        batch = orjson.loads(message.payload)
        count = len(batch["levels"])
        self.readings += count
        self.devices.add(batch["device"])
        seqs = SeqRange(session=batch["session"], first_seq=batch["first_seq"], count=count)
        ack = codec.encode(Ack(device=batch["device"], accepted=(seqs,)))
        client.publish(topics.ack_topic(batch["site"], batch["device"]), ack, qos=1)


def measure(devices: int, seconds: int, *, light: bool) -> dict[str, float]:
    """Simulate a city and look at what it takes once it runs.

    Parameters
    ----------
    devices, seconds : int
        How many, and for how long.
    light : bool
        Whether the devices repeat prepared features.

    Returns
    -------
    dict of str to float
        CPU seconds by part, readings a second.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sites = folder / "sites.yaml"
        sites.write_text(sites_file(devices) if light else _EXAMPLE.read_text(encoding="utf-8"))
        ids = registry.parse(sites.read_text(encoding="utf-8")).site_of
        broker = Mosquitto(folder, devices=ids)
        broker.start()
        try:
            with closing(AckingBridge(broker)) as bridge:
                return _watched(broker, bridge, folder, devices, seconds, light=light)
        finally:
            broker.stop()


def _watched(
    broker: Mosquitto,
    bridge: AckingBridge,
    folder: Path,
    devices: int,
    seconds: int,
    *,
    light: bool,
) -> dict[str, float]:
    with _simulator(broker, folder, devices, seconds, light=light) as process:
        while len(bridge.devices) < devices and process.poll() is None:
            time.sleep(_LOOK_S)
        begun_s = time.monotonic()
        to_begin_s = _tree_cpu_s(process.pid)
        time.sleep(_SETTLED_S)
        first, first_s, cpu_s = bridge.readings, time.monotonic(), _tree_cpu_s(process.pid)
        time.sleep(max(0.0, seconds - 2 * _SETTLED_S))
        spent_s = _tree_cpu_s(process.pid) - cpu_s
        readings, wall_s = bridge.readings - first, time.monotonic() - first_s
        status = process.wait()
    return {
        "devices": devices,
        "measured_s": round(wall_s, 1),
        "readings_per_s": round(readings / wall_s, 1),
        "cpu_share_of_one_core": round(spent_s / wall_s, 3),
        "cpu_ms_per_device_second": round(1000 * spent_s / max(readings, 1), 3),
        "cpu_s_to_begin": round(to_begin_s, 1),
        "acknowledged_by_bridge": bridge.readings,
        "wall_s": round(time.monotonic() - begun_s, 1),
        "exit_status": status,
    }


@contextmanager
def _simulator(
    broker: Mosquitto, folder: Path, devices: int, seconds: int, *, light: bool
) -> Iterator[subprocess.Popen[bytes]]:
    environment = {
        **os.environ,
        "CITYHUM_MQTT_PORT": str(broker.port),
        "CITYHUM_MQTT_PASSWORDS_FOLDER": str(broker.device_passwords),
        "CITYHUM_SITES_FILE": str(folder / "sites.yaml"),
        "CITYHUM_STATE_FOLDER": str(folder / "state"),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "cityhum", "simulate", "--devices", str(devices)]
    command += ["--seconds", str(seconds), *(["--light"] if light else [])]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def _tree_cpu_s(pid: int) -> float:
    """CPU time of a process and of all that it started and that still run."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        tasks = Path(f"/proc/{pid}/task").glob("*/children")
        children = " ".join(task.read_text(encoding="ascii") for task in tasks).split()
    except OSError:  # ended meanwhile
        return 0.0
    own = (int(fields[11]) + int(fields[12])) / _TICKS
    return own + sum(_tree_cpu_s(int(child)) for child in children)


def main() -> None:
    """Print the figures, one a line or as one JSON object."""
    parser = argparse.ArgumentParser(description="CPU time of a simulated city")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--light", action="store_true")
    parser.add_argument("--devices", type=int)
    parser.add_argument("--seconds", type=int, default=60)
    arguments = parser.parse_args()
    devices = arguments.devices or (2000 if arguments.light else 20)
    figures = measure(devices, arguments.seconds, light=arguments.light)
    lines = [f"{name:26} {value:10}" for name, value in figures.items()]
    sys.stdout.write((json.dumps(figures) if arguments.json else "\n".join(lines)) + "\n")


if __name__ == "__main__":
    main()
