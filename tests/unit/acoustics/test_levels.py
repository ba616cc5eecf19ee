import numpy as np
import pytest
from numpy.typing import NDArray

from acoustics import levels
from schemas.messages import Levels

RATES_HZ = (16_000, 48_000)
SENSITIVITY_DBFS = -26.0


def tone(
    frequency_hz: float, rate_hz: int, *, rms_db: float, seconds: float
) -> NDArray[np.float64]:
    """Sine that reads `rms_db` on a device with the simulator's sensitivity."""
    amplitude = 10 ** ((rms_db - 94.0 + SENSITIVITY_DBFS) / 20)
    return amplitude * np.sin(
        2 * np.pi * frequency_hz * np.arange(round(seconds * rate_hz)) / rate_hz
    )


def measured(sound: NDArray[np.float64], rate_hz: int) -> tuple[Levels, ...]:
    state = levels.start(rate_hz, sensitivity_dbfs_at_94=SENSITIVITY_DBFS)
    return levels.step(state, sound)[1]


def numbers(second: Levels) -> list[float]:
    return [
        second.laeq_1s_db,
        second.lceq_1s_db,
        second.lzeq_1s_db,
        second.lafmax_db,
        second.lasmax_db,
        second.lcpeak_db,
        *second.third_octaves_db,
    ]


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("level_db", [94.0, 114.0])
def test_a_calibrator_reads_its_level_in_a_c_and_z(rate_hz: int, level_db: float) -> None:
    seconds = measured(tone(1000, rate_hz, rms_db=level_db, seconds=4), rate_hz)
    for second in seconds:
        assert second.laeq_1s_db == pytest.approx(level_db, abs=0.1)
        assert second.lceq_1s_db == pytest.approx(level_db, abs=0.1)
        assert second.lzeq_1s_db == pytest.approx(level_db, abs=0.1)
        assert second.lafmax_db == pytest.approx(level_db, abs=0.1)
        assert second.lasmax_db == pytest.approx(level_db, abs=0.1)
        assert second.third_octaves_db[16] == pytest.approx(level_db, abs=0.3)
        assert not second.overload
        assert not second.floor
    # what was before the first second is unknown, so its beginning may be a small peak
    for second, above_db in zip(seconds, (0.7, 0.02, 0.02, 0.02), strict=True):
        assert second.lcpeak_db == pytest.approx(level_db + 3.01, abs=above_db)


def test_without_a_calibration_a_full_scale_sine_is_0_db() -> None:
    sine = np.sin(2 * np.pi * 1000 * np.arange(32_000) / 16_000)
    _, (_, second) = levels.step(levels.start(16_000), sine)
    assert second.lzeq_1s_db == pytest.approx(0.0, abs=0.01)
    assert second.lcpeak_db == pytest.approx(3.01, abs=0.02)
    assert second.overload


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_an_offset_of_the_sound_card_is_no_sound(rate_hz: int) -> None:
    second = measured(tone(1000, rate_hz, rms_db=60.0, seconds=2) + 0.1, rate_hz)[1]
    assert second.lzeq_1s_db == pytest.approx(60.0, abs=0.05)
    assert second.laeq_1s_db == pytest.approx(60.0, abs=0.05)
    assert second.lcpeak_db == pytest.approx(63.0, abs=0.1)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_digital_silence_is_minus_120_db_and_below_the_floor(rate_hz: int) -> None:
    _, (second,) = levels.step(levels.start(rate_hz), np.zeros(rate_hz))
    assert set(numbers(second)) == {-120.0}
    assert second.floor
    assert not second.overload


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf"), 1e300])
def test_bad_samples_give_numbers_and_do_not_poison_what_follows(bad: float) -> None:
    sound = np.random.default_rng(1).normal(0, 0.01, 48_000)
    sound[4000:4010] = bad
    first, _, third = measured(sound, 16_000)
    assert all(-120 <= level <= 140 for level in numbers(first))
    assert first.overload == (not np.isnan(bad))
    clean = measured(np.random.default_rng(1).normal(0, 0.01, 48_000), 16_000)[2]
    assert third.laeq_1s_db == pytest.approx(clean.laeq_1s_db, abs=0.02)


def test_a_full_scale_square_wave_overloads_and_reads_3_db_above_a_sine() -> None:
    square = np.sign(np.sin(2 * np.pi * 125.5 * np.arange(16_000) / 16_000 + 0.01))
    _, (second,) = levels.step(levels.start(16_000), square)
    assert second.overload
    assert second.lzeq_1s_db == pytest.approx(3.01, abs=0.02)


def test_the_largest_16_bit_sample_is_an_overload_and_less_is_not() -> None:
    sound = np.zeros(16_000)
    sound[77] = 32_767 / 32_768
    assert levels.step(levels.start(16_000), sound)[1][0].overload
    sound[77] = 32_766 / 32_768
    assert not levels.step(levels.start(16_000), sound)[1][0].overload


def test_the_microphones_own_noise_is_marked() -> None:
    hiss = np.random.default_rng(2).normal(0, 1, 16_000)
    for level_db, floor in ((-95.0, True), (-85.0, False)):
        noise = hiss * 10 ** (level_db / 20) / np.sqrt(2)
        assert levels.step(levels.start(16_000), noise)[1][0].floor == floor


@pytest.mark.parametrize("sensitivity_dbfs", [-48.0, -26.0, -10.0])
def test_the_own_noise_of_a_calibrated_microphone_is_30_db(sensitivity_dbfs: float) -> None:
    hiss = np.random.default_rng(2).normal(0, 1, 16_000)
    state = levels.start(16_000, sensitivity_dbfs_at_94=sensitivity_dbfs)
    for level_db, floor in ((25.0, True), (35.0, False)):
        noise = hiss * 10 ** ((level_db - 94.0 + sensitivity_dbfs) / 20) / np.sqrt(2)
        assert levels.step(state, noise)[1][0].floor == floor


def test_seconds_are_given_as_they_are_complete() -> None:
    state = levels.start(16_000)
    state, seconds = levels.step(state, np.zeros(15_999))
    assert seconds == ()
    state, seconds = levels.step(state, np.zeros(1))
    assert len(seconds) == 1
    _, seconds = levels.step(state, np.zeros(40_000))
    assert len(seconds) == 2


def test_blocks_of_one_sample_give_the_same_levels() -> None:
    sound = np.random.default_rng(3).normal(0, 0.01, 16_000)
    state = levels.start(16_000)
    measured_by_one: list[Levels] = []
    for n in range(len(sound)):
        state, seconds = levels.step(state, sound[n : n + 1])
        measured_by_one.extend(seconds)
    assert tuple(measured_by_one) == levels.step(levels.start(16_000), sound)[1]
