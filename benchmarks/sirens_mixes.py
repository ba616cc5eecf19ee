"""Sirens in real soundscapes: powers of bands add, so mixing needs no sound and takes no time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from acoustics import mel
from acoustics.sirens import SIREN_KINDS, siren
from benchmarks.sirens_sounds import Codes, Piece, Siren, Sound, codes_of
from training.parts import A_WEIGHTS, Power, power_of
from training.synthetic import pass_by

SNRS_DB: Final = (-10, -5, 0, 5, 10, 20)
BEFORE_S: Final = 8
SIREN_S: Final = 14
TOTAL_S: Final = BEFORE_S + SIREN_S + 8
AFTER_S: Final = 2
"""An alert this long after the siren still counts: the model looks back 4 s."""

_FRAMES: Final = mel.FRAMES_PER_S
_SEED: Final = 77_000  # training's sirens have others
_SOUNDING: Final = 0.01
_EVEN: Final = np.ones(mel.BANDS, np.float32)

Weighting = Literal["A", "Z"]
WEIGHTS: Final[dict[Weighting, Power]] = {"A": A_WEIGHTS, "Z": _EVEN}


@dataclass(frozen=True, eq=False)
class Source:
    """A siren to be mixed in; group 0 fits every bed, since it was made here."""

    name: str
    kind: str
    group: int
    codes: Codes


@dataclass(frozen=True, eq=False)
class Mix:
    """30 s of a street into which a siren comes.

    Attributes
    ----------
    kind : str
        `recorded`, or the kind of the synthetic one.
    source, bed : str
        What was mixed.
    group : int
        Fold whose model has heard neither.
    snr_db : int
        Siren over bed, while the siren is within 20 dB of its loudest.
    onset_s, end_s : float
        From the beginning of the mix.
    codes : ndarray of uint8, shape (240, 32)
    """

    kind: str
    source: str
    bed: str
    group: int
    snr_db: int
    onset_s: float
    end_s: float
    codes: Codes


def recorded(sirens: Sequence[Siren]) -> list[Source]:
    """The recorded sirens, their first 14 s."""
    return [
        Source(one.source, "recorded", one.group, codes_of(one.sound)[: SIREN_S * _FRAMES])
        for one in sirens
    ]


def synthetic(per_kind: int) -> list[Source]:
    """Sirens of every kind, standing and passing by.

    Parameters
    ----------
    per_kind : int
        How many of each kind stand; as many drive by.

    Returns
    -------
    list of Source
        By the generator that training uses, from seeds that it does not use.
    """
    made = []
    for k, kind in enumerate(SIREN_KINDS):
        for n in range(per_kind):
            rng = np.random.default_rng([_SEED, k, n])
            still = siren(kind, float(SIREN_S), mel.RATE_HZ, rng)
            passing = pass_by(siren(kind, SIREN_S + 3.0, mel.RATE_HZ, rng), rng, float(SIREN_S))
            for name, sound in ((kind, still), (f"{kind} passing", passing)):
                made.append(Source(f"{name} {n}", name, 0, codes_of(_as_loud(sound))))
    return made


def mixes(
    sources: Sequence[Source], beds: Sequence[Piece], weighting: Weighting, seed: int = 0
) -> Iterator[Mix]:
    """Every source in every bed that its model has not heard, at every SNR.

    Parameters
    ----------
    sources : sequence of Source
        Sirens.
    beds : sequence of Piece
        Backgrounds; short ones go round.
    weighting : {"A", "Z"}
        Of the powers that the SNR compares.
    seed : int
        Of the place in the bed and of the instant at which the siren begins.

    Yields
    ------
    Mix
        The same ones for the same seed.
    """
    rng = np.random.default_rng([_SEED, seed])
    groups = sorted({bed.group for bed in beds})
    for source in sources:
        for group in groups if source.group == 0 else (source.group,):
            fitting = [bed for bed in beds if bed.group == group]
            # what was made here meets one bed of each fold, what was recorded meets all of its own
            chosen = fitting if source.group else [fitting[int(rng.integers(len(fitting)))]]
            for bed in chosen:
                first = int(rng.integers(len(bed.codes)))
                late = int(rng.integers(_FRAMES))
                for snr_db in SNRS_DB:
                    yield _mix(source, bed, group, snr_db, first, late, WEIGHTS[weighting])


def gain_for(siren_power: Power, bed_power: Power, snr_db: float, weights: Power) -> float:
    """Factor on a siren's power that makes it so much louder than the bed while it sounds.

    Parameters
    ----------
    siren_power, bed_power : ndarray of float32, shape (n, 32)
        Band powers of the same frames.
    snr_db : float
        Wanted.
    weights : ndarray of float32, shape (32,)
        Of the bands.

    Returns
    -------
    float
        > 0.

    Examples
    --------
    >>> ones = np.ones((4, 32), np.float32)
    >>> round(gain_for(ones, 10 * ones, 0.0, ones[0]), 6)
    10.0
    """
    loudness = siren_power @ weights
    sounding = loudness >= _SOUNDING * loudness.max()
    below = (bed_power @ weights)[sounding].mean()
    return float(below / loudness[sounding].mean() * 10 ** (snr_db / 10))


def _mix(
    source: Source,
    bed: Piece,
    group: int,
    snr_db: int,
    first: int,
    late: int,
    weights: Power,
) -> Mix:
    power = power_of(bed.codes[(first + np.arange(TOTAL_S * _FRAMES)) % len(bed.codes)])
    begin = BEFORE_S * _FRAMES + late
    loud = power_of(source.codes)
    span = slice(begin, begin + len(loud))
    power[span] += loud * gain_for(loud, power[span], snr_db, weights)
    return Mix(
        source.kind,
        source.name,
        bed.source,
        group,
        snr_db,
        begin / _FRAMES,
        span.stop / _FRAMES,
        mel.power_to_codes(power),
    )


def _as_loud(sound: NDArray[np.floating]) -> Sound:
    return np.asarray(0.1 * sound / np.sqrt(np.mean(sound**2)), dtype=np.float64)
