"""Training patches, mixed afresh for every step on the band powers of the pool.

A patch is what the model will meet on a lamp post: something near or far, under an echo, over a
street, just begun or about to end, through a microphone that colours it.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from acoustics import mel
from hearing import taxonomy
from training.pools import BED, DISTRACTOR, FOREGROUND, SIREN, STREET, Pool

Power = NDArray[np.float32]
FRAMES: Final = mel.PATCH_FRAMES
SIREN_LABEL: Final = taxonomy.LABELS.index("siren")

_CENTRES_HZ: Final = mel.mel_to_hz(
    np.linspace(mel.hz_to_mel(50.0), mel.hz_to_mel(8000.0), mel.BANDS + 2)
)[1:-1]
_SURELY: Final = 0.3
_AUDIBLE: Final = 10 ** (-8 / 10)  # a frame counts as heard down to 8 dB below the rest
_WEIGHTS: Final = {"siren": 1.6, "speech": 0.6, "birds": 0.3, "traffic": 0.3, "wind": 0.3}
_ESC_WEIGHT: Final = 0.45
_SHARES: Final = (0.40, 0.27, 0.13, 0.10, 0.10)  # clean, mixed, with siren, negative, street
_URBAN: Final = taxonomy.LABELS[:10]


def _a_weights() -> Power:
    f2 = _CENTRES_HZ**2
    r = 12194**2 * f2**2 / (
        (f2 + 20.6**2) * (f2 + 12194**2) * np.sqrt((f2 + 107.7**2) * (f2 + 737.9**2))
    )  # fmt: skip
    return np.asarray((r * 10 ** (2.0 / 20)) ** 2, dtype=np.float32)


A_WEIGHTS: Final = _a_weights()


@dataclass(frozen=True, eq=False)
class Part:
    """One ingredient of a mixture: power, shape (32, 32), and its labels."""

    power: Power
    heard: NDArray[np.bool_]
    perhaps: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Batch:
    """Patches with targets.

    Attributes
    ----------
    codes : ndarray of uint8, shape (n, 32, 32)
    target : ndarray of float32, shape (n, labels)
        0 to 1: how audible a label is.
    known : ndarray of float32, shape (n, labels)
        0 where nobody knows whether the label is heard.
    """

    codes: NDArray[np.uint8]
    target: NDArray[np.float32]
    known: NDArray[np.float32]


class Mixer:
    """Draws training batches from the pieces that a fold may hear."""

    def __init__(self, pool: Pool, held_out: int, seed: int) -> None:
        self._pool = pool
        self._rng = np.random.default_rng(seed)
        allowed = (pool.group != held_out) | (held_out == 0)
        self._beds = np.flatnonzero(allowed & (pool.kind == BED))
        self._recorded_beds = self._beds[pool.source[self._beds] >= 0]
        self._sirens = np.flatnonzero(allowed & (pool.kind == SIREN))
        self._distractors = np.flatnonzero(allowed & (pool.kind == DISTRACTOR))
        rendered = np.flatnonzero(pool.kind == STREET)
        scenes = [rendered[pool.scene[rendered] == n] for n in np.unique(pool.scene[rendered])]
        sirens = [s for s in scenes if pool.heard[s, SIREN_LABEL].any()]
        # half of the streets with a siren, although most have none
        self._scenes = scenes + sirens * max(1, len(scenes) // max(1, len(sirens)) - 1)
        foreground = np.flatnonzero(allowed & (pool.kind == FOREGROUND))
        self._by_label = {
            label: found
            for n, label in enumerate(taxonomy.LABELS)
            if len(found := foreground[pool.heard[foreground, n]])
        }
        weights = np.array(
            [
                1.0 if label in _URBAN and label != "siren" else _WEIGHTS.get(label, _ESC_WEIGHT)
                for label in self._by_label
            ]
        )
        self._labels = list(self._by_label)
        self._label_shares = weights / weights.sum()

    def batch(self, n: int) -> Batch:
        """Mix n patches.

        Parameters
        ----------
        n : int
            How many.

        Returns
        -------
        Batch
            Each one new.
        """
        makers = (self._clean, self._mixed, self._with_siren, self._negative, self._street)
        kinds = self._rng.choice(len(makers), size=n, p=_SHARES)
        patches = [self._finish(makers[kind]()) for kind in kinds]
        return Batch(
            np.stack([codes for codes, _, _ in patches]),
            np.stack([target for _, target, _ in patches]),
            np.stack([known for _, _, known in patches]),
        )

    def _clean(self) -> list[Part]:
        return [self._part(self._foreground(), whole=True)]

    def _mixed(self) -> list[Part]:
        rng = self._rng
        parts = [self._part(self._foreground(), whole=_by_chance(rng, 0.5))]
        if _by_chance(rng, 0.3):
            second = self._part(self._foreground(), whole=_by_chance(rng, 0.5))
            parts.append(_scaled(second, parts[0], rng.uniform(-10, 10)))
        return [*parts, _scaled(self._background(), parts[0], rng.uniform(-20, 6))]

    def _with_siren(self) -> list[Part]:
        rng = self._rng
        siren = self._part(int(rng.choice(self._sirens)), whole=_by_chance(rng, 0.45))
        parts = [siren]
        if _by_chance(rng, 0.25):
            other = self._part(self._foreground(), whole=_by_chance(rng, 0.5))
            parts.append(_scaled(other, siren, rng.uniform(-15, 5)))
        return [*parts, _scaled(self._background(), siren, rng.uniform(-18, 8))]

    def _negative(self) -> list[Part]:
        rng = self._rng
        if _by_chance(rng, 0.35):
            return [self._background()]
        tonal = self._part(int(rng.choice(self._distractors)), whole=_by_chance(rng, 0.5))
        return [tonal, _scaled(self._background(), tonal, rng.uniform(-25, 8))]

    def _street(self) -> list[Part]:
        """4 s of a rendered street; the siren louder or softer than it drove by, or another."""
        pool, rng = self._pool, self._rng
        scene = self._scenes[int(rng.integers(len(self._scenes)))]
        at = int(rng.integers(pool.length[scene[0]] - FRAMES + 1)) + np.arange(FRAMES)
        parts = []
        for piece in scene:
            louder = rng.uniform(-6, 6) if pool.heard[piece, SIREN_LABEL] else rng.uniform(-2, 2)
            power = _power(pool.codes[pool.start[piece] + at]) * 10 ** (louder / 10)
            parts.append(Part(power.astype(np.float32), pool.heard[piece], pool.perhaps[piece]))
        if _by_chance(rng, 0.25):
            among = self._sirens if _by_chance(rng, 0.5) else [self._foreground()]
            whole = Part(np.sum([p.power for p in parts], axis=0), parts[0].heard, parts[0].perhaps)
            extra = self._part(int(rng.choice(among)), whole=_by_chance(rng, 0.4))
            parts.append(_scaled(extra, whole, rng.uniform(-8, 15)))
        return parts

    def _background(self) -> Part:
        recorded = len(self._recorded_beds) > 0 and _by_chance(self._rng, 0.6)
        among = self._recorded_beds if recorded else self._beds
        return self._part(int(self._rng.choice(among)), whole=True)

    def _foreground(self) -> int:
        """A piece of a label chosen by weight; half the time by recording, so that none rules."""
        label = self._labels[int(self._rng.choice(len(self._labels), p=self._label_shares))]
        among = self._by_label[label]
        if _by_chance(self._rng, 0.5):
            sources = self._pool.source[among]
            among = among[sources == self._rng.choice(np.unique(sources))]
        return int(self._rng.choice(among))

    def _part(self, piece: int, *, whole: bool) -> Part:
        pool, rng = self._pool, self._rng
        begin, length = pool.start[piece], int(pool.length[piece])
        codes = pool.codes[begin : begin + length]
        power = np.zeros((FRAMES, mel.BANDS), np.float32)
        if whole:  # fills the patch: a stretch of it, or the short sound over and over
            first = int(rng.integers(length))
            if length > FRAMES:
                first = int(rng.integers(length - FRAMES + 1))
            power[:] = _power(codes[(first + np.arange(FRAMES)) % length])
        elif length < FRAMES - 4:  # once, perhaps cut by either end of the patch
            at = int(rng.integers(-length // 2, FRAMES - min(length, 4) + 1))
            low, high = max(at, 0), min(at + length, FRAMES)
            power[low:high] = _power(codes[low - at : high - at])
        else:  # just begun, or just ended
            heard = int(rng.integers(6, FRAMES - 2))
            first = int(rng.integers(length - min(heard, length) + 1))
            stretch = _power(codes[first : first + heard])
            if _by_chance(rng, 0.7):
                power[FRAMES - len(stretch) :] = stretch
            else:
                power[: len(stretch)] = stretch
        return Part(_travelled(power, rng), pool.heard[piece], pool.perhaps[piece])

    def _finish(
        self, parts: list[Part]
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.float32]]:
        rng = self._rng
        hidden = _hidden_frames(rng)
        target, known = _targets(parts, ~hidden)
        total = np.sum([part.power for part in parts], axis=0) * _colour(rng, 7.0)
        total += (
            total.mean()
            * 10 ** (rng.uniform(-60, -15) / 10)
            * rng.uniform(0.3, 1.7, FRAMES)[:, None]
        )
        level_db = rng.uniform(-75, -12) - 10 * np.log10(total.sum(axis=1).mean() + 1e-20)
        jitter_db = rng.normal(0.0, 0.6, total.shape)
        codes = mel.power_to_codes(total * 10 ** ((level_db + jitter_db) / 10))
        codes[hidden] = mel.NO_FRAME
        return codes, target, known


def _by_chance(rng: np.random.Generator, share: float) -> bool:
    return bool(rng.uniform() < share)


def _power(codes: NDArray[np.uint8]) -> Power:
    return np.asarray(10 ** (codes.astype(np.float32) * 0.05 - 12), dtype=np.float32)


def _energy(part: Part) -> NDArray[np.float32]:
    return np.asarray(part.power @ A_WEIGHTS, dtype=np.float32)


def _scaled(part: Part, beside: Part, level_db: float) -> Part:
    """The part, so many dB (A) above another while that one sounds."""
    gain = _while_sounding(_energy(beside)) / _while_sounding(_energy(part)) * 10 ** (level_db / 10)
    return Part(np.asarray(part.power * gain, np.float32), part.heard, part.perhaps)


def _while_sounding(energy: NDArray[np.float32]) -> float:
    return float(energy[energy >= 0.01 * energy.max()].mean()) + 1e-20


def _travelled(power: Power, rng: np.random.Generator) -> Power:
    """Echo (a decaying tail of band powers) and the dullness of distance, now and then."""
    if _by_chance(rng, 0.35):
        decay = 10 ** (-6 * 0.125 / rng.uniform(0.2, 2.0))
        wet = rng.uniform(0.05, 0.8)
        tail = np.zeros(mel.BANDS, np.float32)
        echoed = np.empty_like(power)
        for n, frame in enumerate(power):
            tail = decay * tail + wet * (1 - decay) * frame
            echoed[n] = frame + tail
        power = echoed
    if _by_chance(rng, 0.4):
        cutoff_hz = np.exp(rng.uniform(np.log(800), np.log(8000)))
        steepness = rng.uniform(1.0, 4.0)
        power = power / (1 + (_CENTRES_HZ / cutoff_hz) ** steepness)
    return np.asarray(power * _colour(rng, 4.0), dtype=np.float32)


def _colour(rng: np.random.Generator, spread_db: float) -> Power:
    knots = rng.uniform(-spread_db, spread_db, 6)
    gain_db = np.interp(np.arange(mel.BANDS), np.linspace(0, mel.BANDS - 1, 6), knots)
    return np.asarray(10 ** (gain_db / 10), dtype=np.float32)


def _hidden_frames(rng: np.random.Generator) -> NDArray[np.bool_]:
    """Frames without sound: the start of a session, a gap."""
    hidden = np.zeros(FRAMES, dtype=np.bool_)
    if _by_chance(rng, 0.12):
        hidden[: int(rng.integers(1, FRAMES - 6))] = True
    elif _by_chance(rng, 0.2):
        at = int(rng.integers(FRAMES - 6))
        hidden[at : at + int(rng.integers(1, 7))] = True
    return hidden


def _targets(
    parts: list[Part], visible: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    target = np.zeros(len(taxonomy.LABELS), np.float32)
    known = np.ones(len(taxonomy.LABELS), np.float32)
    energies = [_energy(part)[visible] for part in parts]
    for n, part in enumerate(parts):
        rest = np.sum(energies, axis=0) - energies[n] + 1e-20
        sounding = energies[n] > 0.003 * (energies[n].max() + 1e-20)
        audible = sounding & (energies[n] > _AUDIBLE * rest)
        ratio_db = -99.0
        if audible.any():
            ratio_db = 10 * np.log10(energies[n][audible].sum() / rest[audible].sum())
        heard = np.clip((ratio_db + 8) / 8, 0, 1)
        target = np.maximum(target, part.heard * np.float32(heard))
        # a siren of half a second may be a horn: nobody could tell
        needed = 6 if part.heard[SIREN_LABEL] else 1
        if audible.sum() < needed and sounding.any():
            known[part.heard] = 0
        known[part.perhaps] = 0
    known[target > _SURELY] = 1
    return target, known
