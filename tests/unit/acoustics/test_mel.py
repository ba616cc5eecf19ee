import numpy as np
import pytest

from acoustics import mel


def tone(frequency_hz: float, seconds: float = 2.0) -> np.ndarray:
    return np.sin(2 * np.pi * frequency_hz * np.arange(int(seconds * mel.RATE_HZ)) / mel.RATE_HZ)


def test_a_full_scale_sine_at_a_bin_centre_is_0_db() -> None:
    # the bin nearest to a filter's peak: what the filter's slope takes is known
    matrix = mel.mel_matrix()
    band = 10
    peak = int(np.argmax(matrix[band]))
    _, codes = mel.frames(mel.MelState(), tone(peak * 15.625))
    expected_db = 10 * np.log10(matrix[band, peak - 1 : peak + 2] @ [0.25, 1.0, 0.25])
    assert mel.codes_to_db(codes)[-1, band] == pytest.approx(expected_db, abs=0.25)


def test_one_second_gives_eight_frames_and_only_the_first_of_a_session_is_missing() -> None:
    state, first = mel.frames(mel.MelState(), tone(440.0, 1.0))
    _, second = mel.frames(state, tone(440.0, 1.0))
    assert first.shape == second.shape == (8, 32)
    assert (first[0] == mel.NO_FRAME).all()
    assert (first[1:] != mel.NO_FRAME).all()
    assert (second != mel.NO_FRAME).all()


def test_silence_is_code_zero() -> None:
    _, codes = mel.frames(mel.MelState(), np.zeros(16_000))
    assert (codes[1:] == 0).all()


def test_a_state_is_not_changed_by_use() -> None:
    state, _ = mel.frames(mel.MelState(), tone(300.0, 0.9))
    once = mel.frames(state, tone(500.0, 1.0))[1]
    again = mel.frames(state, tone(500.0, 1.0))[1]
    assert (once == again).all()
    with pytest.raises(ValueError, match="read-only"):
        state.tail[0] = 0.0
