"""How much of the words is left: a recogniser's word error rate, and intelligibility by STOI."""

import re
from functools import cache
from typing import Final, NamedTuple, Protocol

import jiwer
import numpy as np
import pocketsphinx
import pystoi
from numpy.typing import NDArray

from acoustics import mel

_PEAK: Final = 0.5
_GUESSES: Final = 5000  # at a time; the default of 30,000 hears the same in twice the time
_SILENCE: Final = "silence"  # where nothing was recognised: no word of ours, so all are wrong


class _Decoder(Protocol):
    def start_utt(self) -> None: ...

    def process_raw(self, data: bytes, *, full_utt: bool) -> object: ...

    def end_utt(self) -> None: ...

    def hyp(self) -> object: ...


class Heard(NamedTuple):
    """One sound as the recogniser took it, beside what was said."""

    said: str
    heard: str
    stoi: float


def recognised(sound: NDArray[np.float64]) -> str:
    """Words that pocketsphinx (en-US) hears in 16 kHz sound, at an even level."""
    loudest = max(1e-9, float(np.abs(sound).max()))
    pcm = (sound * (_PEAK / loudest) * 32767).astype("<i2")
    decoder = _decoder()
    decoder.start_utt()
    decoder.process_raw(pcm.tobytes(), full_utt=True)
    decoder.end_utt()
    best = decoder.hyp()
    return str(getattr(best, "hypstr", "")) or _SILENCE


def heard(said: str, original: NDArray[np.float64], sound: NDArray[np.float64]) -> Heard:
    """What is understood of a sound that was made from features of the original."""
    intelligible = float(pystoi.stoi(original, sound, mel.RATE_HZ))
    return Heard(spoken(said), recognised(sound), round(intelligible, 3))


def spoken(text: str) -> str:
    """A transcript in the recogniser's spelling.

    >>> spoken("Twenty-five, the Service's own.")
    "twenty five the service's own"
    """
    return re.sub(r"[^a-z']+", " ", text.lower()).strip()


def word_error_rate(results: list[Heard]) -> float:
    """Wrong, missing and added words for each word said."""
    return float(jiwer.wer([each.said for each in results], [each.heard for each in results]))


def chance(results: list[Heard]) -> float:
    """Word error rate of the same guesses against other sentences: what luck alone gives."""
    half = len(results) // 2
    others = results[half:] + results[:half]
    said, guessed = [each.said for each in others], [each.heard for each in results]
    return float(jiwer.wer(said, guessed))


@cache
def _decoder() -> _Decoder:
    decoder: _Decoder = pocketsphinx.Decoder(
        samprate=mel.RATE_HZ, maxhmmpf=_GUESSES, loglevel="FATAL"
    )
    return decoder
