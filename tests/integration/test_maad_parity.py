"""Our LZeq against scikit-maad's, with the constants of a device that nobody calibrated."""

import numpy as np
import pytest

from acoustics import levels

# slow to import, hence no unit test
spl = pytest.importorskip("maad.spl", reason="needs scikit-maad (extra: agent)")
util = pytest.importorskip("maad.util", reason="needs scikit-maad (extra: agent)")

FULL_SCALE_SINE_DB = 79.886  # 20 lg(1.25 V / 2 / √2 / (10^(25/20) · 10^(-18/20) V/Pa) / 20 µPa)


@pytest.mark.parametrize("rate_hz", [16_000, 48_000])
@pytest.mark.parametrize("gain", [1.0, 0.1, 0.001])
def test_lzeq_agrees_with_scikit_maad(rate_hz: int, gain: float) -> None:
    rng = np.random.default_rng(3)
    sine = np.sin(2 * np.pi * 440 * np.arange(rate_hz) / rate_hz)
    noise = rng.normal(0, 0.3, rate_hz)
    for sound in (gain * sine, gain * (noise - noise.mean())):
        pressures = spl.wav2dBSPL(sound, gain=25, sensitivity=-18, Vadc=1.25)
        state = levels.start(rate_hz, sensitivity_dbfs_at_94=94.0 - FULL_SCALE_SINE_DB)
        _, (second,) = levels.step(state, sound)
        assert second.lzeq_1s_db == pytest.approx(float(util.mean_dB(pressures)), abs=0.01)


def test_a_full_scale_sine_of_the_seeds_reads_79_89_db() -> None:
    sine = np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000)
    state = levels.start(16_000, sensitivity_dbfs_at_94=94.0 - FULL_SCALE_SINE_DB)
    _, (second,) = levels.step(state, sine)
    assert second.lzeq_1s_db == pytest.approx(79.89, abs=0.01)
