"""Classify every second on the device: what leaves is labels, and no frame reaches the disk."""

from collections.abc import Sequence
from dataclasses import replace
from math import ceil
from typing import Final

import numpy as np
import soxr
from numpy.typing import NDArray

from agents import ear, labels
from agents.ear import Ear
from agents.labels import Labelled
from agents.pipeline import Heard
from agents.reading import Reading
from hearing import decide, looks
from hearing.adapters.runtime import Model
from hearing.patches import is_silent

_CODES_S: Final = 4


class Labeller:
    """A model that listens along."""

    def __init__(self, model: Model, rate_hz: int) -> None:
        wanted = model.manifest.input
        self._model = model
        self._rate_hz = rate_hz
        self._look = None if wanted.frontend == "mel32x8" else looks.of(wanted)
        look_s = ceil(self._look.samples / self._look.rate_hz) if self._look else 0
        self._ear = Ear(max(_CODES_S, look_s))

    def __call__(self, seconds: Sequence[Heard]) -> list[Reading]:
        """Readings with labels in place of their frames."""
        return [self._labelled(each) for each in seconds]

    def _labelled(self, heard: Heard) -> Reading:
        self._ear = ear.step(self._ear, heard)
        manifest = self._model.manifest
        silent = is_silent(self._ear.patch)
        if silent.all():
            told = Labelled(manifest.identity, {})
        else:
            scores = decide.soft_vote(self._model.scores(self._patches()))
            (found,) = decide.reported(scores[None], silent, manifest)
            told = Labelled(manifest.identity, found)
        return replace(heard.reading, codes=labels.packed(told))

    def _patches(self) -> NDArray[np.uint8] | NDArray[np.float32]:
        if self._look is None:
            return self._ear.patch
        sound = soxr.resample(self._ear.sound, self._rate_hz, self._look.rate_hz)
        missing = max(0, self._look.samples - len(sound))  # a session begins in silence
        return self._look.patches(np.pad(sound[-self._look.samples :], (missing, 0)))
