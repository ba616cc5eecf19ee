"""Every look of every front end, given to a listener that remembers what it was given."""

import numpy as np
import pytest

from acoustics.clips import without_silence
from hearing import clips, looks
from hearing.clips import Patches
from hearing.manifest import Input, Manifest
from tests.unit.hearing.manifests import manifest

YAMNET = Input(frontend="yamnet64", rate_hz=16_000, shape=(96, 64))
MOBILENET = Input(frontend="mn128", rate_hz=32_000, shape=(1, 128, 100))
STREET = Input(frontend="mel64x100", rate_hz=16_000, shape=(196, 64))
WAVEFORM = Input(frontend="waveform", rate_hz=8_000, shape=(12_000,))
CODES = Input(frontend="mel32x8", rate_hz=16_000, shape=(32, 32))


class Listener:
    """Scores a patch by its mean."""

    def __init__(self, wanted: Input) -> None:
        self.manifest: Manifest = manifest(input=wanted)
        self.given: list[Patches] = []

    def scores(self, patches: Patches, /) -> np.ndarray:
        self.given.append(patches)
        means = patches.reshape(len(patches), -1).mean(axis=1, dtype=np.float64)
        return np.stack([means, means], axis=1).astype(np.float32)


def noise(seconds: float, wanted: Input) -> np.ndarray:
    rate_hz = clips.rate_of(wanted)
    return np.random.default_rng(3).normal(0, 0.1, round(seconds * rate_hz))


@pytest.mark.parametrize(("wanted", "looks_of_5_s"), [
    (YAMNET, 5), (MOBILENET, 5), (STREET, 4), (WAVEFORM, 5), (CODES, 2),
])  # fmt: skip
def test_every_front_end_gets_its_own_patches(wanted: Input, looks_of_5_s: int) -> None:
    listener = Listener(wanted)
    assert len(clips.clip_scores(noise(5, wanted), listener)) == looks_of_5_s
    assert {patches.shape[1:] for patches in listener.given} == {wanted.shape}
    kind = np.uint8 if wanted is CODES else np.float32
    assert {patches.dtype for patches in listener.given} == {np.dtype(kind)}


@pytest.mark.parametrize("wanted", [YAMNET, MOBILENET, STREET, WAVEFORM, CODES])
def test_a_device_gets_a_row_a_second_and_starts_in_silence(wanted: Input) -> None:
    sound = noise(3.4, wanted)
    listener = Listener(wanted)
    scores = clips.second_scores(sound, listener)
    assert scores.shape == (3, 2)
    later = clips.second_scores(np.concatenate([sound, sound]), listener)[:3]
    assert np.allclose(later, scores, atol=1e-6)


def test_the_look_of_a_second_ends_with_it() -> None:
    look = looks.of(WAVEFORM)
    sound = np.arange(3 * look.rate_hz) / 1e5
    expected = sound[2 * look.rate_hz - look.samples : 2 * look.rate_hz].mean()
    assert clips.second_scores(sound, Listener(WAVEFORM))[1, 0] == pytest.approx(expected)


def test_a_short_clip_is_played_over_and_over() -> None:
    sound = noise(0.3, WAVEFORM)
    listener = Listener(WAVEFORM)
    clips.clip_scores(sound, listener)
    (patch,) = listener.given[0]
    assert patch == pytest.approx(np.resize(without_silence(sound), 12_000), abs=1e-6)


def test_an_hour_is_heard_a_batch_at_a_time() -> None:
    listener = Listener(WAVEFORM)
    assert len(clips.clip_scores(noise(100, WAVEFORM), listener)) == 100
    assert max(len(patches) for patches in listener.given) <= 64
