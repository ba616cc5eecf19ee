"""Our mel frames beside librosa's; here because librosa takes seconds to import."""

import librosa
import numpy as np

from acoustics import mel


def test_the_matrix_is_librosas() -> None:
    theirs = librosa.filters.mel(
        sr=16_000, n_fft=1024, n_mels=32, fmin=50.0, fmax=8000.0, htk=False, norm=None
    )
    assert np.allclose(mel.mel_matrix(), theirs, atol=1e-6)


def test_codes_agree_with_librosas_spectrogram() -> None:
    sound = 0.1 * np.random.default_rng(3).standard_normal(48_000)
    # librosa's column 0 ends at sample 1,024; ours ends at 200 (c + 1), so shift by a whole
    # frame's worth: our column 10 covers samples 1,176 to 2,200
    theirs = librosa.feature.melspectrogram(
        y=sound[1176:], sr=16_000, n_fft=1024, hop_length=200, center=False, window="hann",
        power=2.0, n_mels=32, fmin=50.0, fmax=8000.0, htk=False, norm=None,
    ) / 256.0**2  # fmt: skip
    count = theirs.shape[1] // 10
    means = theirs[:, : count * 10].reshape(32, count, 10).mean(axis=2).T
    _, codes = mel.frames(mel.MelState(), sound)
    ours = codes[1 : 1 + count].astype(int)
    difference = np.abs(ours - mel.power_to_codes(means).astype(int))
    assert difference.max() <= 1
    assert (difference > 0).mean() < 1e-3
