import numpy as np
import pytest

from acoustics.decimate import HISTORY, decimated


def level_db(frequency_hz: float) -> float:
    """Of a tone of mean square 1 at 48 kHz, after the filter, without its attack."""
    tone = np.sqrt(2) * np.sin(2 * np.pi * frequency_hz * np.arange(48_000) / 48_000)
    _, sound = decimated(np.zeros(HISTORY), tone)
    return float(10 * np.log10(np.mean(sound[200:] ** 2) + 1e-30))


@pytest.mark.parametrize("frequency_hz", [50.0, 1000.0, 4000.0, 7000.0])
def test_what_the_mel_bands_hear_passes(frequency_hz: float) -> None:
    assert level_db(frequency_hz) == pytest.approx(0.0, abs=0.05)


@pytest.mark.parametrize("frequency_hz", [8800.0, 12_000.0, 15_000.0, 20_000.0])
def test_what_would_fold_back_is_gone(frequency_hz: float) -> None:
    assert level_db(frequency_hz) < -75


def test_the_second_goes_on_where_the_one_before_ended() -> None:
    tone = np.sin(2 * np.pi * 1000 * np.arange(96_000) / 48_000)
    history, _ = decimated(np.zeros(HISTORY), tone[:48_000])
    _, second = decimated(history, tone[48_000:])
    late = (np.arange(48_000, 96_000, 3) - HISTORY / 2) / 48_000
    np.testing.assert_allclose(second, np.sin(2 * np.pi * 1000 * late), atol=1e-4)
