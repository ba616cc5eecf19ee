"""What a mixture is made of: band powers on their way to the microphone, and who is heard."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from acoustics import mel
from acoustics.weighting import a_weighting_db
from hearing import taxonomy

Power = NDArray[np.float32]
FRAMES: Final = mel.PATCH_FRAMES
SIREN_LABEL: Final = taxonomy.LABELS.index("siren")

_CENTRES_HZ: Final = mel.mel_to_hz(
    np.linspace(mel.hz_to_mel(50.0), mel.hz_to_mel(8000.0), mel.BANDS + 2)
)[1:-1]
A_WEIGHTS: Final = (10 ** (a_weighting_db(_CENTRES_HZ) / 10)).astype(np.float32)
"""Power weight of each band."""

_POWERS: Final = (10 ** (np.arange(256) * 0.05 - 12)).astype(np.float32)
_KNOTS: Final = 6
_BETWEEN: Final = np.stack(
    [
        np.interp(np.linspace(0, _KNOTS - 1, mel.BANDS), np.arange(_KNOTS), row)
        for row in np.eye(_KNOTS)
    ]
).astype(np.float32)
_LAGS: Final = np.arange(FRAMES)[:, None] - np.arange(FRAMES)

_SURELY: Final = 0.3
_AUDIBLE: Final = 10 ** (-8 / 10)  # a frame counts as heard down to 8 dB below the rest


@dataclass(frozen=True, eq=False)
class Part:
    """One ingredient of a mixture: power, shape (32, 32), and its labels."""

    power: Power
    heard: NDArray[np.bool_]
    perhaps: NDArray[np.bool_]


def by_chance(rng: np.random.Generator, share: float) -> bool:
    """Whether something happens that happens in a share of the cases."""
    return bool(rng.uniform() < share)


def power_of(codes: NDArray[np.uint8]) -> Power:
    """Band powers, 1.0 for a full-scale sine, of mel codes of any shape."""
    return _POWERS[codes]


def _energy(part: Part) -> NDArray[np.float32]:
    return np.asarray(part.power @ A_WEIGHTS, dtype=np.float32)


def scaled(part: Part, beside: Part, level_db: float) -> Part:
    """The part, so many dB (A) above another while that one sounds."""
    gain = _while_sounding(_energy(beside)) / _while_sounding(_energy(part)) * 10 ** (level_db / 10)
    return Part(np.asarray(part.power * gain, np.float32), part.heard, part.perhaps)


def _while_sounding(energy: NDArray[np.float32]) -> float:
    return float(energy[energy >= 0.01 * energy.max()].mean()) + 1e-20


def travelled(power: Power, rng: np.random.Generator) -> Power:
    """Echo (a decaying tail of band powers) and the dullness of distance, now and then."""
    if by_chance(rng, 0.35):
        decay = 10 ** (-6 * 0.125 / rng.uniform(0.2, 2.0))
        wet = rng.uniform(0.05, 0.8)
        response = np.where(_LAGS >= 0, decay ** np.maximum(_LAGS, 0), 0.0)
        power = power + np.float32(wet * (1 - decay)) * (response.astype(np.float32) @ power)
    if by_chance(rng, 0.4):
        cutoff_hz = np.exp(rng.uniform(np.log(800), np.log(8000)))
        steepness = rng.uniform(1.0, 4.0)
        power = power / (1 + (_CENTRES_HZ / cutoff_hz) ** steepness)
    return np.asarray(power * colour(rng, 4.0), dtype=np.float32)


def colour(rng: np.random.Generator, spread_db: float) -> Power:
    """Gain of each band: a smooth random curve through six points within the spread."""
    knots = rng.uniform(-spread_db, spread_db, _KNOTS).astype(np.float32)
    return np.asarray(10 ** (knots @ _BETWEEN / 10), dtype=np.float32)


def hidden_frames(rng: np.random.Generator) -> NDArray[np.bool_]:
    """Frames without sound: the start of a session, a gap."""
    hidden = np.zeros(FRAMES, dtype=np.bool_)
    if by_chance(rng, 0.12):
        hidden[: int(rng.integers(1, FRAMES - 6))] = True
    elif by_chance(rng, 0.2):
        at = int(rng.integers(FRAMES - 6))
        hidden[at : at + int(rng.integers(1, 7))] = True
    return hidden


def targets(
    parts: list[Part], visible: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What the model is to say of a mixture, and of which labels nobody knows.

    Parameters
    ----------
    parts : list of Part
        All that sounds.
    visible : ndarray of bool, shape (32,)
        Frames that the model gets.

    Returns
    -------
    target : ndarray of float32, shape (labels,)
        0 from 8 dB (A) below the rest on downwards, 1 from equal level upwards.
    known : ndarray of float32, shape (labels,)
        0 where the target means nothing.
    """
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
