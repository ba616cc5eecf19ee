"""What the models make of sounds that they have never heard, as per mille of the siren."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from acoustics import mel
from benchmarks.sirens_sounds import Codes
from hearing import decide, patches
from hearing.adapters import runtime
from schemas.errors import BadConfig

_AT_ONCE = 512
_LABEL = "siren"

Scores = NDArray[np.int64]


class Ear:
    """The fold models of one model; each hears only what it was trained without."""

    def __init__(self, name: str, models: Path = runtime.MODELS) -> None:
        prefix = f"{name}-fold"
        folders = sorted((models / "folds").glob(f"{prefix}[1-9]"))
        if not folders:
            raise BadConfig(f"{name}: no models/folds/{prefix}1: a model that left something out")
        self._models = {int(folder.name[len(prefix) :]): runtime.load(folder) for folder in folders}
        for model in self._models.values():
            if model.manifest.input.frontend != "mel32x8":
                raise BadConfig(f"{name}: hears sound, not features; only mel32x8 is judged here")
        self.name = name

    @property
    def groups(self) -> tuple[int, ...]:
        """Folds that one of the models has not heard."""
        return tuple(self._models)

    def seconds(self, codes: Codes, group: int) -> Scores:
        """Per mille of a siren in every second of a session, as `readings.v1` would say it.

        Parameters
        ----------
        codes : ndarray of uint8, shape (8 seconds, 32)
            From the first frame of a session on.
        group : int
            Whose model hears.

        Returns
        -------
        ndarray of int, shape (seconds,)
            0 to 1000; 0 below what is worth telling.
        """
        whole = len(codes) // mel.FRAMES_PER_S * mel.FRAMES_PER_S
        return self.patches(patches.of_readings(patches.behind_silence(codes[:whole])), group)

    def streams(self, several: Sequence[Codes], group: int) -> Scores:
        """The same for streams of equal length: shape (streams, seconds)."""
        if not several:
            return np.empty((0, 0), np.int64)
        cut = [patches.of_readings(patches.behind_silence(codes)) for codes in several]
        return self.patches(np.concatenate(cut), group).reshape(len(several), -1)

    def patches(self, cut: NDArray[np.uint8], group: int) -> Scores:
        """Per mille of a siren in patches, shape (n, 32, 32)."""
        model = self._models[group]
        column = model.manifest.labels.index(_LABEL)
        told = [
            decide.per_mille(model.scores(some), model.manifest)[:, column]
            for some in np.array_split(cut, 1 + len(cut) // _AT_ONCE)
        ]
        scores = np.concatenate(told)
        return np.where(patches.is_silent(cut) | (scores < decide.REPORTED), 0, scores)
