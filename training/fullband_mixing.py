"""Mixtures for the full-band student: two seconds of what a street may be, in band powers.

Something near or far, coloured by its way and by the microphone, over something else. The teacher
hears the very mixture; the labels say what is audible in it.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from acoustics.weighting import a_weighting_db
from hearing import taxonomy
from hearing.frontends import fine_coarse, mel64, mobilenet, spectra
from training.fullband_pieces import (
    BED,
    DISTRACTOR,
    FOREGROUND,
    SIREN,
    TEACHER_BANDS,
    Pieces,
)
from training.parts import by_chance

Power = NDArray[np.float32]
FRAMES: Final = fine_coarse.FINE_ROWS
"""Of a mixture: 2 s."""
FOLDS: Final = (1, 2, 3, 4)
_SHARES: Final = (0.34, 0.28, 0.20, 0.09, 0.05, 0.04)
_URBAN: Final = frozenset(taxonomy.LABELS[:10])
_WEIGHTS: Final = {"speech": 0.6, "birds": 0.3, "traffic": 0.3, "wind": 0.3}
_ESC_WEIGHT: Final = 0.45
_AUDIBLE: Final = 10 ** (-8 / 10)
_SURELY: Final = 0.3


def _centres_hz() -> NDArray[np.float64]:
    ends = spectra.hz_to_mel(np.array([0.0, 15_000.0]))
    mels = np.linspace(ends[0], ends[1], mobilenet.BANDS + 2)[1 : TEACHER_BANDS + 1]
    return np.concatenate([700 * np.expm1(mels / 1127), mel64.centres_hz()])


CENTRES_HZ: Final = _centres_hz()
_WIDTHS: Final = np.gradient(mel64.centres_hz())
A_WEIGHTS: Final = (10 ** (a_weighting_db(mel64.centres_hz()) / 10) * _WIDTHS).astype(np.float32)
_PLACE: Final = np.log(np.maximum(CENTRES_HZ, 40.0))


@dataclass(frozen=True, eq=False)
class Mixture:
    """One mixture.

    Attributes
    ----------
    power : ndarray of float32, shape (196, 168)
        The teacher's bands, then the student's.
    target, known : ndarray of float32, shape (labels,)
        How audible each label is, 0 to 1; 0 where nobody knows.
    groups : frozenset of int
        Folds whose recordings are in it.
    """

    power: Power
    target: NDArray[np.float32]
    known: NDArray[np.float32]
    groups: frozenset[int]


@dataclass(frozen=True, eq=False)
class _Part:
    power: Power
    heard: NDArray[np.bool_]
    perhaps: NDArray[np.bool_]
    group: int

    def energy(self) -> Power:
        return np.asarray(self.power[:, TEACHER_BANDS:] @ A_WEIGHTS, dtype=np.float32)


class Mixer:
    """Draws mixtures; which folds may use one is told by its groups."""

    def __init__(self, pieces: Pieces, seed: int) -> None:
        self._pieces, self._rng = pieces, np.random.default_rng(seed)
        self._of_kind = [np.flatnonzero(pieces.kind == kind) for kind in range(4)]
        foreground = self._of_kind[FOREGROUND]
        self._by_label = {
            label: found
            for n, label in enumerate(taxonomy.LABELS)
            if len(found := foreground[pieces.heard[foreground, n]])
        }
        self._labels = list(self._by_label)
        weights = [
            1.0 if label in _URBAN else _WEIGHTS.get(label, _ESC_WEIGHT) for label in self._labels
        ]
        self._label_shares = np.array(weights) / sum(weights)

    def mixture(self) -> Mixture:
        """One more; no two are alike."""
        makers = (self._clean, self._over_bed, self._two, self._siren, self._bed_only, self._tonal)
        parts = makers[int(self._rng.choice(len(makers), p=_SHARES))]()
        rng = self._rng
        total = np.sum([part.power for part in parts], axis=0) * colour(rng, 6.0)
        noise = total.mean() * 10 ** (rng.uniform(-70, -25) / 10)
        total = total + np.float32(noise) * rng.exponential(1.0, total.shape).astype(np.float32)
        target, known = targets(parts)
        return Mixture(total, target, known, frozenset(p.group for p in parts) - {0})

    def _clean(self) -> list[_Part]:
        return [self._part(self._foreground(None))]

    def _over_bed(self) -> list[_Part]:
        first = self._part(self._foreground(None))
        return [first, self._scaled(self._bed(first.group), first, self._rng.uniform(-20, 10))]

    def _two(self) -> list[_Part]:
        first = self._part(self._foreground(None))
        second = self._part(self._foreground(first.group))
        parts = [first, self._scaled(second, first, self._rng.uniform(-12, 12))]
        if by_chance(self._rng, 0.3):
            parts.append(self._scaled(self._bed(first.group), first, self._rng.uniform(-25, 0)))
        return parts

    def _siren(self) -> list[_Part]:
        first = self._part(int(self._rng.choice(self._of_kind[SIREN])))
        other = self._bed(0) if by_chance(self._rng, 0.6) else self._part(self._foreground(None))
        return [first, self._scaled(other, first, self._rng.uniform(-20, 10))]

    def _bed_only(self) -> list[_Part]:
        first = self._bed(0)
        return [first, self._scaled(self._bed(first.group), first, self._rng.uniform(-15, 0))]

    def _tonal(self) -> list[_Part]:
        first = self._part(int(self._rng.choice(self._of_kind[DISTRACTOR])))
        return [first, self._scaled(self._bed(0), first, self._rng.uniform(-25, 8))]

    def _foreground(self, beside: int | None) -> int:
        """A piece of a label chosen by weight; half the time by recording, so that none rules."""
        while True:
            label = self._labels[int(self._rng.choice(len(self._labels), p=self._label_shares))]
            among = self._fitting(self._by_label[label], beside)
            if len(among):
                break
        if by_chance(self._rng, 0.5):
            sources = self._pieces.source[among]
            among = among[sources == self._rng.choice(np.unique(sources))]
        return int(self._rng.choice(among))

    def _bed(self, beside: int) -> _Part:
        return self._part(int(self._rng.choice(self._fitting(self._of_kind[BED], beside))))

    def _fitting(self, among: NDArray[np.int64], beside: int | None) -> NDArray[np.int64]:
        """Mostly of the same fold, or of those seldom held out, so that more folds can use it."""
        if not beside or by_chance(self._rng, 0.3):
            return among
        return among[np.isin(self._pieces.group[among], (beside, 0, 3, 4))]

    def _part(self, piece: int) -> _Part:
        pieces, rng = self._pieces, self._rng
        frames = pieces.of(piece)
        first = int(rng.integers(len(frames)))
        if len(frames) > FRAMES:
            first = int(rng.integers(len(frames) - FRAMES + 1))
        picked = frames[(first + np.arange(FRAMES)) % len(frames)]
        power = travelled(np.exp(picked.astype(np.float32)), rng)
        group = int(pieces.group[piece])
        return _Part(power, pieces.heard[piece], pieces.perhaps[piece], group)

    def _scaled(self, part: _Part, beside: _Part, level_db: float) -> _Part:
        """The part, so many dB (A) above another, each while it sounds."""
        gain = _while_sounding(beside.energy()) / _while_sounding(part.energy())
        gain *= 10 ** (level_db / 10)
        return _Part(part.power * np.float32(gain), part.heard, part.perhaps, part.group)


def _while_sounding(energy: Power) -> float:
    return float(energy[energy >= 0.01 * energy.max()].mean()) + 1e-20


def travelled(power: Power, rng: np.random.Generator) -> Power:
    """Echo (a decaying tail in every band) and the dullness of distance, now and then."""
    if by_chance(rng, 0.3):
        decay = 10 ** (-6 * 0.01 / rng.uniform(0.2, 1.5))
        wet = rng.uniform(0.05, 0.8) * (1 - decay) * 6
        power = power + lfilter([wet], [1.0, -decay], power, axis=0).astype(np.float32)
    if by_chance(rng, 0.35):
        cutoff_hz = np.exp(rng.uniform(np.log(800), np.log(8000)))
        steep = rng.uniform(1.0, 4.0)
        power = power / (1 + (CENTRES_HZ / cutoff_hz) ** steep).astype(np.float32)
    return np.asarray(power * colour(rng, 4.0), dtype=np.float32)


def colour(rng: np.random.Generator, spread_db: float) -> Power:
    """Gain of each band: a random line through seven points within the spread."""
    knots = rng.uniform(-spread_db, spread_db, 7)
    gain_db = np.interp(_PLACE, np.linspace(_PLACE.min(), _PLACE.max(), 7), knots)
    return np.asarray(10 ** (gain_db / 10), dtype=np.float32)


def targets(parts: list[_Part]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What a listener would say of a mixture, and of which labels nobody knows.

    A label counts fully where its part is as loud (A) as all others, and not at all from 8 dB
    below them on.
    """
    target = np.zeros(len(taxonomy.LABELS), np.float32)
    known = np.ones(len(taxonomy.LABELS), np.float32)
    energies = [part.energy() for part in parts]
    whole = np.sum(energies, axis=0)
    for part, energy in zip(parts, energies, strict=True):
        rest = whole - energy + 1e-20
        audible = (energy > 0.003 * energy.max()) & (energy > _AUDIBLE * rest)
        ratio_db = -99.0
        if audible.any():
            ratio_db = 10 * np.log10(energy[audible].sum() / rest[audible].sum())
        loud = np.float32(np.clip((ratio_db + 8) / 8, 0, 1))
        target = np.maximum(target, part.heard * loud)
        known[part.perhaps] = 0
    known[target > _SURELY] = 1
    return target, known
