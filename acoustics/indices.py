"""Acoustic indices of one minute, by scikit-maad, kept from its pitfalls.

ACI, ADI and AEI want an amplitude spectrogram, NDSI a power one. A band above Nyquist would count
the top band twice, so bands end there. ACI grows with duration, so a minute it always is. Silence
is 0/0 there; here it is None. scikit-maad takes seconds and 200 MB to import: it is imported when
it is needed, which on the device is in a process of its own.
"""

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.floating]

MINUTE_S: Final = 60
BIN_HZ: Final = 31.25
"""One resolution for all rates: 512 samples at 16 kHz, 1536 at 48 kHz, without overlap."""
_NOTHING: Final = 1e-7  # a hundredth of the last bit of 24
_EVEN_TOP_HZ: Final = 20_000
_BIO_BAND_HZ: Final = (1000, 10_000)
_MAN_BAND_HZ: Final = (0, 1000)
_BI_BAND_HZ: Final = (2000, 15_000)


class MinuteIndices(NamedTuple):
    """Each is None where the minute is silent, or the index is not a number."""

    aci: float | None
    """Acoustic complexity: how much neighbouring columns differ, summed over 0 Hz to Nyquist."""
    adi: float | None
    """Acoustic diversity: Shannon entropy over bands of 1 kHz, up to 20 kHz."""
    aei: float | None
    """Acoustic evenness: Gini coefficient over bands of 500 Hz, up to 20 kHz."""
    bi: float | None
    """Bioacoustic index: area under the mean spectrum, 2 to 15 kHz; see `bi_top_hz`."""
    h: float | None
    """Entropy of the envelope times entropy of the spectrum, 0 to 1."""
    ndsi: float | None
    """(biophony - anthropophony) / their sum: 1 to 10 kHz against below 1 kHz, -1 to 1."""


SILENT: Final = MinuteIndices(None, None, None, None, None, None)


def bi_top_hz(rate_hz: int) -> float:
    """Where the band of BI ends: 15 kHz, or at Nyquist for devices that sample below 30 kHz.

    Parameters
    ----------
    rate_hz : int
        Sample rate, Hz.

    Returns
    -------
    float
        Hz.

    Examples
    --------
    >>> bi_top_hz(48_000), bi_top_hz(16_000)
    (15000.0, 8000.0)
    """
    return min(float(_BI_BAND_HZ[1]), rate_hz / 2)


def of_minute(samples: Samples, rate_hz: int) -> MinuteIndices:
    """Indices of one minute of sound.

    Parameters
    ----------
    samples : ndarray, shape (60 * rate_hz,)
        Full scale 1.0.
    rate_hz : int
        Sample rate, Hz.

    Returns
    -------
    MinuteIndices
        Pure numbers without units.

    Raises
    ------
    ValueError
        Not a minute: ACI would not compare.
    """
    if len(samples) != MINUTE_S * rate_hz:
        msg = f"{len(samples) / rate_hz:.3f} s of sound instead of {MINUTE_S}"
        raise ValueError(msg)
    sound = np.nan_to_num(np.asarray(samples, np.float64), posinf=1.0, neginf=-1.0)
    sound = sound - sound.mean()
    if np.abs(sound).max() < _NOTHING:
        return SILENT
    with np.errstate(divide="ignore", invalid="ignore"):
        return _measured(sound, rate_hz)


def _measured(sound: NDArray[np.float64], rate_hz: int) -> MinuteIndices:
    from maad import features  # noqa: PLC0415  # seconds and 200 MB
    from maad.sound import spectrogram  # noqa: PLC0415

    window = round(rate_hz / BIN_HZ)
    amplitude, _, bins_hz, _ = spectrogram(
        sound, rate_hz, nperseg=window, noverlap=0, mode="amplitude"
    )
    power = amplitude**2
    top_hz = rate_hz // 2
    even_top_hz = min(_EVEN_TOP_HZ, top_hz)
    # a band in which nothing was ever heard has no complexity, and 0/0 is none
    _, aci_of_bins, _ = features.acoustic_complexity_index(amplitude)
    adi = features.acoustic_diversity_index(amplitude, bins_hz, fmax=even_top_hz)
    aei = features.acoustic_eveness_index(amplitude, bins_hz, fmax=even_top_hz)
    bi = features.bioacoustics_index(amplitude, bins_hz, flim=(_BI_BAND_HZ[0], bi_top_hz(rate_hz)))
    envelope_entropy = features.temporal_entropy(sound)
    spectrum_entropy, _ = features.frequency_entropy(power)
    bio_hz = (_BIO_BAND_HZ[0], min(_BIO_BAND_HZ[1], top_hz))
    ndsi, *_ = features.soundscape_index(
        power, bins_hz, flim_bioPh=bio_hz, flim_antroPh=_MAN_BAND_HZ
    )
    return MinuteIndices(
        aci=_number(np.nansum(aci_of_bins)),
        adi=_number(adi),
        aei=_number(aei),
        bi=_number(bi),
        h=_number(envelope_entropy * spectrum_entropy),
        ndsi=_number(ndsi),
    )


def _number(value: float) -> float | None:
    return round(float(value), 6) if math.isfinite(value) else None
