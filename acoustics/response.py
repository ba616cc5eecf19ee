"""A microphone's own frequency response, and the filter that undoes it.

The filter has the least phase for its magnitude: it is causal, so a second is corrected without
the sound after it, and it rings for milliseconds only.
"""

import math
import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from schemas.errors import BadConfig

REFERENCE_HZ: Final = 1000.0
"""The sensitivity at this frequency is the calibrator's to say: here the response is 0 dB."""
MAX_DB: Final = 20.0
"""Beyond this the microphone is too deaf, or the file is not what it should be."""
MAX_POINTS: Final = 4000

_BETWEEN: Final = re.compile(r"[;\s]+")

Response = tuple[tuple[float, float], ...]
"""Pairs of frequency, Hz, ascending, and level, dB."""


def parse(text: str) -> Response:
    r"""Read a response of two columns: Hz and dB. Further columns and lines of words are ignored.

    Parameters
    ----------
    text : str
        As makers of measuring microphones deliver it; a comma, semicolon or space between. With
        a semicolon or space between, a comma within a number is a decimal comma.

    Returns
    -------
    tuple of pairs of float
        0 dB at 1 kHz.

    Raises
    ------
    BadConfig
        One line.

    Examples
    --------
    >>> parse("* my microphone\n20 -1.5\n1000, 0.5\n20000\t3.5")
    ((20.0, -2.0), (1000.0, 0.0), (20000.0, 3.0))
    """
    rows = [_numbers(line) for line in text.splitlines()]
    points = [(row[0], row[1]) for row in rows if len(row) > 1]
    if not 1 < len(points) <= MAX_POINTS:
        raise BadConfig(f"response: 2 to {MAX_POINTS} lines of Hz and dB are needed")
    if any(after[0] <= before[0] for before, after in pairwise(points)):
        raise BadConfig("response: frequencies must ascend")
    if points[0][0] <= 0 or not points[0][0] <= REFERENCE_HZ <= points[-1][0]:
        raise BadConfig(f"response: must reach over {REFERENCE_HZ:.0f} Hz")
    levels_db = _at(points, np.array([REFERENCE_HZ]))
    response = tuple((f, round(db - float(levels_db[0]), 4)) for f, db in points)
    if max(abs(db) for _, db in response) > MAX_DB:
        raise BadConfig(f"response: more than {MAX_DB:.0f} dB away from 1 kHz")
    return response


@lru_cache(maxsize=4)
def correction(response: Response, rate_hz: int) -> NDArray[np.complex128]:
    """The causal filter that undoes a response; beyond its ends the response stays as there.

    Parameters
    ----------
    response : tuple of pairs of float
        As `parse` gives it.
    rate_hz : int
        Sample rate, Hz.

    Returns
    -------
    ndarray of complex128, shape (rate_hz + 1,)
        At every half hertz up to half the rate.

    Examples
    --------
    >>> gain = correction(((100.0, 3.0), (1000.0, 0.0), (8000.0, 0.0)), 16_000)
    >>> round(float(20 * np.log10(abs(gain[200]))), 2)
    -3.0
    """
    f = np.maximum(np.arange(rate_hz + 1) / 2, 0.5)
    log_gain = -_at(response, f) * (math.log(10) / 20)
    cepstrum = np.fft.irfft(log_gain)
    cepstrum[1:rate_hz] *= 2  # fold what is anticausal onto what is causal
    cepstrum[rate_hz + 1 :] = 0
    return np.asarray(np.exp(np.fft.rfft(cepstrum)))


def _at(response: Sequence[tuple[float, float]], f: NDArray[np.float64]) -> NDArray[np.float64]:
    known_hz, known_db = np.array(response).T
    return np.asarray(np.interp(np.log(f), np.log(known_hz), known_db))


def _numbers(line: str) -> list[float]:
    """Numbers of a line; a comma is a decimal comma if something else lies between the columns."""
    words = [bare for word in _BETWEEN.split(line) if (bare := word.strip(","))]
    split = _floats(",".join(words).split(","))
    if len(words) == 1 or "," not in "".join(words):
        return split
    found = _floats([word.replace(",", ".") for word in words])
    if split and ("." in line or not found):
        raise BadConfig(f"response: {line.strip()[:60]!r}: is that a decimal comma?")
    return found


def _floats(words: Sequence[str]) -> list[float]:
    try:
        row = [float(word) for word in words]
    except ValueError:
        return []
    return row if all(map(math.isfinite, row)) else []
