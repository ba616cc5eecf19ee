"""Frequency weighting A and C, time weighting F and S, after IEC 61672-1.

A bilinear filter bends away from the analogue curve far below half the sample rate. Here the
poles are the analogue ones, matched, and four zeros are fitted so that the magnitude follows
the standard's curve up to 0.45 of the sample rate. The filters are causal and ring for far
less than a second, so multiplying the spectrum of two seconds by their response gives their
very output in the latter one.
"""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Samples = NDArray[np.float64]
Spectrum = NDArray[np.complex128]

# IEC 61672-1:2013, annex E: pole frequencies of the analogue curves, Hz
_F1: Final = 20.598997
_F2: Final = 107.65265
_F3: Final = 737.86223
_F4: Final = 12194.217
_FIT_ORDER: Final = 4
FAST_S: Final = 0.125
SLOW_S: Final = 1.0


def _c_power(frequency_hz: ArrayLike) -> Samples:
    f2 = np.square(np.asarray(frequency_hz, dtype=np.float64))
    return np.square(_F4**2 * f2 / ((f2 + _F1**2) * (f2 + _F4**2)))


def _a_power(frequency_hz: ArrayLike) -> Samples:
    f2 = np.square(np.asarray(frequency_hz, dtype=np.float64))
    return _c_power(frequency_hz) * np.square(f2) / ((f2 + _F2**2) * (f2 + _F3**2))


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
    return 10 * np.log10(_a_power(frequency_hz) / _a_power(1000.0))


@lru_cache(maxsize=8)
def _c_response(rate_hz: int) -> Spectrum:
    return _fitted(_c_power, zeros_at_dc=2, poles_hz=(_F1, _F1, _F4, _F4), rate_hz=rate_hz)


@lru_cache(maxsize=8)
def _a_response(rate_hz: int) -> Spectrum:
    poles_hz = (_F1, _F1, _F2, _F3, _F4, _F4)
    return _fitted(_a_power, zeros_at_dc=4, poles_hz=poles_hz, rate_hz=rate_hz)


def _fitted(
    power: Callable[[Samples], Samples],
    *,
    zeros_at_dc: int,
    poles_hz: tuple[float, ...],
    rate_hz: int,
) -> Spectrum:
    """Response of the causal filter at every half hertz up to half the rate; 1 at 1 kHz."""
    f = np.arange(rate_hz + 1) / 2
    delay = np.exp(-2j * np.pi * f / rate_hz)
    response = (1 - delay) ** zeros_at_dc
    for pole_hz in poles_hz:
        response /= 1 - math.exp(-2 * math.pi * pole_hz / rate_hz) * delay
    fitted = slice(20, int(0.94 * len(f)))  # what lies next to half the rate may bend
    missing = power(f[fitted]) / np.square(np.abs(response[fitted]))
    zeros = _zeros_for(missing, np.cos(2 * np.pi * f[fitted] / rate_hz))
    response *= np.polynomial.polynomial.polyval(delay, zeros)
    return np.asarray(response / abs(response[2000]))


def _zeros_for(power: Samples, cosine: Samples) -> Samples:
    """Fit the minimum-phase polynomial in the delay whose power response follows `power`."""
    basis = cosine[:, None] ** np.arange(_FIT_ORDER + 1)
    fit = np.linalg.lstsq(basis / power[:, None], np.ones_like(power), rcond=None)[0]
    zeros = []
    for c in np.roots(fit[::-1]).astype(np.complex128):  # z + 1/z = 2 c has one root inside
        root = np.sqrt(c * c - 1)
        zeros.append(min(c + root, c - root, key=abs))
    return np.asarray(np.real(np.poly(np.array(zeros))), dtype=np.float64)


def weighted(spectrum: Spectrum, rate_hz: int) -> tuple[Samples, Samples]:
    """A- and C-weighted sound of the latter of two seconds.

    Parameters
    ----------
    spectrum : ndarray of complex128, shape (rate_hz + 1,)
        `rfft` of the second before and the second that is weighted.
    rate_hz : int
        Sample rate, Hz.

    Returns
    -------
    a, c : ndarray of float64, shape (rate_hz,)
        Weighted pressure, in the unit of the samples. Within 0.06 dB of the analogue curves
        up to 0.45 of the sample rate.

    Examples
    --------
    >>> tone = np.sqrt(2) * np.sin(2 * np.pi * 2000 * np.arange(32_000) / 16_000)
    >>> a, c = weighted(np.fft.rfft(tone), 16_000)
    >>> [round(float(10 * np.log10(np.mean(x**2))), 1) for x in (a, c)]
    [1.2, -0.2]
    """
    a = np.fft.irfft(spectrum * _a_response(rate_hz))[rate_hz:]
    c = np.fft.irfft(spectrum * _c_response(rate_hz))[rate_hz:]
    return a, c


@lru_cache(maxsize=8)
def _decay(time_s: float, rate_hz: int, count: int) -> Samples:
    return np.exp(-np.arange(1, count + 1) / (time_s * rate_hz))


def exponential_mean(
    before: float, power: Samples, *, time_s: float, rate_hz: int
) -> tuple[float, Samples]:
    """Exponential mean of the squared pressure: time weighting F (125 ms) or S (1 s).

    Parameters
    ----------
    before : float
        The mean just before the first sample; 0 after silence.
    power : ndarray of float64, shape (n,), n >= 1
        Squared weighted pressure; at most 60 time constants of it.
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

    Examples
    --------
    >>> last, _ = exponential_mean(0.0, np.ones(1000), time_s=1.0, rate_hz=1000)
    >>> round(last, 3)
    0.632
    """
    decay = _decay(time_s, rate_hz, len(power))
    gained = np.cumsum(power / decay) * (1 - decay[0])
    mean = decay * (before + gained)
    return float(mean[-1]), mean
