"""Front ends against their published settings, written down once more and slowly."""

from typing import Any

import numpy as np
import pytest

from hearing import looks
from hearing.frontends import mobilenet, transformer, yamnet
from hearing.manifest import Input
from schemas.errors import BadConfig


def a_sound(rate_hz: int, seconds: float = 1.5) -> np.ndarray:
    """Noise, and a tone that rises through the bands."""
    t = np.arange(round(rate_hz * seconds)) / rate_hz
    chirp = np.sin(2 * np.pi * (200 * t + 1500 * t**2))
    noise = np.random.default_rng(2).normal(0, 0.02, len(t))
    return (0.3 * chirp + noise).astype(np.float32)


def mel(f: np.ndarray | float) -> np.ndarray:
    return 2595 * np.log10(1 + np.asarray(f) / 700)


def weight(bin_hz: float, low: float, middle: float, high: float) -> float:
    """Of a bin in a triangle, its edges in mel."""
    m = float(mel(bin_hz))
    if low < m <= middle:
        return (m - low) / (middle - low)
    return (high - m) / (high - middle) if middle < m < high else 0.0


def slow_filters(low_hz: float, high_hz: float, bands: int, fft: int, rate: int) -> np.ndarray:
    edges = np.linspace(mel(low_hz), mel(high_hz), bands + 2)
    return np.array(
        [
            [weight(n * rate / fft, *edges[band : band + 3]) for band in range(bands)]
            for n in range(fft // 2 + 1)
        ]
    )


def slow_kaldi(
    sound: np.ndarray,
    *,
    window: np.ndarray = np.hanning(400),  # noqa: B008  # never changed
    low_hz: float = 20,
    emphasis: float = 0.97,
) -> np.ndarray:
    """Kaldi's fbank of one frame after another: DC, pre-emphasis, window, power, mel, log."""
    filters = slow_filters(low_hz, 8000, 128, 512, 16_000)
    rows = []
    for start in range(0, len(sound) - 399, 160):
        frame = sound[start : start + 400].astype(np.float64)
        frame = frame - frame.mean()
        frame = np.append(frame[0] * (1 - emphasis), frame[1:] - emphasis * frame[:-1])
        power = np.abs(np.fft.rfft(frame * window, 512)) ** 2
        rows.append(np.log(np.maximum(power @ filters, 1.19209e-07)))
    return np.array(rows)


def test_the_filter_bank_of_ast_is_kaldis() -> None:
    pytest.importorskip("kaldi_native_fbank", reason="needs kaldi-native-fbank (extra: agent)")
    sound = a_sound(16_000)
    expected = slow_kaldi(sound)
    bank = transformer.filter_bank(sound)
    assert bank.shape == expected.shape == (148, 128)
    assert np.abs(bank - expected).max() < 0.01
    assert np.abs(bank - expected).mean() < 1e-4


@pytest.mark.parametrize(
    "wrong",
    [
        {"window": np.hanning(400) ** 0.85},  # Kaldi's own, called povey
        {"window": np.hamming(400)},
        {"window": np.hanning(401)[:-1]},  # periodic
        {"low_hz": 0.0},
        {"emphasis": 0.0},
        {"emphasis": 0.95},
    ],
)
def test_the_parity_with_kaldi_is_sharp_enough_to_tell_a_wrong_setting(
    wrong: dict[str, Any],
) -> None:
    pytest.importorskip("kaldi_native_fbank", reason="needs kaldi-native-fbank (extra: agent)")
    sound = a_sound(16_000, 0.5)
    bank = transformer.filter_bank(sound)
    assert np.abs(bank - slow_kaldi(sound)).mean() < 1e-4
    assert np.abs(bank - slow_kaldi(sound, **wrong)).mean() > 1e-3


def test_ast_is_given_1024_frames_normalised_as_it_was_trained() -> None:
    pytest.importorskip("kaldi_native_fbank", reason="needs kaldi-native-fbank (extra: agent)")
    sound = a_sound(16_000)
    (patch,) = transformer.patches(sound)
    expected = (slow_kaldi(sound - sound.mean()) + 4.2677393) / (2 * 4.5689974)
    assert patch.shape == (1024, 128)
    assert np.abs(patch[:148] - expected).max() < 0.002
    assert np.allclose(patch[148:], 4.2677393 / (2 * 4.5689974))
    (cut,) = transformer.patches(sound, frames=100)
    assert np.array_equal(cut, patch[:100])


def test_patches_of_yamnet_are_log_magnitudes_of_64_bands() -> None:
    sound = a_sound(16_000, 1.455)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    filters = slow_filters(125, 7500, 64, 512, 16_000)
    filters[0] = 0
    frames = [sound[n : n + 400] * window for n in range(0, len(sound) - 399, 160)]
    log_mel = np.log(np.abs(np.fft.rfft(frames, 512)) @ filters + 1e-3)
    patches = yamnet.patches(sound)
    assert patches.shape == (2, 96, 64)
    assert np.allclose(patches[0], log_mel[:96], atol=1e-4)
    assert np.allclose(patches[1], log_mel[48:144], atol=1e-4)


def test_the_last_patch_of_yamnet_ends_with_the_sound() -> None:
    sound = a_sound(16_000, 1.455)
    later = yamnet.patches(sound[1000:])
    assert np.allclose(later[-1], yamnet.patches(sound)[-1], atol=1e-5)


def test_patches_of_mobilenet_are_log_powers_of_128_bands() -> None:
    sound = a_sound(32_000)
    emphasised = sound[1:] - np.float32(0.97) * sound[:-1]
    padded = np.pad(emphasised.astype(np.float64), 512, mode="reflect")
    window = np.pad(np.hanning(800), 112)
    filters = slow_filters(0, 15_000, 128, 1024, 32_000)
    frames = [padded[n : n + 1024] * window for n in range(0, len(emphasised) + 1, 320)]
    log_mel = np.log(np.abs(np.fft.rfft(frames)) ** 2 @ filters + 1e-5)
    patches = mobilenet.patches(sound)
    assert patches.shape == (1, 1, 128, len(frames))
    assert np.allclose(patches[0, 0], (log_mel.T + 4.5) / 5, atol=1e-3)


@pytest.mark.parametrize(
    ("wanted", "seconds", "patches"),
    [
        (Input(frontend="yamnet64", rate_hz=16_000, shape=(96, 64)), 1.455, 2),
        (Input(frontend="mn128", rate_hz=32_000, shape=(1, 128, 400)), 3.99003125, 1),
        (Input(frontend="ast128", rate_hz=16_000, shape=(1024, 128)), 4.0, 1),
        (Input(frontend="waveform", rate_hz=16_000, shape=(15_600,)), 0.975, 1),
        (Input(frontend="mel64x100+32x8", rate_hz=16_000, shape=(204, 64)), 2.0, 1),
    ],
)
def test_a_look_makes_patches_of_the_shape_that_the_model_wants(
    wanted: Input, seconds: float, patches: int
) -> None:
    if wanted.frontend == "ast128":
        pytest.importorskip("kaldi_native_fbank", reason="needs kaldi-native-fbank (extra: agent)")
    look = looks.of(wanted)
    assert look.samples / look.rate_hz == pytest.approx(seconds)
    made = look.patches(a_sound(look.rate_hz, 5)[-look.samples :])
    assert made.shape == (patches, *wanted.shape)
    assert made.dtype == np.float32
    silent = look.patches(np.zeros(look.samples, np.float32))
    assert np.isfinite(silent).all()


@pytest.mark.parametrize(
    "wrong",
    [
        Input(frontend="yamnet64", rate_hz=16_000, shape=(96, 128)),
        Input(frontend="yamnet64", rate_hz=48_000, shape=(96, 64)),
        Input(frontend="mn128", rate_hz=32_000, shape=(128, 400)),
        Input(frontend="ast128", rate_hz=16_000, shape=(1, 1024, 128)),
        Input(frontend="waveform", rate_hz=16_000, shape=(1, 15_600)),
        Input(frontend="mel32x8", rate_hz=16_000, shape=(32, 32)),
    ],
)
def test_a_shape_that_the_front_end_does_not_make_is_a_mistake(wrong: Input) -> None:
    with pytest.raises(BadConfig, match=f"front end {wrong.frontend}"):
        looks.of(wrong)
