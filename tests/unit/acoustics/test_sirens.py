import numpy as np
import pytest

from acoustics import sirens


@pytest.mark.parametrize("kind", sirens.SIREN_KINDS)
@pytest.mark.parametrize("rate_hz", [16_000, 48_000])
def test_a_siren_has_rms_one_and_the_length_asked_for(kind: sirens.SirenKind, rate_hz: int) -> None:
    sound = sirens.siren(kind, 1.5, rate_hz, np.random.default_rng(2))
    assert sound.shape == (round(1.5 * rate_hz),)
    assert sound.dtype == np.float32
    assert np.sqrt(np.mean(sound.astype(np.float64) ** 2)) == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize("kind", sirens.SIREN_KINDS)
def test_the_same_seed_gives_the_same_siren(kind: sirens.SirenKind) -> None:
    once, again, other = (
        sirens.siren(kind, 1.0, 16_000, np.random.default_rng(seed)) for seed in (5, 5, 6)
    )
    assert (once == again).all()
    assert not (once == other).all()


def test_a_yelp_turns_many_times_where_a_wail_turns_once() -> None:
    t_s = np.arange(4000) / 1000
    turns = {
        kind: int((np.diff(np.sign(np.diff(sirens.pitch_contour_hz(kind, t_s, rng)))) != 0).sum())
        for kind in ("wail", "yelp", "piercer")
        for rng in [np.random.default_rng(8)]
    }
    assert turns["wail"] < 6 < turns["yelp"] < turns["piercer"]


@pytest.mark.parametrize("kind", sirens.SIREN_KINDS)
def test_pitch_stays_in_the_range_that_vehicles_use(kind: sirens.SirenKind) -> None:
    pitch_hz = sirens.pitch_contour_hz(kind, np.arange(9000) / 1000, np.random.default_rng(4))
    assert 330 <= pitch_hz.min() < pitch_hz.max() <= 1900
