"""A whole sound, second by second, to its end."""

import numpy as np
import pytest
from numpy.typing import NDArray

from acoustics.decibels import leq
from hearing.clips import Patches
from hearing.listening import Listened, listened, rates_of
from hearing.manifest import Input, Manifest
from tests.unit.hearing.manifests import manifest

RATE_HZ = 16_000
CODES = Input(frontend="mel32x8", rate_hz=RATE_HZ, shape=(32, 32))
WAVEFORM = Input(frontend="waveform", rate_hz=RATE_HZ, shape=(RATE_HZ // 2,))


class Last:
    """A siren where what it was given ends in no silence."""

    def __init__(self, wanted: Input) -> None:
        self.manifest: Manifest = manifest(input=wanted)

    def scores(self, patches: Patches, /) -> np.ndarray:
        ends = np.abs(patches[:, -100:].reshape(len(patches), -1)).max(axis=1) > 0
        return np.stack([ends, np.zeros_like(ends)], axis=1).astype(np.float32)


def tone(seconds: float) -> NDArray[np.float64]:
    return 0.1 * np.sin(2 * np.pi * 1000 * np.arange(round(seconds * RATE_HZ)) / RATE_HZ)


def heard(*sounds: NDArray[np.float64], wanted: Input = CODES) -> Listened:
    listener = Last(wanted)
    assert rates_of(listener, RATE_HZ) == {RATE_HZ}
    return listened([{RATE_HZ: sound} for sound in sounds], listener, RATE_HZ)


@pytest.mark.parametrize("wanted", [CODES, WAVEFORM])
def test_what_is_left_over_at_the_end_is_heard(wanted: Input) -> None:
    found = heard(np.zeros(RATE_HZ), tone(0.9), wanted=wanted)
    assert found.length_s == 1.9
    assert [second.lafmax_db for second in found.measured] == [-120, pytest.approx(-20, abs=0.1)]
    assert leq([second.laeq_1s_db for second in found.measured]) == pytest.approx(-23.3, abs=0.3)
    assert found.silent == [True, False]
    assert [set(second) for second in found.told] == [set(), {"siren"}]


def test_the_last_second_reads_as_it_would_amid_the_sound() -> None:
    sound = np.random.default_rng(4).normal(0, 0.1, 20 * RATE_HZ) * np.linspace(0, 1, 20 * RATE_HZ)
    cut = heard(sound[: round(14.5 * RATE_HZ)]).measured[-1]
    amid = heard(sound[RATE_HZ // 2 :]).measured[13]
    for name in ("laeq_1s_db", "lafmax_db", "lasmax_db", "lcpeak_db"):
        assert getattr(cut, name) == pytest.approx(getattr(amid, name), abs=0.01)


@pytest.mark.parametrize(
    ("seconds", "rows"),
    [(0.4, 1), (1.0, 1), (1.12, 1), (1.125, 2), (1.99, 2), (2.0, 2), (14.5, 15)],
)
def test_less_than_a_frame_is_left_out(seconds: float, rows: int) -> None:
    found = heard(tone(seconds))
    assert [len(found.measured), len(found.told), len(found.silent)] == [rows] * 3


def test_pieces_make_the_sound_that_the_whole_would_be() -> None:
    sound = np.random.default_rng(4).normal(0, 0.1, round(13.3 * RATE_HZ))
    assert heard(*np.array_split(sound, 7)) == heard(sound)
