"""The whole agent in a process of its own: what one mode costs, without a broker to talk to.

Run by `benchmarks.device`, with the monotonic time at which the process was started, profile,
sample rate, seconds of sound and model.
"""

import asyncio
import json
import logging
import os
import resource
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
from numpy.typing import NDArray

from agents import service
from agents.adapters import minutes
from agents.calibration import SIMULATED
from agents.pipeline import Block
from agents.settings import AgentSettings

_BLOCKS_PER_S: Final = 8
_WARM_UP_S: Final = 5
_NOWHERE: Final = 9
"""A port without a broker."""


def _cpu_s(who: int) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def _resident_mb(field: str) -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    (line,) = [each for each in lines if each.startswith(f"{field}:")]
    return round(int(line.split()[1]) / 1024, 1)


def _hear(agent: service.Agent, sound: NDArray[np.float32]) -> None:
    for part in np.split(sound, _BLOCKS_PER_S):
        agent.hear(Block(part))


async def _mode(settings: AgentSettings, seconds: int, began_s: float) -> dict[str, float]:
    rate_hz = settings.rate_hz
    sound = np.random.default_rng(1).normal(0, 0.05, rate_hz).astype(np.float32)
    async with service.opened(settings, rate_hz=rate_hz, calibration=SIMULATED) as agent:
        agent.begin(datetime.now(UTC) - timedelta(hours=1))
        _hear(agent, sound)
        first_s = time.monotonic() - began_s
        for _ in range(_WARM_UP_S):
            _hear(agent, sound)
        before_s = _cpu_s(resource.RUSAGE_SELF)
        for _ in range(seconds):
            _hear(agent, sound)
            await asyncio.sleep(0)
        cpu_s = _cpu_s(resource.RUSAGE_SELF) - before_s
        return {
            "cpu_ms_per_s": round(1000 * cpu_s / seconds, 2),
            "resident_mb": _resident_mb("VmRSS"),
            "peak_mb": _resident_mb("VmHWM"),
            # the first second must sound before it can be read
            "first_reading_s": round(first_s + 1, 2),
        }


async def _indices(rate_hz: int, folder: Path) -> dict[str, float]:
    sound = np.random.default_rng(1).normal(0, 0.05, 60 * rate_hz).astype(np.float32)
    await minutes.computed([sound], rate_hz, folder)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "cpu_ms_per_s": round(1000 * _cpu_s(resource.RUSAGE_CHILDREN) / 60, 2),
        "peak_mb": round(used.ru_maxrss / 1024, 1),
    }


def main() -> None:
    """Print the figures as one JSON object."""
    logging.disable()
    began_s, profile, rate_hz, seconds, model = sys.argv[1:]
    with TemporaryDirectory() as folder:
        if profile == "indices":
            figures = asyncio.run(_indices(int(rate_hz), Path(folder)))
        else:
            settings = AgentSettings.model_validate(
                {
                    "profile": profile,
                    "agent_model": model,
                    "rate_hz": rate_hz,
                    "mqtt_port": _NOWHERE,
                    "state_folder": folder,
                }
            )
            figures = asyncio.run(_mode(settings, int(seconds), float(began_s)))
    sys.stdout.write(json.dumps(figures))


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
