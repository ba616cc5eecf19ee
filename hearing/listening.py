"""A whole sound heard as a device hears it: level, labels and silence of each second. Pure.

What is left over after the last whole second is told by one more second, which ends with the sound.
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from acoustics import levels, mel
from hearing import clips, decide, patches
from hearing.clips import Listener
from schemas.messages import Levels

Samples = NDArray[np.float64]
ByRate = Mapping[int, Samples]
"""The same sound at several rates, Hz; full scale 1.0."""

SHORTEST_S: Final = 0.125
"""One frame: less is no sound to judge."""
_END_S: Final = 11
"""So much of the end tells the last second: the longest look, and filters that have settled."""


class Listened(NamedTuple):
    """One item for each second; levels re full scale, scores in per mille."""

    measured: list[Levels]
    told: list[Mapping[str, int]]
    silent: list[bool]
    length_s: float


def rates_of(listener: Listener, levels_hz: int) -> frozenset[int]:
    """Sample rates that `listened` needs, Hz."""
    return frozenset({mel.RATE_HZ, clips.rate_of(listener.manifest.input), levels_hz})


def listened(pieces: Iterable[ByRate], listener: Listener, levels_hz: int) -> Listened:
    """Hear a sound; what is shorter than a second is repeated to fill it.

    Parameters
    ----------
    pieces : iterable of mapping of int to ndarray of float64, shape (n,)
        At all of `rates_of(listener, levels_hz)`; together at least one sample of each.
    listener : Listener
        Gives the labels.
    levels_hz : int
        Levels are measured at this rate.

    Returns
    -------
    Listened
    """
    full_hz = clips.rate_of(listener.manifest.input)
    state, measured, end = levels.start(levels_hz), list[Levels](), np.empty(0)
    kept: dict[int, list[Samples]] = {mel.RATE_HZ: [], full_hz: []}
    for piece in pieces:
        state, seconds = levels.step(state, piece[levels_hz])
        measured.extend(seconds)
        end = np.concatenate([end, piece[levels_hz]])[-_END_S * levels_hz :]
        for rate_hz, samples in piece.items():
            if rate_hz in kept:
                kept[rate_hz].append(samples)
    if not measured or _is_heard(len(state.pending), levels_hz):
        _, seconds = levels.step(levels.start(levels_hz), _end_of(end, levels_hz))
        measured.append(seconds[-1])
    whole = {rate_hz: np.concatenate(kept.pop(rate_hz)) for rate_hz in tuple(kept)}
    told, silent = _labels(whole[mel.RATE_HZ], whole[full_hz], listener)
    return Listened(measured, told, silent, len(whole[mel.RATE_HZ]) / mel.RATE_HZ)


def _labels(
    sound: Samples, full_band: Samples, listener: Listener
) -> tuple[list[Mapping[str, int]], list[bool]]:
    """Labels of each second, and whether it was silent."""
    seconds, left = divmod(len(sound), mel.RATE_HZ)
    seconds = max(1, seconds)
    full_hz = clips.rate_of(listener.manifest.input)
    codes = [clips.session_patches(_filled(sound, seconds * mel.RATE_HZ))]
    scores = [clips.second_scores(_filled(full_band, seconds * full_hz), listener)]
    if len(sound) >= mel.RATE_HZ and _is_heard(left, mel.RATE_HZ):
        codes.append(clips.session_patches(_end_of(sound, mel.RATE_HZ))[-1:])
        scores.append(clips.last_score(_end_of(full_band, full_hz), listener))
    silent = [bool(quiet) for quiet in patches.is_silent(np.concatenate(codes))]
    return decide.reported(np.concatenate(scores), silent, listener.manifest), silent


def _is_heard(left: int, rate_hz: int) -> bool:
    """Whether samples behind the last whole second are enough to hear."""
    return left >= SHORTEST_S * rate_hz


def _end_of(sound: Samples, rate_hz: int) -> Samples:
    """The last whole seconds of a sound; what is shorter than one is repeated to fill it."""
    if len(sound) < rate_hz:
        return _filled(sound, rate_hz)
    return sound[len(sound) % rate_hz :][-_END_S * rate_hz :]


def _filled(sound: Samples, samples: int) -> Samples:
    """The beginning of a sound, repeated where it is too short; a view where it is not."""
    return sound[:samples] if len(sound) >= samples else np.resize(sound, samples)
