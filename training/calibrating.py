"""One temperature and one bias for all labels, so that probabilities keep their word.

A temperature for each label fits the few recordings of a label: on folds that it was not chosen by,
the highest probability of a clip is then further from the truth than with one for all.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from schemas.base import Frozen
from training.thresholds import Judged

_START: Final = (0.0, 0.0)


class Calibration(Frozen):
    """Probability = 1 / (1 + exp(-(logit / temperature + bias)))."""

    temperature: float
    bias: float


def calibrate(judged: Judged) -> Calibration:
    """Choose both by likelihood: of all labels, and as much of each look's highest one.

    Most labels of a look are rightly near 0, and alone would decide; what is told is the highest.

    Parameters
    ----------
    judged : Judged
        Held-aside looks, as many of each label as there are; looks without any of our labels
        count among all labels only.

    Returns
    -------
    Calibration
        Neutral if there is nothing to judge by.
    """
    logits = judged.logits.astype(np.float64)
    named = judged.heard.any(axis=1)
    if not named.any():
        return Calibration(temperature=1.0, bias=0.0)
    highest = np.where(judged.known, logits, -np.inf).argmax(axis=1)
    rows = np.arange(len(logits))

    def loss(of: NDArray[np.float64]) -> float:
        losses = _losses(logits * np.exp(-of[0]) + of[1], judged.heard)
        return float(losses[judged.known].mean() + losses[rows, highest][named].mean())

    found = minimize(loss, np.array(_START), method="Nelder-Mead").x
    return Calibration(
        temperature=round(float(np.exp(found[0])), 4), bias=round(float(found[1]), 4)
    )


def _losses(logits: NDArray[np.float64], heard: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.asarray(np.logaddexp(0, np.where(heard, -1.0, 1.0) * logits), np.float64)
