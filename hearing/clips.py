"""A whole recording heard by any model, look by look: codes or full band, short or long."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from acoustics import mel
from acoustics.clips import looped_codes, without_silence
from hearing import decide, looks, patches
from hearing.decide import Scores
from hearing.looks import Look
from hearing.manifest import Input, Manifest

Patches = NDArray[np.uint8] | NDArray[np.float32]

_BATCH: Final = 64  # looks scored together: hours of sound take no more memory than a minute
_REST: Final = 0.25  # a look of its own is worth so much of a second left over


class Listener(Protocol):
    """What hears: a model, or whatever scores patches."""

    @property
    def manifest(self) -> Manifest:
        """What it is given, and what it tells."""
        ...

    def scores(self, patches: Patches, /) -> Scores:
        """Calibrated scores, float32 [n, labels], of patches [n, ...]."""
        ...


def rate_of(wanted: Input) -> int:
    """Sample rate that a recording must be given at, Hz.

    Examples
    --------
    >>> rate_of(Input(frontend="mn128", rate_hz=32_000, shape=(1, 128, 400)))
    32000
    """
    return mel.RATE_HZ if wanted.frontend == "mel32x8" else looks.of(wanted).rate_hz


def clip_scores(sound: NDArray[np.float64], listener: Listener) -> Scores:
    """Scores of a labelled recording: without its padding, a short one played over and over.

    Parameters
    ----------
    sound : ndarray of float64, shape (n,), n >= 1
        At `rate_of(listener.manifest.input)`, full scale 1.0.
    listener : Listener
        Who listens.

    Returns
    -------
    ndarray of float32, shape (looks, labels), looks >= 1
        One row a look; each begins a second after the one before.
    """
    heard, wanted = without_silence(sound), listener.manifest.input
    if wanted.frontend == "mel32x8":
        return _of_codes(patches.of_clip(looped_codes(heard)), listener)
    look = looks.of(wanted)
    long = heard if len(heard) >= look.samples else np.resize(heard, look.samples)
    return _of_looks((long[n : n + look.samples] for n in _starts(len(long), look)), look, listener)


def second_scores(sound: NDArray[np.float64], listener: Listener) -> Scores:
    """Scores of each second, as a device hears it: by the look that ends with it.

    Parameters
    ----------
    sound : ndarray of float64, shape (n,), n >= 1 s
        At `rate_of(listener.manifest.input)`, full scale 1.0.
    listener : Listener
        Who listens.

    Returns
    -------
    ndarray of float32, shape (whole seconds, labels)
        Before the first second there was silence.
    """
    wanted = listener.manifest.input
    if wanted.frontend == "mel32x8":
        return _of_codes(session_patches(sound), listener)
    look = looks.of(wanted)
    ends = range(look.rate_hz, len(sound) + 1, look.rate_hz)
    padded = np.concatenate([np.zeros(look.samples), sound])
    return _of_looks((padded[end : end + look.samples] for end in ends), look, listener)


def last_score(sound: NDArray[np.float64], listener: Listener) -> Scores:
    """Scores of the second that a sound ends with, as a device hears it.

    Parameters
    ----------
    sound : ndarray of float64, shape (n,), whole seconds
        At `rate_of(listener.manifest.input)`, full scale 1.0.
    listener : Listener
        Who listens.

    Returns
    -------
    ndarray of float32, shape (1, labels)
        Before the sound there was silence.
    """
    wanted = listener.manifest.input
    if wanted.frontend == "mel32x8":
        return _of_codes(session_patches(sound)[-1:], listener)
    look = looks.of(wanted)
    padded = np.concatenate([np.zeros(look.samples), sound])
    return _of_looks(iter([padded[-look.samples :]]), look, listener)


def windows(
    sound: NDArray[np.float64], rate_hz: int, length_s: float, hop_s: float
) -> Iterator[tuple[int, NDArray[np.float64], int]]:
    """Cut a recording into whole windows; what is shorter than one is a window too.

    Parameters
    ----------
    sound : ndarray of float64, shape (n,)
        A recording.
    rate_hz : int
        Its rate, Hz.
    length_s, hop_s : float
        Of a window, and from one to the next, s.

    Yields
    ------
    int, ndarray of float64, int
        Where a window begins, its samples, and how many of them no window before it held.

    Examples
    --------
    >>> [(at, len(part), new) for at, part, new in windows(np.zeros(35), 10, 2, 1)]
    [(0, 20, 20), (10, 20, 10)]
    """
    length, hop = round(length_s * rate_hz), round(hop_s * rate_hz)
    for start in range(0, max(1, len(sound) - length + 1), hop):
        part = sound[start : start + length]
        yield start, part, min(hop, len(part)) if start else len(part)


def session_patches(sound: NDArray[np.float64]) -> NDArray[np.uint8]:
    """The patch of each second of a session that begins with a sound.

    Parameters
    ----------
    sound : ndarray of float64, shape (n,)
        At 16 kHz, full scale 1.0.

    Returns
    -------
    ndarray of uint8, shape (whole seconds, 32, 32)
        Mel codes.
    """
    return patches.of_readings(patches.behind_silence(mel.frames(mel.MelState(), sound)[1]))


def _of_codes(codes: NDArray[np.uint8], listener: Listener) -> Scores:
    parts = np.array_split(codes, 1 + len(codes) // _BATCH)
    return np.concatenate([listener.scores(part) for part in parts])


def _of_looks(sounds: Iterator[NDArray[np.float64]], look: Look, listener: Listener) -> Scores:
    found: list[Scores] = []
    while batch := list(islice(sounds, _BATCH)):
        made = [look.patches(sound.astype(np.float32)) for sound in batch]
        scores = listener.scores(np.concatenate(made))
        ends = np.cumsum([len(part) for part in made])[:-1]
        found.extend(decide.soft_vote(part) for part in np.split(scores, ends))
    return _stacked(found, listener)


def _stacked(found: Sequence[Scores], listener: Listener) -> Scores:
    return np.stack(found) if found else np.empty((0, len(listener.manifest.labels)), np.float32)


def _starts(samples: int, look: Look) -> Iterator[int]:
    """A second apart, and one more if much were left over at the end."""
    last = samples - look.samples
    yield from range(0, last + 1, look.rate_hz)
    if last % look.rate_hz >= _REST * look.rate_hz:
        yield last
