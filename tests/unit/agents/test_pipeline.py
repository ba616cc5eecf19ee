from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from numpy.typing import NDArray

from acoustics import mel
from agents.batches import follows
from agents.calibration import SIMULATED, Calibration
from agents.pipeline import Block, PipelineState, start, step
from agents.reading import READING_CODE_BYTES, Reading
from schemas.errors import BadConfig
from schemas.messages import NO_FRAME

SESSION = "01JWZZZZZZZZZZZZZZZZZZZZZZ"
STARTED_AT = datetime(2026, 5, 4, 10, 15, 30, 123457, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def begun(rate_hz: int = 16_000) -> PipelineState:
    return start(SESSION, STARTED_AT, rate_hz, calibration=SIMULATED)


def noise(seconds: float, rate_hz: int = 16_000, seed: int = 1) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    return rng.normal(0, 0.01, round(seconds * rate_hz)).astype(np.float32)


def heard(state: PipelineState, blocks: Iterable[Block]) -> list[Reading]:
    readings: list[Reading] = []
    for block in blocks:
        state, done = step(state, block)
        readings.extend(done)
    return readings


def codes(reading: Reading) -> NDArray[np.uint8]:
    return np.frombuffer(reading.codes, np.uint8).reshape(8, 32)


def test_readings_count_from_zero_a_second_apart() -> None:
    readings = heard(begun(), [Block(noise(3.7))])
    assert [r.seq for r in readings] == [0, 1, 2]
    assert [r.started_at for r in readings] == [STARTED_AT + n * SECOND for n in range(3)]
    assert {r.session for r in readings} == {SESSION}
    assert {r.calibration for r in readings} == {"simulated"}
    assert {len(r.codes) for r in readings} == {READING_CODE_BYTES}


def test_a_reading_comes_with_the_block_that_completes_it() -> None:
    state, done = step(begun(), Block(noise(0.999)))
    assert done == ()
    _, done = step(state, Block(noise(0.001)))
    assert len(done) == 1


def test_only_the_first_frame_of_a_session_lacks_its_history() -> None:
    first, second = heard(begun(), [Block(noise(2))])
    assert (codes(first)[0] == NO_FRAME).all()
    assert (codes(first)[1:] != NO_FRAME).all()
    assert (codes(second) != NO_FRAME).all()


def test_the_frames_of_a_reading_end_with_its_last_sample() -> None:
    sound = noise(3)
    sound[32_000 - 2000 : 32_000] *= 30  # the last eighth of the second second
    _, second, third = heard(begun(), [Block(sound)])
    loud = codes(second).mean(axis=1)
    assert loud[7] > loud[:7].max() + 20
    assert codes(third)[1:].mean() < loud[7] - 20


def test_the_frames_are_those_of_the_mel_function() -> None:
    sound = noise(2)
    _, expected = mel.frames(mel.MelState(), sound)
    readings = heard(begun(), np_blocks(sound, 1234))
    assert b"".join(r.codes for r in readings) == expected.tobytes()


def np_blocks(sound: NDArray[np.float32], size: int) -> list[Block]:
    return [Block(sound[n : n + size]) for n in range(0, len(sound), size)]


def test_48_khz_gives_nearly_the_frames_of_the_same_sound_at_16_khz() -> None:
    t = np.arange(3 * 48_000) / 48_000
    sound = (0.1 * np.sin(2 * np.pi * 700 * t) + 0.05 * np.sin(2 * np.pi * 3000 * t)).astype(
        np.float32
    )
    fine = heard(begun(48_000), [Block(sound)])
    coarse = heard(begun(16_000), [Block(sound[::3])])
    assert [r.levels.laeq_1s_db for r in fine] == pytest.approx(
        [r.levels.laeq_1s_db for r in coarse], abs=0.15
    )
    near, far = codes(fine[2]).astype(int), codes(coarse[2]).astype(int)
    heard_bands = far > 120
    assert np.abs(near - far)[heard_bands].max() <= 1
    assert len(fine[0].levels.third_octaves_db) == 30
    assert len(coarse[0].levels.third_octaves_db) == 25


def test_an_overrun_drops_the_second_under_way_and_moves_the_time() -> None:
    blocks = [Block(noise(1.5)), Block(noise(2), lost_samples=4000)]
    first, second, third = heard(begun(), blocks)
    assert [first.seq, second.seq, third.seq] == [0, 1, 2]
    assert second.started_at - STARTED_AT == timedelta(seconds=1.75)
    assert third.started_at == second.started_at + SECOND
    assert not follows(first, second)
    assert follows(second, third)


def test_after_an_overrun_frames_and_levels_begin_anew() -> None:
    sound = noise(1)
    (fresh,) = heard(begun(), [Block(sound)])
    *_, after = heard(begun(), [Block(noise(2.25, seed=9)), Block(sound, lost_samples=77)])
    assert after.codes == fresh.codes
    assert after.levels == fresh.levels


def test_a_loss_of_whole_seconds_is_still_a_gap() -> None:
    blocks = [Block(noise(1.5)), Block(noise(1), lost_samples=8000)]
    first, second = heard(begun(), blocks)
    assert second.started_at == first.started_at + 2 * SECOND
    assert not follows(first, second)


def test_losses_add_up_without_drifting() -> None:
    blocks = [Block(noise(1, 48_000), lost_samples=1)] * 50
    last = heard(begun(48_000), blocks)[-1]
    expected = 49 * 1_000_000 + round(50 * 1_000_000 / 48_000)
    assert (last.started_at - STARTED_AT) / timedelta(microseconds=1) == expected


def test_readings_of_two_sessions_do_not_follow_each_other() -> None:
    (first,) = heard(begun(), [Block(noise(1))])
    other = start("01JX0000000000000000000000", STARTED_AT + SECOND, 16_000)
    (second,) = heard(other, [Block(noise(1))])
    assert not follows(first, second)
    assert second.calibration is None


def test_the_simulator_plays_94_db_at_minus_26_dbfs() -> None:
    amplitude = 10 ** (-26 / 20)
    tone = amplitude * np.sin(2 * np.pi * 1000 * np.arange(16_000) / 16_000)
    (reading,) = heard(begun(), [Block(tone.astype(np.float32))])
    assert reading.levels.laeq_1s_db == pytest.approx(94.0, abs=0.1)


def test_bad_samples_reach_neither_levels_nor_frames() -> None:
    sound = noise(3)
    sound[100:110] = np.nan
    sound[200:210] = np.inf
    clean = noise(3)
    clean[100:110] = 0.0
    clean[200:210] = 10.0
    assert heard(begun(), [Block(sound)]) == heard(begun(), [Block(clean)])


@pytest.mark.parametrize("rate_hz", [0, 8000, 44_100, 96_000])
def test_another_sample_rate_is_one_clear_line(rate_hz: int) -> None:
    with pytest.raises(BadConfig, match=f"sample rate {rate_hz} Hz: 16000 or 48000"):
        start(SESSION, STARTED_AT, rate_hz)


def test_a_microphones_response_is_undone_in_the_levels_and_not_in_the_frames() -> None:
    sound = noise(2)
    shaped = Calibration("a", -26.0, response=((20.0, 6.0), (1000.0, 0.0), (20_000.0, -6.0)))
    flat = heard(begun(), [Block(sound)])
    corrected = heard(start(SESSION, STARTED_AT, 16_000, calibration=shaped), [Block(sound)])
    assert corrected[1].levels.laeq_1s_db > flat[1].levels.laeq_1s_db + 0.5
    assert corrected[1].levels.third_octaves_db[0] < flat[1].levels.third_octaves_db[0] - 4
    assert [r.codes for r in corrected] == [r.codes for r in flat]


def test_overload_is_told_as_the_blocks_are_marked() -> None:
    loud, quiet = np.ones(1000, np.float32), np.zeros(1000, np.float32)
    mark = np.arange(1000) == 999
    blocks = [Block(quiet)] * 15 + [Block(quiet, clipped=mark)]
    blocks += [Block(loud, clipped=~mark & mark)] * 16 + [Block(loud)] * 16
    readings = heard(begun(), blocks)
    assert [reading.levels.overload for reading in readings] == [True, False, True]


def test_what_was_marked_before_a_gap_overloads_nothing_after_it() -> None:
    marked = Block(noise(0.5), clipped=np.ones(8000, np.bool_))
    readings = heard(begun(), [marked, Block(noise(1), lost_samples=10)])
    assert [reading.levels.overload for reading in readings] == [False]
