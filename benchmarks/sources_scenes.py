"""Rendered streets as the windows fold hears them, and whose energy it truly was."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np

from agents import batches, pipeline, street
from agents.calibration import SIMULATED
from agents.pipeline import Block
from agents.reading import Reading
from agents.street import Scene
from agents.street_levels import RATE_HZ, a_power
from hearing import decide, patches
from hearing.adapters.runtime import Model
from schemas.base import LabelScores
from schemas.envelopes import LabelledBatch
from schemas.messages import MAX_READINGS, MEL_BANDS

BEGAN_AT: Final = datetime(2026, 5, 4, 10, 0, tzinfo=UTC)
SESSION: Final = "0" * 26


@dataclass(frozen=True)
class Heard:
    """One device: what it sent, with labels, and the A-weighted energy of each stem.

    Attributes
    ----------
    batches : tuple of LabelledBatch
        In order.
    energies : tuple of dict of str to float
        Of each second, by label: mean squares; they add up but for chance.
    """

    device: str
    batches: tuple[LabelledBatch, ...]
    energies: tuple[dict[str, float], ...]


def heard(seed: int, devices: int, seconds: int, model: Model) -> Iterator[Heard]:
    """Render a city's streets, one after the other; about 15 ms of CPU time for each second.

    Parameters
    ----------
    seed : int
        Of the city.
    devices, seconds : int
        How many streets, and how much of each.
    model : Model
        Gives the labels, as `cityhum work classify` does.
    """
    for scene in street.city(seed, devices):
        yield _of_scene(scene, seconds, model)


def _of_scene(scene: Scene, seconds: int, model: Model) -> Heard:
    state = pipeline.start(SESSION, BEGAN_AT, RATE_HZ, calibration=SIMULATED)
    readings: list[Reading] = []
    energies = []
    for k in range(seconds):
        stems = scene.stems(k)
        energies.append({label: a_power(stem) for label, stem in stems.items()})
        sound = np.stack(list(stems.values())).sum(axis=0)
        state, new = pipeline.step(state, Block(np.asarray(sound, np.float32)))
        readings += new
    device = f"street-{scene.device_index:02d}"
    labels = _labels(readings, model)
    return Heard(device, tuple(_batches(device, readings, labels)), tuple(energies))


def _labels(readings: Sequence[Reading], model: Model) -> Sequence[LabelScores]:
    codes = np.frombuffer(b"".join(one.codes for one in readings), np.uint8)
    seen = patches.of_readings(patches.behind_silence(codes.reshape(-1, MEL_BANDS)))
    return decide.reported(model.scores(seen), patches.is_silent(seen), model.manifest)


def _batches(
    device: str, readings: Sequence[Reading], labels: Sequence[LabelScores]
) -> Iterator[LabelledBatch]:
    origin = batches.Origin("harbour", device, "levels")
    for n in range(0, len(readings), MAX_READINGS):
        sent = batches.batch(origin, readings[n : n + MAX_READINGS], [])
        ended_at = sent.started_at + timedelta(seconds=sent.count)
        yield LabelledBatch(
            **sent.model_dump(exclude={"mel", "profile"}),
            received_at=ended_at,
            digest="0" * 32,
            model="rendered",
            labels=tuple(labels[n : n + MAX_READINGS]),
        )
