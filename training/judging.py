"""What a network makes of sounds it never heard: held-out clips and rendered streets."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from acoustics import mel
from hearing import taxonomy
from hearing.metrics import area_under_curve
from training import streets
from training.config import Config
from training.data import Clip
from training.net import Street8
from training.parts import A_WEIGHTS, SIREN_LABEL
from training.pools import Pool
from training.scoring import clip_logits
from training.thresholds import Decisions, Judged
from training.train import logits

_CLEARLY: Final = 10 ** (-3 / 10)  # of the rest's energy: surely audible
_FAINTLY: Final = 10 ** (-20 / 10)  # surely not
_FRAMES: Final = 4
_CLASSES_AT_LEAST: Final = 2
_OF_SCENE: Final = ("patches", "heard", "known", "dominant")
_OF_SECONDS, _NEEDED = 5, 3  # the shape of the alert rule that siren events are judged by


FoldMetrics = Mapping[tuple[str, str], float]
"""(data set, figure) -> value."""


@dataclass(frozen=True, eq=False)
class StreetScene:
    """One rendered street, as a device sends it.

    Attributes
    ----------
    patches : ndarray of uint8, shape (n, 32, 32)
        One a second.
    heard, known : ndarray of bool, shape (n, labels)
    dominant : ndarray of bool, shape (n,)
        Seconds in which the siren's A-weighted energy is at least that of the rest.
    """

    patches: NDArray[np.uint8]
    heard: NDArray[np.bool_]
    known: NDArray[np.bool_]
    dominant: NDArray[np.bool_]


def judged_streets(config: Config) -> tuple[list[StreetScene], list[StreetScene]]:
    """Render the cities that are kept for judging: half for thresholds, the others for figures.

    Parameters
    ----------
    config : Config
        Their seeds follow those of the cities to train on.

    Returns
    -------
    list of StreetScene
        Twenty a city, of the first half of the cities: thresholds may rest on them.
    list of StreetScene
        Of the others (of one more, if they are odd): for figures alone.
    """
    data = config.data
    first = data.first_city + data.rendered_cities
    path = data.cache / f"judged-{first}-{data.judged_cities}.npz"
    if not path.exists():
        seeds = range(first, first + data.judged_cities)
        _save(
            path,
            [
                _scene(sounds)
                for seed in tqdm(seeds, desc="streets to judge", unit="city")
                for sounds in streets.sounds(seed)
            ],
        )
    with np.load(path) as arrays:
        length = arrays["length"]
        ends = np.cumsum(length)[:-1]
        parts = [np.split(arrays[name], ends) for name in _OF_SCENE]
    scenes = [StreetScene(*rows) for rows in zip(*parts, strict=True)] if len(length) else []
    first_half = streets.DEVICES * (data.judged_cities // 2)
    return scenes[:first_half], scenes[first_half:]


def _save(path: Path, scenes: list[StreetScene]) -> None:
    partial = path.with_name(f"partial-{path.name}")  # a killed run leaves nothing half done
    arrays: dict[str, Any] = {
        name: np.concatenate([getattr(scene, name) for scene in scenes] or [np.empty(0)])
        for name in _OF_SCENE
    }
    np.savez(partial, length=np.array([len(s.patches) for s in scenes], np.int64), **arrays)
    partial.replace(path)


def held_out(net: Street8, pool: Pool, clips: list[Clip], fold: int) -> Judged:
    """Patches of the recordings that a network was trained without.

    Parameters
    ----------
    net : Street8
        Trained without the fold.
    pool : Pool
        Holds the recordings.
    clips : list of Clip
        As `data.clips` gives them.
    fold : int
        1 to 3.

    Returns
    -------
    Judged
        Each patch with the labels of its recording.
    """
    pieces = held_out_pieces(pool, clips, fold, None)
    scores = clip_logits(net, pool, pieces)
    counts = [len(part) for part in scores]
    return Judged(
        np.concatenate(scores),
        np.repeat(pool.heard[pieces], counts, axis=0),
        np.repeat(~pool.perhaps[pieces] | pool.heard[pieces], counts, axis=0),
    )


def held_out_pieces(
    pool: Pool, clips: list[Clip], fold: int, dataset: str | None
) -> NDArray[np.int64]:
    """The unaltered recordings of a fold, of one data set or of all."""
    pieces = np.flatnonzero((pool.clip >= 0) & (pool.group == fold))
    if dataset is None:
        return pieces
    return np.array([n for n in pieces if clips[pool.clip[n]].dataset == dataset], np.int64)


def on_streets(net: Street8, scenes: list[StreetScene]) -> Judged:
    """What a network makes of rendered streets, if there are any."""
    if not scenes:
        nothing = np.zeros((0, len(taxonomy.LABELS)))
        return Judged(nothing.astype(np.float32), nothing > 0, nothing > 0)
    return Judged(
        logits(net, np.concatenate([scene.patches for scene in scenes])).numpy(),
        np.concatenate([scene.heard for scene in scenes]),
        np.concatenate([scene.known for scene in scenes]),
    )


def fold_metrics(net: Street8, pool: Pool, clips: list[Clip], fold: int) -> FoldMetrics:
    """Accuracy and siren AUC on each data set's clips of a fold, if every clip has one label.

    Parameters
    ----------
    net : Street8
        Trained without the fold.
    pool : Pool
        Holds the recordings.
    clips : list of Clip
        As `data.clips` gives them.
    fold : int
        1 to 4.

    Returns
    -------
    mapping of (str, str) to float
        (data set, `accuracy` or `siren_auc`) -> value; accuracy by the highest mean over a clip's
        patches, among the labels that the data set has in that fold.
    """
    found = {}
    for dataset in sorted({clip.dataset for clip in clips}):
        pieces = held_out_pieces(pool, clips, fold, dataset)
        heard = [clips[n].heard for n in pool.clip[pieces]]
        if len(set(heard)) < _CLASSES_AT_LEAST or any(len(labels) != 1 for labels in heard):
            continue
        scores = np.stack([part.mean(axis=0) for part in _probabilities(net, pool, pieces)])
        truth = np.array([taxonomy.LABELS.index(*labels) for labels in heard])
        present = np.unique(truth)
        chosen = present[scores[:, present].argmax(axis=1)]
        found[dataset, "accuracy"] = round(float((chosen == truth).mean()), 4)
        area = area_under_curve(truth == SIREN_LABEL, scores[:, SIREN_LABEL])
        if area is not None:
            found[dataset, "siren_auc"] = round(area, 4)
    return found


def street_metrics(
    net: Street8, scenes: list[StreetScene], decisions: Decisions
) -> dict[str, float]:
    """Sirens in rendered streets: how many are caught, how late, and how many seconds are false.

    A siren is caught while it is heard. The delay counts from when it is as loud as all else; one
    that is caught before has a negative one.

    Parameters
    ----------
    net : Street8
        Trained on other streets.
    scenes : list of StreetScene
        Other ones than `decisions` rest on.
    decisions : Decisions
        Temperature and threshold of the siren.

    Returns
    -------
    dict of str to float
        `caught_share`, `delay_s_median`, `delay_s_max`, `false_seconds`, `other_seconds`.
    """
    delays, false, others, passages = [], 0, 0, 0
    for scene in scenes:
        raw = logits(net, scene.patches).numpy()
        score = decisions.probabilities(raw)[:, SIREN_LABEL]
        active = score >= decisions.thresholds[SIREN_LABEL]
        absent = scene.known[:, SIREN_LABEL] & ~scene.heard[:, SIREN_LABEL]
        false, others = false + int((active & absent).sum()), others + int(absent.sum())
        if scene.dominant.any():
            passages += 1
            caught = active & scene.heard[:, SIREN_LABEL]  # a false alarm before it is no find
            recent = np.convolve(caught, np.ones(_OF_SECONDS))[: len(caught)]
            if (recent >= _NEEDED).any():
                delays.append(int(np.argmax(recent >= _NEEDED)) - int(np.argmax(scene.dominant)))
    return {
        "street_sirens": passages,
        "street_sirens_caught_share": round(len(delays) / max(1, passages), 4),
        "street_siren_delay_s_median": float(np.median(delays)) if delays else -1.0,
        "street_siren_delay_s_max": float(max(delays, default=-1)),
        "street_siren_false_seconds": false,
        "street_other_seconds": others,
    }  # fmt: skip


def _probabilities(
    net: Street8, pool: Pool, pieces: NDArray[np.int64]
) -> list[NDArray[np.float64]]:
    return [1 / (1 + np.exp(-part.astype(np.float64))) for part in clip_logits(net, pool, pieces)]


def _scene(sounds: dict[str, NDArray[np.float32]]) -> StreetScene:
    mixture = np.sum(list(sounds.values()), axis=0)
    codes = streets.codes_of(mixture)
    starts = np.arange(0, len(codes) - mel.PATCH_FRAMES + 1, mel.FRAMES_PER_S)
    energies = {label: _a_energy(sound) for label, sound in sounds.items()}
    total = np.sum(list(energies.values()), axis=0)
    heard = np.zeros((len(starts), len(taxonomy.LABELS)), dtype=np.bool_)
    known = np.ones_like(heard)
    dominant = np.zeros(len(starts), dtype=np.bool_)
    for label, energy in energies.items():
        if label not in taxonomy.LABELS:
            continue
        n, rest = taxonomy.LABELS.index(label), total - energy + 1e-20
        spans = [slice(s, s + mel.PATCH_FRAMES) for s in starts]
        loud = np.array([(energy > _CLEARLY * rest)[span].sum() for span in spans])
        soft = np.array([(energy > _FAINTLY * rest)[span].sum() for span in spans])
        heard[:, n] = loud >= _FRAMES
        known[:, n] = heard[:, n] | (soft == 0)
        if label == "siren":
            last = [slice(span.stop - mel.FRAMES_PER_S, span.stop) for span in spans]
            dominant = np.array([energy[s].sum() >= rest[s].sum() for s in last])
    patches = np.stack([codes[s : s + mel.PATCH_FRAMES] for s in starts])
    return StreetScene(patches, heard, known, dominant)


def _a_energy(sound: NDArray[np.float32]) -> NDArray[np.float64]:
    codes = streets.codes_of(sound)
    return np.asarray(10 ** (codes * 0.05 - 12.0) @ A_WEIGHTS, dtype=np.float64)
