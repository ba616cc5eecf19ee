"""Training patches, mixed afresh for every step on the band powers of the pool.

A patch is what the model will meet on a lamp post: something near or far, under an echo, over a
street, just begun or about to end, through a microphone that colours it.
"""

import json
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from acoustics import mel
from hearing import taxonomy
from training.config import Recipe
from training.parts import (
    FRAMES,
    SIREN_LABEL,
    Part,
    by_chance,
    colour,
    hidden_frames,
    power_of,
    scaled,
    targets,
    travelled,
)
from training.pools import BED, DISTRACTOR, FOREGROUND, SIREN, STREET, Pool

_WEIGHTS: Final = {"siren": 1.6, "speech": 0.6, "birds": 0.3, "traffic": 0.3, "wind": 0.3}
_ESC_WEIGHT: Final = 0.6
_URBAN: Final = taxonomy.LABELS[:10]

Finished = tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.float32]]
"""Codes, target and what is known of it: a row of a batch."""


@dataclass(frozen=True)
class Way:
    """What becomes of sound on its way into the codes.

    Attributes
    ----------
    far : bool
        Echo, distance and frames that get lost, now and then.
    colour_db : float
        Of the microphone, up to so much either way.
    hiss_db : float
        The loudest, re the sound.
    jitter_db : float
        Of every code.
    """

    far: bool
    colour_db: float
    hiss_db: float
    jitter_db: float


