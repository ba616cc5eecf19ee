import numpy as np

from hearing import patches


def test_a_patch_ends_with_its_reading() -> None:
    codes = np.arange(24 + 8 * 3, dtype=np.uint8)[:, None].repeat(32, axis=1)
    of_readings = patches.of_readings(codes)
    assert of_readings.shape == (3, 32, 32)
    assert of_readings[:, -1, 0].tolist() == [31, 39, 47]
    assert of_readings[:, 0, 0].tolist() == [0, 8, 16]
    assert (of_readings[1, 5] == codes[13]).all()


def test_the_context_alone_is_no_reading() -> None:
    assert patches.of_readings(np.zeros((24, 32), np.uint8)).shape == (0, 32, 32)


def test_a_session_starts_behind_frames_that_were_never_heard() -> None:
    codes = patches.behind_silence(np.zeros((16, 32), np.uint8))
    assert patches.of_readings(codes).shape == (2, 32, 32)
    assert (codes[:24] == 255).all()


def test_only_the_last_second_decides_about_silence() -> None:
    loud_before = np.zeros((1, 32, 32), np.uint8)
    loud_before[0, :24] = 200
    loud_now = np.zeros((1, 32, 32), np.uint8)
    loud_now[0, 24:] = 200
    assert patches.is_silent(loud_before).tolist() == [True]
    assert patches.is_silent(loud_now).tolist() == [False]


def test_no_frame_at_all_is_silence() -> None:
    assert patches.is_silent(np.full((1, 32, 32), 255, np.uint8)).tolist() == [True]


def test_the_gate_lies_at_its_level() -> None:
    # 32 bands of x dB are x + 15.05 dB together
    for code, silent in ((18, True), (22, False)):
        assert patches.is_silent(np.full((1, 32, 32), code, np.uint8)).tolist() == [silent]


def test_a_short_clip_is_played_again_and_a_long_one_cut_every_second() -> None:
    short = np.arange(5, dtype=np.uint8)[:, None].repeat(32, axis=1)
    assert patches.of_clip(short)[0, :, 0].tolist() == [n % 5 for n in range(32)]
    assert len(patches.of_clip(np.zeros((32 + 8 * 4 + 7, 32), np.uint8))) == 5
