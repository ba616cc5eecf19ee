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
    """Per label, in the order of the taxonomy.

    Attributes
    ----------
    temperatures, thresholds : tuple of float
    bias : float
        Added to each logit over its temperature; an export puts it into the network.
    """

    temperatures: tuple[float, ...]
    thresholds: tuple[float, ...]
    bias: float = 0.0

    def probabilities(self, logits: NDArray[np.float32]) -> NDArray[np.float64]:
        """Calibrated, shape (n, labels), of logits of that shape."""
        return _sigmoid(logits / np.array(self.temperatures) + self.bias)


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
    temperatures = tuple(_temperature(n, judged) for n in range(len(taxonomy.LABELS)))
    return decide_with(temperatures, 0.0, judged)


def decide_with(temperatures: tuple[float, ...], bias: float, judged: Judged) -> Decisions:
    """Choose thresholds alone.

    Parameters
    ----------
    temperatures : tuple of float
        Of each label.
    bias : float
        Of all of them.
    judged : Judged
        Held-aside patches.

    Returns
    -------
    Decisions
        With those temperatures and that bias.
    """
    scores = _sigmoid(judged.logits / np.array(temperatures) + bias)
    thresholds = tuple(
        _threshold(label, scores[known, n], judged.heard[known, n])
        for n, (label, known) in enumerate(zip(taxonomy.LABELS, judged.known.T, strict=True))
    )
    return Decisions(temperatures=temperatures, thresholds=thresholds, bias=bias)


def _threshold(label: str, scores: NDArray[np.float64], heard: NDArray[np.bool_]) -> float:
    if not heard.any():
        return _UNSEEN_DEFAULT
    if label == "siren":
        false_share = np.array([(scores[~heard] >= c).mean() for c in _CANDIDATES])
        quiet_enough = _CANDIDATES[false_share <= _SIREN_FALSE_SHARE]
        return float(quiet_enough[0] if len(quiet_enough) else _CANDIDATES[-1])
    f1 = [_f1(scores[heard] >= c, scores[~heard] >= c) for c in _CANDIDATES]
    return float(_CANDIDATES[int(np.argmax(f1))])


def _sigmoid(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * logits)), np.float64)


def _temperature(n: int, judged: Judged) -> float:
    known = judged.known[:, n]
    logits, heard = judged.logits[known, n].astype(np.float64), judged.heard[known, n]
    if not heard.any():
        return 1.0
    signs = np.where(heard, -1.0, 1.0)
    losses = [np.logaddexp(0, signs * logits / t).mean() for t in _TEMPERATURES]
    return round(float(_TEMPERATURES[int(np.argmin(losses))]), 3)


def _f1(hits: NDArray[np.bool_], false: NDArray[np.bool_]) -> float:
    """F1 of hits among the heard and false ones among the others, at the expected share."""
    right = _EXPECTED_SHARE * float(hits.mean())
    wrong = (1 - _EXPECTED_SHARE) * float(false.mean()) if len(false) else 0.0
    return 2 * right / (right + wrong + _EXPECTED_SHARE)
