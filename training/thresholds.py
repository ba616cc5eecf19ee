"""Temperature and threshold of each label, from recordings that the network never heard."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hearing import taxonomy
from schemas.base import Frozen

_TEMPERATURES: Final = np.geomspace(0.5, 4.0, 24)
_CANDIDATES: Final = np.round(np.arange(0.25, 0.901, 0.01), 2)
_EXPECTED_SHARE: Final = 0.15
"""How much of the time a label is thought to be heard: that of the test sets means nothing."""
_UNSEEN_DEFAULT: Final = 0.6  # for labels without a held-aside recording
_SIREN_FALSE_SHARE: Final = 0.002
"""A siren alert is the product's promise: at most this share of other seconds may be taken for
one, before the rule asks for several of them."""


class Decisions(Frozen):
    """Per label, in the order of the taxonomy."""

    temperatures: tuple[float, ...]
    thresholds: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Judged:
    """Patches with their truth.

    Attributes
    ----------
    logits : ndarray of float32, shape (n, labels)
    heard, known : ndarray of bool, shape (n, labels)
        What is to be heard; where nobody knows, `known` is False.
    """

    logits: NDArray[np.float32]
    heard: NDArray[np.bool_]
    known: NDArray[np.bool_]


def joined(parts: list[Judged]) -> Judged:
    """Several judged sets as one."""
    return Judged(
        np.concatenate([part.logits for part in parts]),
        np.concatenate([part.heard for part in parts]),
        np.concatenate([part.known for part in parts]),
    )


def decide(judged: Judged) -> Decisions:
    """Choose temperatures by likelihood, thresholds by F1; the siren's by its false seconds.

    Parameters
    ----------
    judged : Judged
        Held-aside patches.

    Returns
    -------
    Decisions
        One temperature and one threshold for each label.
    """
    chosen = [_decide_one(n, label, judged) for n, label in enumerate(taxonomy.LABELS)]
    return Decisions(
        temperatures=tuple(t for t, _ in chosen), thresholds=tuple(s for _, s in chosen)
    )


def _decide_one(n: int, label: str, judged: Judged) -> tuple[float, float]:
    known = judged.known[:, n]
    logits, heard = judged.logits[known, n].astype(np.float64), judged.heard[known, n]
    if not heard.any():
        return 1.0, _UNSEEN_DEFAULT
    temperature = _temperature(logits, heard)
    scores = 1 / (1 + np.exp(-logits / temperature))
    if label == "siren":
        false_share = np.array([(scores[~heard] >= c).mean() for c in _CANDIDATES])
        quiet_enough = _CANDIDATES[false_share <= _SIREN_FALSE_SHARE]
        return temperature, float(quiet_enough[0] if len(quiet_enough) else _CANDIDATES[-1])
    f1 = [_f1(scores[heard] >= c, scores[~heard] >= c) for c in _CANDIDATES]
    return temperature, float(_CANDIDATES[int(np.argmax(f1))])


def _temperature(logits: NDArray[np.float64], heard: NDArray[np.bool_]) -> float:
    signs = np.where(heard, -1.0, 1.0)
    losses = [np.logaddexp(0, signs * logits / t).mean() for t in _TEMPERATURES]
    return round(float(_TEMPERATURES[int(np.argmin(losses))]), 3)


def _f1(hits: NDArray[np.bool_], false: NDArray[np.bool_]) -> float:
    """F1 of hits among the heard and false ones among the others, at the expected share."""
    right = _EXPECTED_SHARE * float(hits.mean())
    wrong = (1 - _EXPECTED_SHARE) * float(false.mean()) if len(false) else 0.0
    return 2 * right / (right + wrong + _EXPECTED_SHARE)
