from itertools import pairwise

import numpy as np
import pytest

from acoustics.bands import centres_hz, third_octave_powers

RATES_HZ = (16_000, 48_000)


def tone_db(frequency_hz: float, rate_hz: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Band levels of a steady tone of mean square 1, in its second second."""
    tone = np.sqrt(2) * np.sin(2 * np.pi * frequency_hz * np.arange(2 * rate_hz) / rate_hz)
    return 10 * np.log10(third_octave_powers(np.fft.rfft(tone), rate_hz))


def test_the_bands_are_those_of_iec_61260() -> None:
    assert [round(f, 1) for f in centres_hz(16_000)[:4]] == [25.1, 31.6, 39.8, 50.1]
    assert round(centres_hz(16_000)[-1]) == 6310
    assert round(centres_hz(48_000)[-1]) == 19953


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_a_tone_at_the_centre_reads_its_level(rate_hz: int) -> None:
    for band, centre in enumerate(centres_hz(rate_hz)):
        assert tone_db(centre, rate_hz)[band] == pytest.approx(0.0, abs=0.1)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_a_tone_at_the_edge_reads_3_db_less_in_both_bands(rate_hz: int) -> None:
    for band, centre in enumerate(centres_hz(rate_hz)[:-1]):
        levels = tone_db(centre * 10**0.05, rate_hz)
        assert levels[band] == pytest.approx(-3.0, abs=0.1)
        assert levels[band + 1] == pytest.approx(-3.0, abs=0.1)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_a_tone_far_off_hardly_reads(rate_hz: int) -> None:
    # IEC 61260-1 class 1: 16.6 dB a third octave off, 40.5 dB an octave off
    middle = 16
    levels = tone_db(centres_hz(rate_hz)[middle], rate_hz)
    assert levels[[middle - 1, middle + 1]].max() < -16.6
    assert levels[[middle - 3, middle + 3]].max() < -40.5
    assert np.delete(levels, range(middle - 5, middle + 6)).max() < -60


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_band_energies_of_pink_noise_sum_to_its_level(rate_hz: int) -> None:
    centres = centres_hz(rate_hz)
    n = 10 * rate_hz
    f = np.fft.rfftfreq(n, 1 / rate_hz)
    inside = (f >= centres[0] * 10**-0.05) & (f <= centres[-1] * 10**0.05)
    spectrum = np.fft.rfft(np.random.default_rng(5).standard_normal(n))
    pink = np.fft.irfft(spectrum * inside / np.sqrt(np.maximum(f, 1.0)))
    seconds = np.split(pink, 10)
    total = 0.0
    for before, second in pairwise(seconds):
        power = float(
            third_octave_powers(np.fft.rfft(np.concatenate([before, second])), rate_hz).sum()
        )
        assert 10 * np.log10(power / second.var()) == pytest.approx(0.0, abs=0.3)
        total += power
    mean = np.mean([second.var() for second in seconds[1:]]) * 9
    assert 10 * np.log10(total / mean) == pytest.approx(0.0, abs=0.15)


def test_an_offset_is_in_no_band() -> None:
    assert third_octave_powers(np.fft.rfft(np.full(32_000, 0.5)), 16_000).max() < 1e-12
