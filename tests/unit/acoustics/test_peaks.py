import numpy as np
import pytest

from acoustics.peaks import OVERLAP, true_peak


@pytest.mark.parametrize("samples_a_cycle", [2.5, 3, 4, 6, 48])
@pytest.mark.parametrize("phase", [0.0, 0.4, 0.8])
def test_the_peak_of_a_tone_between_samples_is_found(samples_a_cycle: float, phase: float) -> None:
    tone = np.sin(2 * np.pi * np.arange(4800) / samples_a_cycle + phase)
    assert 20 * np.log10(true_peak(tone)) == pytest.approx(0.0, abs=0.1)


@pytest.mark.parametrize("at", [0, 1, 15, 16, 500, 998, 999])
def test_a_single_sample_counts_wherever_it_is(at: int) -> None:
    block = np.zeros(OVERLAP + 1000)
    block[OVERLAP + at] = -0.5
    assert true_peak(block) == pytest.approx(0.5)


def test_silence_has_no_peak() -> None:
    assert true_peak(np.zeros(OVERLAP + 1)) == 0.0
