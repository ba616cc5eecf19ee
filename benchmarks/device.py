"""What a second of sound costs the device: levels, mel frames, the whole step; in CPU time.

Run: `python -m benchmarks.device [--json] [--seconds N]`. Recorded on a busy two-core server
(numpy 2.4, one thread), median of 200 seconds of noise:

    16 kHz: levels 1.4 ms, mel frames 0.3 ms, the whole step 2.7 ms
    48 kHz: levels 4.2 ms, the whole step 8.0 ms

Twenty simulated devices at 16 kHz thus need 5 % of a core. Importing the pipeline takes 0.5 s
of CPU time and 18 MB; with scipy.signal, which the filters could have used, 2.4 s and 92 MB.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from acoustics import levels, mel
from agents import pipeline
from agents.calibration import SIMULATED

_SESSION: Final = "01JWZZZZZZZZZZZZZZZZZZZZZZ"
_STARTED_AT: Final = datetime(2026, 5, 4, tzinfo=UTC)
_WARM_UP: Final = 3
_BLOCKS_PER_S: Final = 8


def _median_ms(work: Callable[[], object], count: int) -> float:
    spent = []
    for _ in range(_WARM_UP + count):
        before = time.process_time()
        work()
        spent.append(1000 * (time.process_time() - before))
    return round(statistics.median(spent[_WARM_UP:]), 3)


def _levels(sound: NDArray[np.float32], rate_hz: int) -> Callable[[], object]:
    state, _ = levels.second(levels.start(rate_hz), sound)
    return lambda: levels.second(state, sound)


def _frames(sound: NDArray[np.float32]) -> Callable[[], object]:
    state, _ = mel.frames(mel.MelState(), sound)
    return lambda: mel.frames(state, sound)


def _step(sound: NDArray[np.float32], rate_hz: int) -> Callable[[], object]:
    begun = pipeline.start(_SESSION, _STARTED_AT, rate_hz, calibration=SIMULATED)
    state, _ = pipeline.step(begun, pipeline.Block(sound))
    blocks = [pipeline.Block(part) for part in np.split(sound, _BLOCKS_PER_S)]

    def second() -> None:
        here = state
        for block in blocks:
            here, _ = pipeline.step(here, block)

    return second


def measure(count: int) -> dict[str, float]:
    """Median CPU time per second of sound, ms.

    Parameters
    ----------
    count : int, >= 1
        How many seconds of sound each figure rests on.

    Returns
    -------
    dict of str to float
        Milliseconds, by part and sample rate.
    """
    rng = np.random.default_rng(1)
    figures = {}
    for rate_hz in pipeline.RATES_HZ:
        sound = rng.normal(0, 0.05, rate_hz).astype(np.float32)
        figures[f"levels_{rate_hz}_ms"] = _median_ms(_levels(sound, rate_hz), count)
        figures[f"step_{rate_hz}_ms"] = _median_ms(_step(sound, rate_hz), count)
    sound = rng.normal(0, 0.05, mel.RATE_HZ).astype(np.float32)
    figures["mel_16000_ms"] = _median_ms(_frames(sound), count)
    return figures


def agents(count: int, models: Sequence[str]) -> dict[str, float]:
    """Cost of the whole agent, each mode in a process of its own.

    Parameters
    ----------
    count : int, >= 1
        How many seconds of sound each figure rests on.
    models : sequence of str
        Names or folders of models for profile `labels`.

    Returns
    -------
    dict of str to float
        By mode: CPU ms per second of sound, resident and peak memory in MB, s to first reading.
    """
    modes = [("mel32x8", 16_000, ""), ("mel32x8", 48_000, ""), ("indices", 48_000, "")]
    modes += [("labels", 48_000, model) for model in models]
    figures = {}
    for profile, rate_hz, model in modes:
        told = f"labels_{Path(model).name}" if model else profile
        for name, value in _agent(profile, rate_hz, count, model).items():
            figures[f"{told}_{rate_hz}_{name}"] = value
    return figures


def _agent(profile: str, rate_hz: int, count: int, model: str) -> dict[str, float]:
    said = subprocess.run(
        [
            *(sys.executable, "-m", "benchmarks.device_agent"),
            *(str(time.monotonic()), profile, str(rate_hz), str(count), model),
        ],
        check=True,
        stdout=subprocess.PIPE,
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    ).stdout
    return {name: float(value) for name, value in json.loads(said).items()}


def main() -> None:
    """Print the figures, one a line or as one JSON object."""
    parser = argparse.ArgumentParser(description="what a second of sound costs the device")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=int, default=70, help="from 60 on, with indices")
    parser.add_argument(
        "--model", action="append", default=["street8-0.3.0"], help="one more, by name or folder"
    )
    arguments = parser.parse_args()
    figures = measure(arguments.seconds) | agents(arguments.seconds, arguments.model)
    lines = [f"{name:44} {value:8.3f}" for name, value in figures.items()]
    sys.stdout.write((json.dumps(figures) if arguments.json else "\n".join(lines)) + "\n")


if __name__ == "__main__":
    main()
