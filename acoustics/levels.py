"""The levels of each second of sound, as a stream: one step function, memory handed on.

Whole seconds are measured at once, so a sound cut anywhere gives the same numbers to the bit.
"""

import math
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from acoustics.bands import third_octave_powers
from acoustics.decibels import CEILING_DB, FLOOR_DB
from acoustics.peaks import OVERLAP, true_peak
from acoustics.weighting import FAST_S, SLOW_S, Spectrum, exponential_mean, weighted
from schemas.messages import Levels

CALIBRATOR_DB: Final = 94.0
OWN_NOISE_DB: Final = 30.0
"""A-weighted own noise of a usual MEMS capsule, dB re 20 µPa."""
MEMS_DBFS: Final = -26.0
"""What 94 dB read at a usual MEMS capsule, dB re full scale."""
_FULL_SCALE: Final = 1 - 2**-15  # the largest positive 16-bit sample
_LOUDEST: Final = 10.0  # what a broken float file may claim, +20 dB re full scale
_FULL_SCALE_SINE: Final = 0.5  # its mean square: 0 dBFS

Samples = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LevelState:
    """What one second leaves for the next; `start` makes the first.

    Attributes
    ----------
    rate_hz : int
        Sample rate, Hz.
    offset_db : float
        Added to dB re full scale: 94 minus the sensitivity; 0 for relative levels.
    noise_dbfs : float
        LAeq below which the microphone hears mostly itself, dB re full scale.
    pending : ndarray of float64, shape (n,), n < rate_hz
        The part of the next second that is already there.
    correction : ndarray of complex128, shape (rate_hz + 1,), or None
        What undoes the microphone's own frequency response, at every half hertz.
    before : ndarray of float64, shape (rate_hz,), or None
        The last measured second; None at the start.
    fast, slow : float
        Exponential means F and S of the squared A-weighted pressure.
    peak_tail : ndarray of float64, shape (OVERLAP,)
        The last C-weighted samples.
    """

    rate_hz: int
    offset_db: float
    noise_dbfs: float
    correction: Spectrum | None = None
    pending: Samples = field(default_factory=lambda: np.empty(0))
    before: Samples | None = None
    fast: float = 0.0
    slow: float = 0.0
    peak_tail: Samples = field(default_factory=lambda: np.zeros(OVERLAP))


def start(
    rate_hz: int,
    *,
    sensitivity_dbfs_at_94: float | None = None,
    correction: Spectrum | None = None,
) -> LevelState:
    """State before the first sample.

    Parameters
    ----------
    rate_hz : int
        Sample rate, Hz.
    sensitivity_dbfs_at_94 : float or None
        What a 94 dB calibrator reads, dB re full scale (0 dBFS: RMS of a full-scale sine).
        None: the levels are relative to full scale, of a usual MEMS capsule.
    correction : ndarray of complex128, shape (rate_hz + 1,), or None
        As `acoustics.response.correction` gives it; None for a flat microphone.

    Returns
    -------
    LevelState

    Examples
    --------
    >>> tone = 0.05 * np.sin(2 * np.pi * 1000 * np.arange(32_000) / 16_000)
    >>> _, seconds = step(start(16_000, sensitivity_dbfs_at_94=-26.0), tone)
    >>> [round(s.lafmax_db, 1) for s in seconds]
    [94.0, 94.0]
    """
    relative = sensitivity_dbfs_at_94 is None
    at_94_dbfs = MEMS_DBFS if sensitivity_dbfs_at_94 is None else sensitivity_dbfs_at_94
    return LevelState(
        rate_hz=rate_hz,
        offset_db=0.0 if relative else CALIBRATOR_DB - at_94_dbfs,
        noise_dbfs=at_94_dbfs - (CALIBRATOR_DB - OWN_NOISE_DB),
        correction=correction,
    )


def step(state: LevelState, samples: ArrayLike) -> tuple[LevelState, tuple[Levels, ...]]:
    """Take samples of any number; give the levels of each second that they complete.

    Parameters
    ----------
    state : LevelState
        What the samples before these left.
    samples : array_like, shape (n,)
        Sound, full scale 1.0. NaN counts as 0, infinity as overload.

    Returns
    -------
    state : LevelState
        For the next call.
    levels : tuple of Levels
        One per completed second, 0.01 dB resolution, -120 to 140 dB.
    """
    sound = np.concatenate([state.pending, np.asarray(samples, dtype=np.float64)])
    measured = []
    whole = len(sound) // state.rate_hz
    for one in np.split(sound[: whole * state.rate_hz], whole) if whole else ():
        state, levels = second(state, one)
        measured.append(levels)
    return replace(state, pending=sound[whole * state.rate_hz :]), tuple(measured)


