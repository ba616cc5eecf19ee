"""Sirens that drive through rendered streets in which no model has trained."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from acoustics import mel
from benchmarks.sirens_ear import Ear, Scores
from benchmarks.sirens_rule import alerts
from benchmarks.sirens_sounds import CONFIG
from processors.rules import LabelRule
from training import config, streets
from training.parts import A_WEIGHTS, power_of

_SIREN: Final = "siren"
_NEAR: Final = 1.0
_FAINT: Final = 10 ** (-20 / 10)
_LATER_S: Final = 4
"""A patch looks back this far: an alert so soon after a siren is its own."""


@dataclass(frozen=True, eq=False)
class Street:
    """A minute at one device.

    Attributes
    ----------
    scores : ndarray of int, shape (60,)
    near, perhaps : ndarray of bool, shape (60,)
        Seconds in which the siren is at least as loud (A) as the rest, or may be heard at all.
    """

    scores: Scores
    near: NDArray[np.bool_]
    perhaps: NDArray[np.bool_]


@dataclass(frozen=True)
class Caught:
    """What a rule did in streets."""

    sirens: int
    caught: int
    false: int
    delays_s: tuple[int, ...]

    @property
    def share(self) -> float:
        """Of the sirens, those that were alerted."""
        return self.caught / max(1, self.sirens)


def rendered(ear: Ear, cities: int) -> list[Street]:
    """Streets that were kept for judging, heard by the fold models in turn.

    Parameters
    ----------
    ear : Ear
        Who listens.
    cities : int
        Of twenty devices each.

    Returns
    -------
    list of Street
        One a device.
    """
    chosen = config.read(CONFIG).data
    first = chosen.first_city + chosen.rendered_cities
    found = []
    for seed in range(first, first + cities):
        for n, apart in enumerate(streets.sounds(seed)):
            total = np.sum(list(apart.values()), axis=0)
            scores = ear.seconds(streets.codes_of(total), ear.groups[n % len(ear.groups)])
            siren = apart.get(_SIREN, np.zeros_like(total))
            loud, rest = _loudness(siren), _loudness(total - siren)
            found.append(Street(scores, loud >= _NEAR * rest, loud > _FAINT * rest))
    return found


def caught(found: Sequence[Street], rule: LabelRule) -> Caught:
    """What a rule makes of streets.

    Parameters
    ----------
    found : sequence of Street
        As `rendered` gives them.
    rule : LabelRule
        On sirens.

    Returns
    -------
    Caught
        Delays are from the first second in which the siren is as loud as all else together.
    """
    sirens, heard, false = 0, 0, 0
    delays: list[int] = []
    for street in found:
        perhaps = np.convolve(street.perhaps, np.ones(_LATER_S + 1))[: len(street.perhaps)] > 0
        raised = [one.raised for one in alerts(street.scores, rule)]
        false += sum(not perhaps[second] for second in raised)
        if street.near.any():
            sirens += 1
            true = [second for second in raised if perhaps[second]]
            heard += bool(true)
            delays += [true[0] + 1 - int(street.near.argmax())] if true else []
    return Caught(sirens, heard, false, tuple(delays))


def _loudness(sound: NDArray[np.float32]) -> NDArray[np.float64]:
    """A-weighted power of each second."""
    power = power_of(streets.codes_of(sound)) @ A_WEIGHTS
    return np.asarray(power.reshape(-1, mel.FRAMES_PER_S).sum(axis=1), dtype=np.float64)
