"""Is mixing powers of bands as good as mixing sound? The same mixes both ways."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from acoustics import mel
from benchmarks.sirens_ear import Ear
from benchmarks.sirens_mixes import gain_for
from benchmarks.sirens_sounds import Piece, Siren, bed_sound, codes_of
from hearing.decide import DECIDED
from training.parts import A_WEIGHTS, power_of

SECONDS: Final = 12
_SNR_DB: Final = 0.0


def compared(
    ear: Ear, sirens: Sequence[Siren], beds: Sequence[Piece], count: int
) -> dict[str, Any]:
    """Mix some sirens into long beds at 0 dB (A), as sound and as powers of bands.

    Parameters
    ----------
    ear : Ear
        Who listens.
    sirens : sequence of Siren
        Recorded ones; every bed gets one of its fold.
    beds : sequence of Piece
        Those shorter than 12 s are passed over.
    count : int
        How many mixes at most.

    Returns
    -------
    dict of str to number
        Differences of codes, dB, of scores, per mille, and of decisions, share of the seconds.
    """
    apart_db, scores = [], []
    long = [bed for bed in beds if bed.seconds >= SECONDS]
    for bed in long[:count]:
        siren = next(one for one in sirens if one.group == bed.group)
        sound = siren.sound[: SECONDS * mel.RATE_HZ]
        street = bed_sound(bed)[: SECONDS * mel.RATE_HZ]
        gain = gain_for(power_of(codes_of(sound)), power_of(codes_of(street)), _SNR_DB, A_WEIGHTS)
        mixed = codes_of(street + np.sqrt(gain) * sound)
        added = mel.power_to_codes(power_of(codes_of(street)) + gain * power_of(codes_of(sound)))
        apart_db.append(np.abs(mixed.astype(int) - added.astype(int)) / 2)
        scores.append([ear.seconds(codes, bed.group) for codes in (mixed, added)])
    told = np.array(scores)
    decided = told >= DECIDED
    return {
        "mixes": len(apart_db),
        "codes_apart_db_mean": round(float(np.mean(apart_db)), 3),
        "codes_apart_db_p99": round(float(np.quantile(apart_db, 0.99)), 3),
        "scores_apart_mean": round(float(np.abs(told[:, 0] - told[:, 1]).mean()), 1),
        "seconds_decided_otherwise": round(float((decided[:, 0] != decided[:, 1]).mean()), 4),
        "active_as_sound": round(float(decided[:, 0].mean()), 4),
        "active_as_powers": round(float(decided[:, 1].mean()), 4),
    }