def second(state: LevelState, samples: ArrayLike) -> tuple[LevelState, Levels]:
    """Levels of exactly one second.

    Parameters
    ----------
    state : LevelState
        What the second before left; its `pending` is not looked at.
    samples : array_like, shape (rate_hz,)
        Sound, full scale 1.0.

    Returns
    -------
    state : LevelState
        For the next second.
    levels : Levels
        0.01 dB resolution, -120 to 140 dB.
    """
    x = sane(samples)
    rate_hz = state.rate_hz
    spectrum, z = _corrected(state, x)
    a, c = weighted(spectrum, rate_hz)
    a_power = np.square(a)
    state = state if state.before is not None else _settled(state, a_power, c)
    fast, laf = exponential_mean(state.fast, a_power, time_s=FAST_S, rate_hz=rate_hz)
    slow, las = exponential_mean(state.slow, a_power, time_s=SLOW_S, rate_hz=rate_hz)
    a_mean = float(a_power.mean())
    reach = np.concatenate([state.peak_tail, c])

    def db(power: float) -> float:
        return _decibels(power, state.offset_db)

    levels = Levels(
        laeq_1s_db=db(a_mean),
        lceq_1s_db=db(float(np.square(c).mean())),
        lzeq_1s_db=db(float(z.var())),  # Z excludes DC
        lafmax_db=db(float(laf.max())),
        lasmax_db=db(float(las.max())),
        lcpeak_db=db(true_peak(reach) ** 2),
        overload=bool(at_full_scale(x).any()),
        floor=a_mean < _FULL_SCALE_SINE * 10 ** (state.noise_dbfs / 10),
        third_octaves_db=tuple(db(p) for p in third_octave_powers(spectrum, rate_hz).tolist()),
    )
    return replace(state, before=x, fast=fast, slow=slow, peak_tail=reach[-OVERLAP:]), levels


def _corrected(state: LevelState, x: Samples) -> tuple[Spectrum, Samples]:
    """Spectrum of the second before and this one, and this one's sound, as a flat microphone's."""
    # a mirrored first second spares the filters their attack on a sound that was always there
    before = x[::-1] if state.before is None else state.before
    spectrum = np.fft.rfft(np.concatenate([before, x]))
    if state.correction is None:
        return spectrum, x
    spectrum *= state.correction
    return spectrum, np.fft.irfft(spectrum)[state.rate_hz :]


def _settled(state: LevelState, a_power: Samples, c: Samples) -> LevelState:
    """As though a sound as loud as this second had been there before it.

    Nobody knows what was. From silence LASmax would read 2 dB too low, and the beginning of a
    sound that was cut would be a peak.
    """
    mean = float(a_power.mean())
    return replace(state, fast=mean, slow=mean, peak_tail=c[OVERLAP:0:-1])


def at_full_scale(samples: ArrayLike) -> NDArray[np.bool_]:
    """Which samples are as large as a converter can tell: one of them overloads a second.

    Parameters
    ----------
    samples : array_like, any shape
        Sound, full scale 1.0.

    Returns
    -------
    ndarray of bool, same shape

    Examples
    --------
    >>> at_full_scale([-1.0, 32767 / 32768, 0.99]).tolist()
    [True, True, False]
    """
    return np.asarray(np.abs(samples) >= _FULL_SCALE)


def sane(samples: ArrayLike) -> Samples:
    """Samples that every formula can take: NaN becomes 0, infinity and nonsense 10 full scales.

    Parameters
    ----------
    samples : array_like, shape (n,)
        Sound, full scale 1.0.

    Returns
    -------
    ndarray of float64, shape (n,)
        -10 to 10.

    Examples
    --------
    >>> sane([0.5, float("nan"), float("-inf")]).tolist()
    [0.5, 0.0, -10.0]
    """
    x = np.asarray(samples, dtype=np.float64)
    return np.clip(np.where(np.isnan(x), 0.0, x), -_LOUDEST, _LOUDEST)


def _decibels(power: float, offset_db: float) -> float:
    """Mean square to dB: 0.01 dB steps, silence at the floor."""
    if power <= 0:
        return FLOOR_DB
    level_db = 10 * math.log10(power / _FULL_SCALE_SINE) + offset_db
    return round(min(max(level_db, FLOOR_DB), CEILING_DB), 2)
