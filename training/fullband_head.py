"""Labels from what a settled student hears in clips: a logistic regression, in closed form almost.

Teaching the whole net labels was tried: it learns the few recordings by heart, and sirens get
worse.
"""

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from hearing import taxonomy
from training.fullband_mixing import FRAMES
from training.fullband_net import Street
from training.fullband_pieces import DISTRACTOR, TEACHER_BANDS, Pieces

_STRENGTH: Final = 0.003
_HOP: Final = 100
_LONGEST: Final = 3000  # frames of a recording, so that a minute does not outweigh all clips
_UNNAMED: Final = 400  # of the sounds that are none of the labels
_DB_PER_NEPER: Final = np.float32(10 / np.log(10))
_NEVER: Final = -12.0


def fit(net: Street, pieces: Pieces, held_out: int) -> None:
    """Give a student its head.

    Parameters
    ----------
    net : Street
        Settled; its head is replaced.
    pieces : Pieces
        Clips with one label, or with none, of all folds but one.
    held_out : int
        That fold; 0: none.
    """
    allowed = (pieces.group != held_out) | (held_out == 0)
    recorded = allowed & (pieces.clip >= 0)
    unnamed = np.flatnonzero(allowed & (pieces.kind == DISTRACTOR) & ~pieces.heard.any(axis=1))
    chosen = np.concatenate(
        [np.flatnonzero(recorded & (pieces.heard.sum(axis=1) <= 1)), unnamed[:_UNNAMED]]
    )
    none = len(taxonomy.LABELS)
    truth = np.where(pieces.heard[chosen].any(axis=1), pieces.heard[chosen].argmax(axis=1), none)
    pooled = np.stack([_pooled(net, pieces.of(int(piece))) for piece in chosen])
    mean, spread = pooled.mean(axis=0), pooled.std(axis=0) + 1e-3
    fitted = LogisticRegression(C=_STRENGTH, max_iter=1000).fit((pooled - mean) / spread, truth)
    weights = fitted.coef_ / spread
    bias = fitted.intercept_ - weights @ mean
    with torch.no_grad():
        net.head.weight.zero_()
        net.head.bias.fill_(_NEVER)  # of labels without a recording
        net.head.weight[fitted.classes_] = torch.from_numpy(weights).float()
        net.head.bias[fitted.classes_] = torch.from_numpy(bias).float()


def _pooled(net: Street, log_power: NDArray[np.float16]) -> NDArray[np.float64]:
    """Mean over the looks of a clip."""
    level_db = log_power[:_LONGEST, TEACHER_BANDS:].astype(np.float32) * _DB_PER_NEPER
    if len(level_db) < FRAMES:
        level_db = level_db[np.arange(FRAMES) % len(level_db)]
    starts = range(0, len(level_db) - FRAMES + 1, _HOP)
    looks = np.stack([level_db[start : start + FRAMES] for start in starts])
    with torch.inference_mode():
        return np.asarray(net.eval().pooled(torch.from_numpy(looks)).mean(dim=0), np.float64)
