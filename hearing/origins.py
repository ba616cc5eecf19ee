"""Natural, human or technogenic: which origin outweighs the others, by label probabilities."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hearing.taxonomy import origin_of
from schemas.results import Origin

ORIGINS: Final[tuple[Origin, ...]] = ("natural", "human", "technogenic")


def origin_scores(probabilities: ArrayLike, labels: Sequence[str]) -> NDArray[np.float64]:
    """Probability of each origin: that of its likeliest label.

    Parameters
    ----------
    probabilities : array_like, shape (n, labels)
        Calibrated, 0 to 1.
    labels : sequence of str
        What the columns mean; those without an origin count for none.

    Returns
    -------
    ndarray of float64, shape (n, 3)
        0 to 1, in the order of `ORIGINS`.

    Examples
    --------
    >>> origin_scores([[0.9, 0.2, 0.4]], ["siren", "rain", "birds"]).tolist()
    [[0.4, 0.0, 0.9]]
    """
    given = np.asarray(probabilities, np.float64)
    found = np.zeros((len(given), len(ORIGINS)))
    for n, label in enumerate(labels):
        origin = origin_of(label)
        if origin is not None:
            column = ORIGINS.index(origin)
            found[:, column] = np.maximum(found[:, column], given[:, n])
    return found
