"""Scores of whole clips by a network in training, without the way through ONNX."""

import numpy as np
from numpy.typing import NDArray

from hearing.patches import of_clip
from training.net import Street8
from training.pools import Pool
from training.train import logits


def clip_logits(net: Street8, pool: Pool, pieces: NDArray[np.int64]) -> list[NDArray[np.float32]]:
    """Logits of every patch of every piece.

    Parameters
    ----------
    net : Street8
        The network.
    pool : Pool
        Holds the pieces.
    pieces : ndarray of int64
        Which of them.

    Returns
    -------
    list of ndarray of float32, shape (patches, labels)
        One entry a piece.
    """
    cut = [of_clip(pool.codes[pool.start[n] : pool.start[n] + pool.length[n]]) for n in pieces]
    scores = logits(net, np.concatenate(cut)).numpy()
    return np.split(scores, np.cumsum([len(part) for part in cut])[:-1])
