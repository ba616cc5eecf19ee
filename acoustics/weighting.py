"""Frequency weighting A and C, time weighting F and S, after IEC 61672-1.

A bilinear filter bends away from the analogue curve far below half the sample rate. Here the
poles are the analogue ones, matched, and the zeros of the last section are fitted so that
the magnitude follows the standard's curve up to 0.45 of the sample rate.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import signal

Samples = NDArray[np.float64]

# IEC 61672-1:2013, annex E: pole frequencies of the analogue curves, Hz
_F1: Final = 20.598997
_F2: Final = 107.65265
_F3: Final = 737.86223
_F4: Final = 12194.217
FAST_S: Final = 0.125
SLOW_S: Final = 1.0


def _c_power(frequency_hz: ArrayLike) -> Samples:
    f2 = np.square(np.asarray(frequency_hz, dtype=np.float64))
    return np.square(_F4**2 * f2 / ((f2 + _F1**2) * (f2 + _F4**2)))


def _a_over_c_power(frequency_hz: ArrayLike) -> Samples:
    f2 = np.square(np.asarray(frequency_hz, dtype=np.float64))
    return np.square(f2) / ((f2 + _F2**2) * (f2 + _F3**2))


def c_weighting_db(frequency_hz: ArrayLike) -> Samples:
    """C weighting of the standard, 0 dB at 1 kHz.

    Parameters
    ----------
    frequency_hz : array_like
        Frequencies, Hz, > 0.

    Returns
    -------
    ndarray of float64
        The same shape, dB.

    Examples
    --------
    >>> c_weighting_db([31.5, 1000.0, 8000.0]).round(1).tolist()
    [-3.0, 0.0, -3.0]
    """
    return 10 * np.log10(_c_power(frequency_hz) / _c_power(1000.0))


def a_weighting_db(frequency_hz: ArrayLike) -> Samples:
    """A weighting of the standard, 0 dB at 1 kHz.

    Parameters
    ----------
    frequency_hz : array_like
        Frequencies, Hz, > 0.

    Returns
    -------
    ndarray of float64
        The same shape, dB.

    Examples
    --------
    >>> a_weighting_db([31.5, 125.0, 1000.0, 4000.0]).round(1).tolist()
    [-39.5, -16.2, 0.0, 1.0]
    """
    ratio = _a_over_c_power(frequency_hz) / _a_over_c_power(1000.0)
    return np.asarray(c_weighting_db(frequency_hz) + 10 * np.log10(ratio))


def _matched(frequency_hz: float, rate_hz: int) -> float:
    return math.exp(-2 * math.pi * frequency_hz / rate_hz)


def _zeros_for(power: Samples, w: Samples) -> Samples:
    """Fit a minimum-phase numerator of order 2 whose power response follows `power`."""
    basis = np.stack([np.ones_like(w), np.cos(w), np.square(np.cos(w))], axis=1)
    fit = np.linalg.lstsq(basis / power[:, None], np.ones_like(w), rcond=None)[0]
    zeros = []
    for c in np.roots(fit[::-1]).astype(np.complex128):  # z + 1/z = 2 c has one root inside
        root = np.sqrt(c * c - 1)
        zeros.append(min(c + root, c - root, key=abs))
    return np.asarray(np.real(np.poly(np.array(zeros))), dtype=np.float64)


def _at_unity(section: Samples, rate_hz: int) -> Samples:
    _, h = signal.freqz(section[:3], section[3:], worN=[1000.0], fs=rate_hz)
    return np.concatenate([section[:3] / abs(h[0]), section[3:]])


@lru_cache(maxsize=8)
def c_sections(rate_hz: int) -> Samples:
    """C weighting as second-order sections.

    Parameters
    ----------
    rate_hz : int
        Sample rate, Hz.

    Returns
    -------
    ndarray of float64, shape (2, 6)
        Within 0.5 dB of the analogue curve up to 0.45 of the rate; 0 dB at 1 kHz.
    """
    low, high = _matched(_F1, rate_hz), _matched(_F4, rate_hz)
    highpass = np.array([1.0, -2.0, 1.0, 1.0, -2 * low, low * low])
    f = np.linspace(0.002, 0.47, 512) * rate_hz
    poles = np.array([1.0, -2 * high, high * high])
    _, left = signal.freqz(highpass[:3], highpass[3:], worN=f, fs=rate_hz)
    _, tail = signal.freqz([1.0], poles, worN=f, fs=rate_hz)
    wanted = _c_power(f) / np.square(np.abs(left * tail))
    lowpass = np.concatenate([_zeros_for(wanted, 2 * np.pi * f / rate_hz), poles])
    return np.stack([_at_unity(highpass, rate_hz), _at_unity(lowpass, rate_hz)])


@lru_cache(maxsize=8)
def a_after_c_sections(rate_hz: int) -> Samples:
    """What turns C-weighted sound into A-weighted sound: two poles more, far below the rate.

    Parameters
    ----------
    rate_hz : int
        Sample rate, Hz.

    Returns
    -------
    ndarray of float64, shape (1, 6)
        One second-order section; 0 dB at 1 kHz.
    """
    poles = [-2 * rate_hz * math.tan(math.pi * f / rate_hz) for f in (_F2, _F3)]
    z, p, k = signal.bilinear_zpk([0.0, 0.0], poles, 1.0, rate_hz)
    section = signal.zpk2sos(z, p, k)[0]
    return _at_unity(section, rate_hz)[None, :]


@dataclass(frozen=True, eq=False)
class WeightingState:
    """Memory of the two filters between calls.

    Attributes
    ----------
    c : ndarray of float64, shape (2, 2)
        Of `c_sections`.
    a : ndarray of float64, shape (1, 2)
        Of `a_after_c_sections`.
    """

    c: Samples
    a: Samples


SILENT: Final = WeightingState(c=np.zeros((2, 2)), a=np.zeros((1, 2)))


def weighted(
    state: WeightingState, samples: Samples, rate_hz: int
) -> tuple[WeightingState, Samples, Samples]:
    """A- and C-weighted sound.

    Parameters
    ----------
    state : WeightingState
        What the samples before these left; `SILENT` at first.
    samples : ndarray of float64, shape (n,), n >= 1
        Sound pressure in any unit.
    rate_hz : int
        Sample rate, Hz.

    Returns
    -------
    state : WeightingState
        For the next call.
    a, c : ndarray of float64, shape (n,)
        Weighted pressure, in the unit of `samples`.
    """
    c, c_state = signal.sosfilt(c_sections(rate_hz), samples, zi=state.c)
    a, a_state = signal.sosfilt(a_after_c_sections(rate_hz), c, zi=state.a)
    return WeightingState(c=c_state, a=a_state), a, c


def exponential_mean(
    before: float, power: Samples, *, time_s: float, rate_hz: int
) -> tuple[float, Samples]:
    """Exponential mean of the squared pressure: time weighting F (125 ms) or S (1 s).

    Parameters
    ----------
    before : float
        The mean just before the first sample; 0 after silence.
    power : ndarray of float64, shape (n,), n >= 1
        Squared weighted pressure.
    time_s : float
        Time constant, s.
    rate_hz : int
        Sample rate, Hz.

    Returns
    -------
    last : float
        For the next call.
    mean : ndarray of float64, shape (n,)
        The mean at each sample.
    """
    keep = math.exp(-1 / (time_s * rate_hz))
    mean, _ = signal.lfilter([1 - keep], [1.0, -keep], power, zi=np.array([keep * before]))
    return float(mean[-1]), mean
