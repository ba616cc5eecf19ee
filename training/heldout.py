"""Every shared recording heard by a model that never heard its source: what accounts rest on."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hearing import clips as hearing_clips
from hearing.adapters import runtime
from hearing.adapters.recordings import read_mono
from hearing.clips import Listener
from hearing.heard import Heard
from hearing.judging import Report, judge
from hearing.manifest import Manifest
from training.datasets import Clip

UNNAMED: Final = "unnamed"
"""Label of a recording that holds no label of ours: a negative for all of them."""


@dataclass(frozen=True, eq=False)
class HeldOut:
    """A clip, and what was heard of it."""

    clip: Clip
    heard: Heard


class FoldModels:
    """A model's fold models: `models/folds/NAME-foldN`, each trained without fold N."""

    def __init__(self, name: str, models: Path) -> None:
        self._folders = {
            int(folder.name.removeprefix(f"{name}-fold")): folder
            for folder in sorted((models / "folds").glob(f"{name}-fold[0-9]*"))
        }
        self._load = cache(runtime.load)

    @property
    def folds(self) -> frozenset[int]:
        """Those that there is a model without."""
        return frozenset(self._folders)

    def without(self, fold: int) -> Listener:
        """The model that was trained without a fold."""
        return self._load(self._folders[fold])


def apart(clips: Sequence[Clip]) -> list[Clip]:
    """Clips of sources that only one data set holds.

    A model that was trained on one of the sets has its own folds of it: where two sets share a
    source, it may have been trained on what the other set keeps apart.

    Parameters
    ----------
    clips : sequence of Clip
        Of all data sets.

    Returns
    -------
    list of Clip
        In their order.
    """
    sets: dict[str, set[str]] = {}
    for clip in clips:
        sets.setdefault(clip.source, set()).add(clip.dataset)
    return [clip for clip in clips if len(sets[clip.source]) == 1]


def hear(clip: Clip, listener: Listener) -> HeldOut:
    """Listen to a clip, or to its span of a recording.

    Parameters
    ----------
    clip : Clip
        With one label at most.
    listener : Listener
        Who has not heard its source before.

    Returns
    -------
    HeldOut
        Grouped by the clip's source.
    """
    sound = _sound(clip, hearing_clips.rate_of(listener.manifest.input))
    return _heard(clip, listener, sound, len(sound))


def hear_windows(
    clip: Clip, listener: Listener, length_s: float, hop_s: float
) -> Iterator[HeldOut]:
    """Listen to the windows of a clip, each by itself.

    Parameters
    ----------
    clip, listener : Clip, Listener
        As for `hear`.
    length_s, hop_s : float
        Of a window, and from one to the next, s.

    Yields
    ------
    HeldOut
        One a window.
    """
    rate_hz = hearing_clips.rate_of(listener.manifest.input)
    sound = _sound(clip, rate_hz)
    for _, part, new in hearing_clips.windows(sound, rate_hz, length_s, hop_s):
        yield _heard(clip, listener, part, new)


def _sound(clip: Clip, rate_hz: int) -> NDArray[np.float64]:
    sound = read_mono(clip.file, rate_hz)
    if clip.span_s is None:
        return sound
    return sound[int(clip.span_s[0] * rate_hz) : int(clip.span_s[1] * rate_hz)]


def _heard(clip: Clip, listener: Listener, sound: NDArray[np.float64], new: int) -> HeldOut:
    labels = clip.heard or frozenset({UNNAMED})
    scores = hearing_clips.clip_scores(sound, listener)
    seconds = new / hearing_clips.rate_of(listener.manifest.input)
    return HeldOut(clip, Heard(labels, clip.source, seconds, scores))


def report_of(held: Iterable[HeldOut], manifest: Manifest) -> Report:
    """Judge clips as `cityhum evaluate` does."""
    return judge([one.heard for one in held], manifest)


def side_by_side(
    ours: tuple[Manifest, Iterable[HeldOut]], theirs: tuple[Manifest, Iterable[HeldOut]]
) -> tuple[Report, Report]:
    """Judge two models on the clips that both have heard, over the labels that both know.

    Parameters
    ----------
    ours, theirs : tuple of Manifest and iterable of HeldOut
        Of each model; at least one clip is the same.

    Returns
    -------
    tuple of Report
        Of the first, and of the second.
    """
    labels = tuple(label for label in ours[0].labels if label in theirs[0].labels)
    our_clips, their_clips = _by_clip(ours[1]), _by_clip(theirs[1])
    both = [clip for clip in our_clips if clip in their_clips]
    return (
        judge(*_narrowed(ours[0], [our_clips[clip] for clip in both], labels)),
        judge(*_narrowed(theirs[0], [their_clips[clip] for clip in both], labels)),
    )


def _by_clip(held: Iterable[HeldOut]) -> dict[tuple[Path, tuple[float, float] | None], Heard]:
    return {(one.clip.file, one.clip.span_s): one.heard for one in held}


def _narrowed(
    manifest: Manifest, heard: Iterable[Heard], labels: tuple[str, ...]
) -> tuple[list[Heard], Manifest]:
    columns = [manifest.labels.index(label) for label in labels]
    narrow = [replace(one, scores=one.scores[:, columns]) for one in heard]
    return narrow, manifest.model_copy(update={"labels": labels})


def by_fold(held: Sequence[HeldOut], dataset: str, manifest: Manifest) -> Mapping[int, Report]:
    """Judge each fold of a data set on its own.

    Parameters
    ----------
    held : sequence of HeldOut
        Of all data sets.
    dataset : str
        As `Clip.dataset` names it.
    manifest : Manifest
        Of the model.

    Returns
    -------
    mapping of int to Report
        By fold.
    """
    parts: dict[int, list[HeldOut]] = {}
    for one in held:
        if one.clip.dataset == dataset:
            parts.setdefault(one.clip.group, []).append(one)
    return {fold: report_of(parts[fold], manifest) for fold in sorted(parts)}
