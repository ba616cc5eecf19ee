"""An attack that has learned: ridge regression from the profile's own frames to 12.5 ms columns.

It sees five frames (the middle one and two on either side) and guesses the ten columns of 64 mel
bands that were averaged into the middle one. It learns from voices other than those attacked.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from acoustics import mel
from benchmarks import privacy_attack as attack

HOP: Final = 200  # the profile's own columns: ten to a frame
_FRAME: Final = 2000
_BEFORE: Final = attack.FFT - HOP
_BANDS: Final = 64
_NEIGHBOURS: Final = 2
_RIDGE: Final = 30.0
_FLOOR_DB: Final = -90.0

Table = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Learned:
    """A linear map from five standardised frames, [160], to ten columns, [10 * 64] dB."""

    mean: Table
    spread: Table
    weights: Table
    offset: Table

    def columns_db(self, codes: NDArray[np.uint8]) -> Table:
        """Guessed levels of the columns, [10 frames, 64]."""
        seen = (_seen(codes) - self.mean) / self.spread
        return np.asarray((seen @ self.weights + self.offset).reshape(-1, _BANDS))


def learn(sounds: Iterable[attack.Samples]) -> Learned:
    """Learn from sounds, by least squares with a penalty on large weights."""
    whole = [_whole_frames(sound) for sound in sounds]
    seen = np.concatenate([_seen(attack.profile_codes(sound)) for sound in whole])
    wanted = np.concatenate([true_columns_db(sound) for sound in whole])
    wanted = wanted.reshape(len(seen), -1)
    mean, spread, offset = seen.mean(axis=0), seen.std(axis=0) + 1e-6, wanted.mean(axis=0)
    inputs = (seen - mean) / spread
    square = inputs.T @ inputs + _RIDGE * np.eye(inputs.shape[1])
    return Learned(mean, spread, np.linalg.solve(square, inputs.T @ (wanted - offset)), offset)


def true_columns_db(sound: attack.Samples) -> Table:
    """What the attacker would like to know: levels of every 12.5 ms, [columns, 64]."""
    power = attack.fine_mel(_with_history(_whole_frames(sound)), _BANDS, HOP)
    return np.asarray(np.maximum(10 * np.log10(np.maximum(power, 1e-12)), _FLOOR_DB))


def sound_of_columns(columns_db: Table, samples: int) -> attack.Samples:
    """Sound of such levels, as long as the original."""
    power = np.asarray(10 ** (columns_db / 10))
    made = attack.sound_of(power, len(columns_db) * HOP + _BEFORE, HOP)[_BEFORE:]
    return np.pad(made, (0, max(0, samples - len(made))))[:samples]


def _whole_frames(sound: attack.Samples) -> attack.Samples:
    return sound[: len(sound) // _FRAME * _FRAME]


def _with_history(sound: attack.Samples) -> attack.Samples:
    return np.concatenate([np.zeros(_BEFORE), sound])


def _seen(codes: NDArray[np.uint8]) -> Table:
    levels_db = np.maximum(mel.codes_to_db(codes).astype(np.float64), _FLOOR_DB)
    padded = np.pad(levels_db, ((_NEIGHBOURS, _NEIGHBOURS), (0, 0)), mode="edge")
    window = 2 * _NEIGHBOURS + 1
    return np.concatenate([padded[n : n + len(codes)] for n in range(window)], axis=1)
