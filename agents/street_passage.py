"""A siren drives by: what the street does to the sound between the vehicle and the microphone.

Doppler shift by reading the source at the time of emission; 1/r; absorption in air; houses that
screen the vehicle before it turns into the street and after it has left; echoes.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from acoustics.sirens import SirenKind, siren
from agents.street_levels import RATE_HZ, Samples, rms_of
from agents.street_sounds import Seed, chance, read_between

Floats = NDArray[np.float64]

SOUND_M_S: Final = 343.0
LEAD_S: Final = 6.0  # heard faintly before it turns the corner, and after

_SOURCE_HZ: Final = 3 * RATE_HZ // 2  # leaves room for reading between samples
_SOURCE_S: Final = 108  # of a siren: more than any way past three devices takes
_DULL_M: Final = 250.0  # about the largest distance
_TOP_HZ: Final = 7200.0
_CONTROL: Final = 64  # samples; emission time is interpolated between, to a thousandth of one
_FADE_S: Final = 2.0
_TURN_S: Final = 1.2


@dataclass(frozen=True)
class Passage:
    """One emergency vehicle on a straight street past one device.

    Attributes
    ----------
    kind : str
        Kind of the siren.
    nearest : int
        Sample at which the vehicle is nearest, counted from the scene's first.
    in_s, out_s : float
        How long before and after that it is in this street, s.
    speed_m_s, distance_m : float
        Its speed and its smallest distance.
    level_db : float
        Level of the siren when nearest, dB re 20 µPa.
    excess_db_per_m : float
        Attenuation by ground and cars beyond 1/r, for each metre more than the smallest distance.
    screen_db : float
        What the houses take before the vehicle turns in and after it turns off.
    echoes : tuple of (int, float)
        Delay in samples and strength of reflections from walls.
    siren_s : float
        Second of the vehicle's siren that it sounds when nearest: the same siren is heard further
        on by the next device.
    seed : tuple of int
        Of the siren itself.
    """

    kind: SirenKind
    nearest: int
    in_s: float
    out_s: float
    speed_m_s: float
    distance_m: float
    level_db: float
    excess_db_per_m: float
    screen_db: float
    echoes: tuple[tuple[int, float], ...]
    siren_s: float
    seed: Seed
    label: str = "siren"

    @property
    def start(self) -> int:
        """First sample at which it can be heard."""
        return self.nearest - round((self.in_s + LEAD_S) * RATE_HZ)

    @property
    def length(self) -> int:
        """Samples for which it can be heard."""
        return round((self.in_s + self.out_s + 2 * LEAD_S) * RATE_HZ)

    def render(self) -> Samples:
        """The passage as the microphone hears it."""
        t = np.arange(0, self.length + _CONTROL, _CONTROL) + self.start - self.nearest
        emitted_s = emission_time_s(t / RATE_HZ, self.speed_m_s, self.distance_m)
        first_s = float(emitted_s[0]) - 4 / _SOURCE_HZ
        faded = self._faded(first_s, float(emitted_s[-1]) + 4 / _SOURCE_HZ)
        at = np.interp(np.arange(self.length) / _CONTROL, np.arange(len(t)), emitted_s - first_s)
        heard = read_between(faded, at * _SOURCE_HZ)
        echoing = heard.copy()
        for delay, strength in self.echoes:
            echoing[delay:] += np.float32(strength) * heard[:-delay]
        return echoing

    def _faded(self, first_s: float, last_s: float) -> Samples:
        """The siren between two times of emission, as faint and dull as its way will make it."""
        begin, end = (round((t_s + self.siren_s) * _SOURCE_HZ) for t_s in (first_s, last_s))
        t = np.linspace(first_s, last_s, int((last_s - first_s) * 50))
        distance_m = np.hypot(self.distance_m, self.speed_m_s * t)
        dullness, gain = distance_m / _DULL_M, self._gain(t, distance_m)
        at, places = np.arange(end - begin), (t - first_s) * _SOURCE_HZ
        near, far = (sound[begin:end] for sound in _clear_and_dull(self.kind, self.seed))
        faded = near * np.interp(at, places, gain * (1 - dullness)).astype(np.float32)
        faded += far * np.interp(at, places, gain * dullness).astype(np.float32)
        return faded

    def _gain(self, t: Floats, distance_m: Floats) -> Floats:
        behind_houses = _step(-t - self.in_s) + _step(t - self.out_s)
        excess_db = self.excess_db_per_m * (distance_m - self.distance_m)
        fade = np.clip(np.minimum(t - t[0], t[-1] - t) / _FADE_S, 0, 1)
        near = rms_of(self.level_db) * self.distance_m / distance_m
        return np.asarray(near * fade * 10 ** (-(excess_db + self.screen_db * behind_houses) / 20))


@lru_cache(maxsize=4)  # one vehicle passes several devices within a minute
def _clear_and_dull(kind: SirenKind, seed: Seed) -> tuple[Samples, Samples]:
    """A siren beside the vehicle, and behind as much air as takes its treble."""
    bins = np.fft.rfft(siren(kind, _SOURCE_S, _SOURCE_HZ, chance(*seed)))
    f = np.fft.rfftfreq(_SOURCE_S * _SOURCE_HZ, 1 / _SOURCE_HZ).astype(np.float32)
    bins[f > _TOP_HZ] = 0
    # air at about 15 °C and 70 % humidity takes 0.0045 dB/m at 1 kHz (a fit to ISO 9613-1)
    absorbed = bins * np.exp(-np.log(10) / 20 * 0.0045 * _DULL_M * (f / 1000) ** np.float32(1.5))
    clear, dull = (np.fft.irfft(half).astype(np.float32, copy=False) for half in (bins, absorbed))
    return clear, dull


def emission_time_s(heard_s: Floats, speed_m_s: float, distance_m: float) -> Floats:
    """When a sound left a source that drives along a straight line.

    Parameters
    ----------
    heard_s : ndarray, shape (n,)
        When it is heard, s; at 0 the source is nearest.
    speed_m_s : float
        Speed of the source, below that of sound.
    distance_m : float
        Its smallest distance.

    Returns
    -------
    ndarray of float64, shape (n,)
        s; always earlier than heard.

    Examples
    --------
    >>> emission_time_s(np.array([1.0]), 0.0, 343.0).tolist()
    [0.0]
    """
    c, v = SOUND_M_S, speed_m_s
    # heard - emitted = hypot(distance, v·emitted) / c, a quadratic in the time of emission
    a, b = c**2 - v**2, c**2 * heard_s
    return np.asarray((b - np.sqrt(b**2 - a * ((c * heard_s) ** 2 - distance_m**2))) / a)


def _step(t: Floats) -> Floats:
    """0 well before time 0, 1 well after, within the time a vehicle needs for a corner."""
    return np.asarray(0.5 + 0.5 * np.tanh(2 * t / _TURN_S))
