"""`ast128`: Kaldi's log filter bank, 128 bands, 10 ms apart, as AST was trained on."""

from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hearing.frontends.spectra import Sound
from schemas.errors import BadConfig

RATE_HZ: Final = 16_000
BANDS: Final = 128
FRAMES: Final = 1024
MEAN: Final = -4.2677393
DEVIATION: Final = 4.5689974
"""Of AudioSet's filter banks; AST divides by twice as much."""
LOOK: Final = 4 * RATE_HZ
"""AST takes up to 10.24 s; more than the last 4 s would name what is long gone."""


def filter_bank(sound: Sound) -> NDArray[np.float32]:
    """Kaldi's filter bank of a sound, without dither.

    Parameters
    ----------
    sound : ndarray of float32, shape (n,), n >= 400
        At 16 kHz, full scale 1.0.

    Returns
    -------
    ndarray of float32, shape (1 + (n - 400) // 160, 128)
        Natural logarithm of power.
    """
    bank = _maker()
    bank.accept_waveform(RATE_HZ, sound)
    bank.input_finished()
    return np.stack([bank.get_frame(n) for n in range(bank.num_frames_ready)])


def patches(sound: Sound, frames: int = FRAMES) -> NDArray[np.float32]:
    """One patch of a sound, padded with zeros or cut, then normalised.

    Parameters
    ----------
    sound : ndarray of float32, shape (n,), n >= 400
        At 16 kHz, full scale 1.0.
    frames : int
        How many the model takes.

    Returns
    -------
    ndarray of float32, shape (1, frames, 128)
    """
    bank = filter_bank(sound - sound.mean())[:frames]
    padded = np.pad(bank, ((0, frames - len(bank)), (0, 0)))
    return ((padded - np.float32(MEAN)) / np.float32(2 * DEVIATION))[None]


def _maker() -> Any:  # noqa: ANN401  # it comes without types
    kaldi, options = _options()
    return kaldi.OnlineFbank(options)


@cache
def _options() -> tuple[Any, Any]:
    try:
        import kaldi_native_fbank as kaldi  # noqa: PLC0415  # only AST needs it
    except ImportError:
        raise BadConfig("front end ast128 needs kaldi-native-fbank (extra: agent)") from None
    options = kaldi.FbankOptions()
    options.frame_opts.samp_freq = RATE_HZ
    options.frame_opts.dither = 0.0
    options.frame_opts.window_type = "hanning"
    options.frame_opts.frame_shift_ms = 10.0
    options.frame_opts.frame_length_ms = 25.0
    options.mel_opts.num_bins = BANDS
    options.use_energy = False
    return kaldi, options
