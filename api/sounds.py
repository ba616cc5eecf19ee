"""What is told of a sound that was sent. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final

from pydantic import Field

from hearing import decide
from hearing.decide import Event
from schemas.base import Frozen
from schemas.errors import CityhumError

LONGEST_S: Final = 300
UNSURE: Final = (350, 650)
"""A label whose best second lies within, per mille, is worth a second opinion."""


class BadSound(CityhumError):
    """What was sent is no sound that can be heard."""


class LabelHeard(Frozen):
    """A label that was active in some second."""

    label: str
    confidence: float = Field(ge=0, le=1, description="of its best second; 0.5: its threshold")
    active_s: int = Field(ge=1, description="seconds in which it was active")


class Heard(Frozen):
    """A sound, as a device would have heard it."""

    seconds: float
    laeq_dbfs: float = Field(description="re full scale: a file has no calibration")
    labels: tuple[LabelHeard, ...] = Field(description="surest first; empty: none of them")
    confidence: float = Field(
        ge=0, le=1, description="of the first label; without any, of the nearest to being one"
    )
    flag_for_review: bool = Field(
        description="some label came near its threshold, from above or below: listen yourself"
    )
    events: tuple[Event, ...]
    model: str


def told(
    seconds: Sequence[Mapping[str, int]], *, duration_s: float, laeq_dbfs: float, model: str
) -> Heard:
    """Put the seconds of a sound together.

    Parameters
    ----------
    seconds : sequence of mapping of str to int
        Labels of each second, per mille, as `decide.reported` tells them.
    duration_s : float
        Of the sound, s.
    laeq_dbfs : float
        Of the whole sound, dB re full scale.
    model : str
        Who heard it.

    Returns
    -------
    Heard

    Examples
    --------
    >>> heard = told([{"siren": 940}, {"siren": 880, "birds": 400}], duration_s=2, laeq_dbfs=-20,
    ...              model="street8")
    >>> [(one.label, one.confidence) for one in heard.labels], heard.flag_for_review
    ([('siren', 0.94)], True)
    """
    active = decide.active(seconds)
    best = {
        label: max(second.get(label, 0) for second in seconds)
        for label in {label for second in seconds for label in second}
    }
    labels = [
        LabelHeard(
            label=label,
            confidence=score / 1000,
            active_s=sum(label in second for second in active),
        )
        for label, score in sorted(best.items(), key=lambda item: (-item[1], item[0]))
        if score >= decide.DECIDED
    ]
    length_s = round(duration_s, 3)
    return Heard(
        seconds=length_s,
        laeq_dbfs=round(laeq_dbfs, 2),
        labels=tuple(labels),
        confidence=max(best.values(), default=0) / 1000,
        flag_for_review=any(UNSURE[0] <= score <= UNSURE[1] for score in best.values()),
        events=tuple(decide.events(active, length_s=length_s)),
        model=model,
    )