STREET_WAY: Final = Way(far=True, colour_db=7.0, hiss_db=-15.0, jitter_db=0.6)
AS_RECORDED: Final = Way(far=False, colour_db=2.5, hiss_db=-30.0, jitter_db=0.2)


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
    piece : ndarray of int64, shape (n,)
        The one piece of the pool that a patch is made of; -1 for mixtures.
    """

    codes: NDArray[np.uint8]
    target: NDArray[np.float32]
    known: NDArray[np.float32]
    piece: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class _Pieces:
    """Pieces of one label: all of them, and those of each recording."""

    all: NDArray[np.int64]
    by_source: list[NDArray[np.int64]]

    @staticmethod
    def of(pool: Pool, pieces: NDArray[np.int64]) -> "_Pieces":
        sources = pool.source[pieces]
        return _Pieces(pieces, [pieces[sources == n] for n in np.unique(sources)])


def _by_label(pool: Pool, events: NDArray[np.int64]) -> dict[str, _Pieces]:
    """Events of each label, and under "" those of none of our labels."""
    heard = pool.heard[events]
    of = {label: events[heard[:, n]] for n, label in enumerate(taxonomy.LABELS)}
    of[""] = events[~heard.any(axis=1)]
    return {label: _Pieces.of(pool, found) for label, found in of.items() if len(found)}


def _weight(label: str) -> float:
    return _WEIGHTS.get(label, 1.0 if label in _URBAN else _ESC_WEIGHT)


class Mixer:
    """Draws training batches from the pieces that a fold may hear."""

    def __init__(self, pool: Pool, held_out: int, seed: int, recipe: Recipe) -> None:
        self._pool, self._as_recorded = pool, recipe.as_recorded
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
        beds = len(self._beds) > 0
        there = (True, beds, beds and len(self._sirens) > 0, beds and len(self._distractors) > 0)
        shares = np.array(recipe.shares) * np.array([*there, len(scenes) > 0])
        self._shares = shares / shares.sum()
        by_label = _by_label(pool, np.flatnonzero(allowed & (pool.kind == FOREGROUND)))
        self._events = list(by_label.values())
        weights = np.array([_weight(label) for label in by_label])
        self._event_shares = weights / weights.sum()

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
        makers = (self._mixed, self._with_siren, self._negative, self._street)
        kinds = self._rng.choice(1 + len(makers), size=n, p=self._shares)
        pieces = [self._foreground() if kind == 0 else -1 for kind in kinds]
        patches = [
            self._clean(piece) if kind == 0 else self._finish(makers[kind - 1](), STREET_WAY)
            for kind, piece in zip(kinds, pieces, strict=True)
        ]
        return Batch(
            np.stack([codes for codes, _, _ in patches]),
            np.stack([target for _, target, _ in patches]),
            np.stack([known for _, _, known in patches]),
            np.array(pieces),
        )

    @property
    def state(self) -> str:
        """Of the random numbers: with it, a mixer goes on where another one stopped."""
        return json.dumps(self._rng.bit_generator.state)

    def restore(self, state: str) -> None:
        """Go on from a `state`."""
        self._rng.bit_generator.state = json.loads(state)

    def _clean(self, piece: int) -> Finished:
        """One sound alone; a share of these as they were recorded."""
        untouched = self._as_recorded > 0 and by_chance(self._rng, self._as_recorded)
        way = AS_RECORDED if untouched else STREET_WAY
        return self._finish([self._part(piece, whole=True, way=way)], way)

    def _mixed(self) -> list[Part]:
        rng = self._rng
        parts = [self._part(self._foreground(), whole=by_chance(rng, 0.5))]
        if by_chance(rng, 0.3):
            second = self._part(self._foreground(), whole=by_chance(rng, 0.5))
            parts.append(scaled(second, parts[0], rng.uniform(-10, 10)))
        return [*parts, scaled(self._background(), parts[0], rng.uniform(-20, 6))]

    def _with_siren(self) -> list[Part]:
        rng = self._rng
        siren = self._part(int(rng.choice(self._sirens)), whole=by_chance(rng, 0.45))
        parts = [siren]
        if by_chance(rng, 0.25):
            other = self._part(self._foreground(), whole=by_chance(rng, 0.5))
            parts.append(scaled(other, siren, rng.uniform(-15, 5)))
        return [*parts, scaled(self._background(), siren, rng.uniform(-18, 8))]

    def _negative(self) -> list[Part]:
        rng = self._rng
        if by_chance(rng, 0.35):
            return [self._background()]
        tonal = self._part(int(rng.choice(self._distractors)), whole=by_chance(rng, 0.5))
        return [tonal, scaled(self._background(), tonal, rng.uniform(-25, 8))]

    def _street(self) -> list[Part]:
        """4 s of a rendered street; the siren louder or softer than it drove by, or another."""
        pool, rng = self._pool, self._rng
        scene = self._scenes[int(rng.integers(len(self._scenes)))]
        at = int(rng.integers(pool.length[scene[0]] - FRAMES + 1)) + np.arange(FRAMES)
        parts = []
        for piece in scene:
            louder = rng.uniform(-6, 6) if pool.heard[piece, SIREN_LABEL] else rng.uniform(-2, 2)
            power = power_of(pool.codes[pool.start[piece] + at]) * 10 ** (louder / 10)
            parts.append(Part(power.astype(np.float32), pool.heard[piece], pool.perhaps[piece]))
        if by_chance(rng, 0.25):
            siren = by_chance(rng, 0.5) and len(self._sirens) > 0
            among = self._sirens if siren else [self._foreground()]
            whole = Part(np.sum([p.power for p in parts], axis=0), parts[0].heard, parts[0].perhaps)
            extra = self._part(int(rng.choice(among)), whole=by_chance(rng, 0.4))
            parts.append(scaled(extra, whole, rng.uniform(-8, 15)))
        return parts

    def _background(self) -> Part:
        recorded = len(self._recorded_beds) > 0 and by_chance(self._rng, 0.6)
        among = self._recorded_beds if recorded else self._beds
        return self._part(int(self._rng.choice(among)), whole=True)

    def _foreground(self) -> int:
        """A piece of a label chosen by weight; half the time by recording, so that none rules."""
        pieces = self._events[int(self._rng.choice(len(self._events), p=self._event_shares))]
        among = pieces.all
        if by_chance(self._rng, 0.5):
            among = pieces.by_source[int(self._rng.integers(len(pieces.by_source)))]
        return int(among[int(self._rng.integers(len(among)))])

    def _part(self, piece: int, *, whole: bool, way: Way = STREET_WAY) -> Part:
        pool, rng = self._pool, self._rng
        begin, length = pool.start[piece], int(pool.length[piece])
        codes = pool.codes[begin : begin + length]
        power = np.zeros((FRAMES, mel.BANDS), np.float32)
        if whole:  # fills the patch: a stretch of it, or the short sound over and over
            first = int(rng.integers(length))
            if length > FRAMES:
                first = int(rng.integers(length - FRAMES + 1))
            power[:] = power_of(codes[(first + np.arange(FRAMES)) % length])
        elif length < FRAMES - 4:  # once, perhaps cut by either end of the patch
            at = int(rng.integers(-length // 2, FRAMES - min(length, 4) + 1))
            low, high = max(at, 0), min(at + length, FRAMES)
            power[low:high] = power_of(codes[low - at : high - at])
        else:  # just begun, or just ended
            heard = int(rng.integers(6, FRAMES - 2))
            first = int(rng.integers(length - min(heard, length) + 1))
            stretch = power_of(codes[first : first + heard])
            if by_chance(rng, 0.7):
                power[FRAMES - len(stretch) :] = stretch
            else:
                power[: len(stretch)] = stretch
        arrived = travelled(power, rng) if way.far else power
        return Part(arrived, pool.heard[piece], pool.perhaps[piece])

    def _finish(self, parts: list[Part], way: Way) -> Finished:
        rng = self._rng
        hidden = hidden_frames(rng) & way.far
        target, known = targets(parts, ~hidden)
        total = np.sum([part.power for part in parts], axis=0) * colour(rng, way.colour_db)
        hiss = 10 ** (rng.uniform(-60, way.hiss_db) / 10) * rng.uniform(0.3, 1.7, (FRAMES, 1))
        total = total + np.float32(total.mean()) * hiss.astype(np.float32)
        level_db = rng.uniform(-75, -12) - 10 * np.log10(total.sum(axis=1).mean() + 1e-20)
        noise = rng.standard_normal(total.shape, dtype=np.float32)
        code_db = way.jitter_db * noise + np.float32(level_db)
        codes = mel.power_to_codes(total * 10 ** (code_db / 10))
        codes[hidden] = mel.NO_FRAME
        return codes, target, known
