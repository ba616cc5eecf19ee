"""Recorded sounds of `../shared/data`, prepared for playing; never committed."""

import csv
from collections import defaultdict
from collections.abc import Mapping
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

RATE_HZ = 16_000
SHARED = Path(__file__).parents[3] / "shared" / "data"
AT_LEAST_S = 12
AFTERWARDS_S = 20

needs_recordings = pytest.mark.skipif(
    not (SHARED / "urbansound8k").is_dir(), reason="needs the recordings of ../shared/data"
)


class Source(NamedTuple):
    """One siren, as it was recorded: all its slices share a Freesound id."""

    freesound_id: str
    fold: str


def siren_sources() -> Mapping[Source, list[Path]]:
    """Slices of every siren source, in the order of the recording."""
    slices: dict[Source, list[Path]] = defaultdict(list)
    folder = SHARED / "urbansound8k"
    with (folder / "manifest.csv").open(encoding="utf-8") as manifest:
        for row in csv.DictReader(manifest):
            if row["label"] == "siren":
                path = folder / row["file"]
                slices[Source(path.name.split("-")[0], row["fold"])].append(path)
    return {source: sorted(paths, key=_position) for source, paths in sorted(slices.items())}


def joined(slices: list[Path], to: Path) -> Path:
    """Slices in a row for at least 12 s, again from the first if they are few, then quiet."""
    pieces: list[NDArray[np.float32]] = []
    for path in cycle(slices):
        samples, rate_hz = soundfile.read(path, dtype="float32")
        assert rate_hz == RATE_HZ
        pieces.append(samples)
        if sum(map(len, pieces)) >= AT_LEAST_S * RATE_HZ:
            break
    quiet = np.random.default_rng(0).normal(0, 1e-4, AFTERWARDS_S * RATE_HZ).astype(np.float32)
    soundfile.write(to, np.concatenate([*pieces, quiet]), RATE_HZ, subtype="FLOAT")
    return to


def soundscape(label: str) -> Path:
    """The long recording with a label."""
    folder = SHARED / "soundscapes"
    with (folder / "manifest.csv").open(encoding="utf-8") as manifest:
        return next(
            folder / row["file"] for row in csv.DictReader(manifest) if row["label"] == label
        )


def _position(path: Path) -> tuple[int, ...]:
    return tuple(int(part) for part in path.stem.split("-"))
