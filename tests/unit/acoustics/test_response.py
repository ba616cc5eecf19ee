import numpy as np
import pytest

from acoustics import levels
from acoustics.response import correction, parse
from schemas.errors import BadConfig

RATES_HZ = (16_000, 48_000)
# a MEMS capsule behind its port: weak in the bass, a resonance in the treble
PORTED = parse("20 -6\n50 -3\n100 -1\n500 0\n1000 0\n4000 1\n8000 6\n16000 2\n")


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize(
    ("frequency_hz", "response_db"), [(50.0, -3.0), (1000.0, 0.0), (4000.0, 1.0), (7000.0, 5.04)]
)
def test_what_the_microphone_does_is_undone(
    rate_hz: int, frequency_hz: float, response_db: float
) -> None:
    t = np.arange(3 * rate_hz) / rate_hz
    heard = 0.01 * 10 ** (response_db / 20) * np.sin(2 * np.pi * frequency_hz * t)
    true = levels.step(levels.start(rate_hz), 0.01 * np.sin(2 * np.pi * frequency_hz * t))[1][2]
    state = levels.start(rate_hz, correction=correction(PORTED, rate_hz))
    corrected = levels.step(state, heard)[1][2]
    assert corrected.lzeq_1s_db == pytest.approx(true.lzeq_1s_db, abs=0.03)
    assert corrected.laeq_1s_db == pytest.approx(true.laeq_1s_db, abs=0.03)
    assert corrected.lafmax_db == pytest.approx(true.lafmax_db, abs=0.03)
    loudest = int(np.argmax(true.third_octaves_db))
    assert corrected.third_octaves_db[loudest] == pytest.approx(
        true.third_octaves_db[loudest], abs=0.1
    )


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_the_correction_is_causal_and_short(rate_hz: int) -> None:
    kick = np.fft.irfft(correction(PORTED, rate_hz))
    energy = np.square(kick)
    assert energy[: rate_hz // 2].sum() > (1 - 1e-5) * energy.sum()


def test_a_flat_response_corrects_nothing() -> None:
    assert np.abs(correction(((20.0, 0.0), (20_000.0, 0.0)), 16_000) - 1).max() < 1e-12


def test_a_file_of_a_maker_is_read() -> None:
    text = '"Sens Factor =-1.378dB, SERNO: 7000000"\n10.054\t-4.8\n1000.0\t0.2\n20016.8\t1.2\n'
    assert parse(text) == ((10.054, -5.0), (1000.0, 0.0), (20016.8, 1.0))


@pytest.mark.parametrize(
    "text",
    [
        "31,5;-4,2\n100,0;-1,9\n1000,0;0,0\n8000,0;2,5",
        "31,5\t-4,2\n100\t-1,9\n1000\t0\n8000\t2,5",
        "31,5; -4,2; 0,1\n100 ;-1,9\n1000;0\n8000;2,5",
        "31.5,-4.2\n100,-1.9\n1000,0\n8000,2.5,",
        "31.5, -4.2, 0\n100 , -1.9\n1000, 0\n8000, 2.5",
    ],
)
def test_a_comma_is_a_decimal_comma_where_something_else_separates(text: str) -> None:
    assert parse(text) == ((31.5, -4.2), (100.0, -1.9), (1000.0, 0.0), (8000.0, 2.5))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "lines of Hz and dB are needed"),
        ("1000 0", "lines of Hz and dB are needed"),
        ("words only\nand more", "lines of Hz and dB are needed"),
        ("1000 nan\n2000 inf", "lines of Hz and dB are needed"),
        ("1000 0\n500 0\n2000 0", "must ascend"),
        ("-5 0\n2000 0", "must reach over 1000 Hz"),
        ("2000 0\n4000 0", "must reach over 1000 Hz"),
        ("100 0\n1,000.5\t-3\n2000 0", "'1,000.5.*-3': is that a decimal comma"),
        ("20,1 0.5\n2000 0", "'20,1 0.5': is that a decimal comma"),
        ("100 0\n4000 90", "more than 20 dB"),
    ],
)
def test_anything_else_is_one_clear_line(text: str, complaint: str) -> None:
    with pytest.raises(BadConfig, match=complaint) as error:
        parse(text)
    assert "\n" not in str(error.value)
