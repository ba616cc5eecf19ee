"""What a model made of sirens: against everything else, and against other vehicles."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hearing import alarms
from hearing.alarms import Alarms
from hearing.decide import Scores
from hearing.heard import Heard, truth
from hearing.manifest import Manifest
from hearing.metrics import area_under_curve, rounded
from schemas.base import Frozen

SIREN: Final = "siren"
VEHICLES: Final = ("engine_idling", "traffic", "car_horn")
"""What an emergency vehicle is to be told from."""


class SirenReport(Frozen):
    """Sirens against everything else, by the highest look of a clip."""

    negative_hours: float
    at_one_false_alarm_per_hour: Alarms
    at_shipped_threshold: Alarms


class Emergency(Frozen):
    """Sirens against other vehicles: p(siren) / (p(siren) + highest p of a vehicle) >= 0.5."""

    sirens: int
    vehicles: int
    accuracy: float
    precision: float | None
    recall: float
    area: float


def area(heard: Sequence[Heard], votes: Scores, labels: tuple[str, ...]) -> float | None:
    """Area under the ROC curve of sirens, 0 to 1; None where there are none, or nothing else."""
    if SIREN not in labels:
        return None
    found = area_under_curve(truth(heard, [SIREN])[:, 0], votes[:, labels.index(SIREN)])
    return None if found is None else rounded(found)


def report(heard: Sequence[Heard], manifest: Manifest) -> SirenReport | None:
    """Sirens found, and what they cost; None where there are none, or nothing else."""
    if SIREN not in manifest.labels:
        return None
    n = manifest.labels.index(SIREN)
    positives = [(c.group, float(c.scores[:, n].max())) for c in heard if SIREN in c.labels]
    quiet = [clip for clip in heard if SIREN not in clip.labels]
    if not positives or not quiet:
        return None
    negatives = _spans(quiet, n)
    hours = sum(clip.seconds for clip in quiet) / 3600
    found = (
        alarms.at(threshold, positives, negatives, hours)
        for threshold in (alarms.threshold_at(negatives, hours), manifest.thresholds[SIREN])
    )
    return SirenReport(
        negative_hours=round(hours, 4),
        at_one_false_alarm_per_hour=next(found),
        at_shipped_threshold=next(found),
    )


def emergency(heard: Sequence[Heard], votes: Scores, labels: tuple[str, ...]) -> Emergency | None:
    """Sirens told from other vehicles by their votes; None where one of the two is missing."""
    vehicles = [labels.index(name) for name in VEHICLES if name in labels]
    true = truth(heard, (SIREN, *VEHICLES))
    ours = true.any(axis=1)
    siren = true[ours, 0]
    if not vehicles or SIREN not in labels or not siren.any() or siren.all():
        return None
    own, other = votes[ours, labels.index(SIREN)], votes[ours][:, vehicles].max(axis=1)
    share = own / np.maximum(own + other, 1e-12)
    told = share >= 0.5  # noqa: PLR2004  # the likelier of the two
    return Emergency(
        sirens=int(siren.sum()),
        vehicles=int((~siren).sum()),
        accuracy=rounded((told == siren).mean()),
        precision=rounded(siren[told].mean()) if told.any() else None,
        recall=rounded(told[siren].mean()),
        area=rounded(area_under_curve(siren, share) or 0.0),
    )


def _spans(quiet: Sequence[Heard], column: int) -> NDArray[np.float64]:
    """Highest score of each 10 s of each recording, however it was cut into windows."""
    highest: dict[tuple[str | int, int], float] = {}
    for number, clip in enumerate(quiet):
        for second, score in enumerate(clip.scores[:, column].tolist()):
            at = clip.recording or number, int(clip.start_s + second) // alarms.SPAN_S
            highest[at] = max(score, highest.get(at, 0.0))
    return np.array(list(highest.values()), np.float64)
