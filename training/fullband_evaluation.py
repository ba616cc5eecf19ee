"""Figures, thresholds and temperatures of the full-band model, from what each net never heard."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from hearing import clips as hearing_clips
from hearing import taxonomy
from hearing.decide import Scores
from hearing.frontends import fine_coarse, mel64
from hearing.manifest import Input, Manifest
from hearing.metrics import area_under_curve
from training import data, evaluation, fullband_pair, fullband_train, sounds, thresholds
from training.calibrating import calibrate
from training.config import Config, Run
from training.data import Clip
from training.evaluation import Found
from training.fullband_config import FullBand
from training.fullband_pair import Pair
from training.judging import FoldMetrics
from training.thresholds import Decisions, Judged

_SIREN: Final = taxonomy.LABELS.index("siren")


@dataclass(frozen=True, eq=False)
class Logits:
    """A net as a listener, but for the activation."""

    net: Pair
    manifest: Manifest

    def scores(self, patches: hearing_clips.Patches, /) -> Scores:
        """Logits of patches."""
        with torch.inference_mode():
            found: Scores = self.net(torch.from_numpy(patches)).numpy()
        return found


GIVEN: Final = Input(
    frontend="mel64x100+32x8",
    rate_hz=fine_coarse.RATE_HZ,
    shape=(fine_coarse.ROWS, mel64.BANDS),
)
"""What the model is given."""


def evaluate(chosen: FullBand, recordings: Config) -> Mapping[int, Found]:
    """Judge the fold nets on what they left out; choose thresholds and temperatures.

    Parameters
    ----------
    chosen : FullBand
        All of whose nets are trained.
    recordings : Config
        Which clips.

    Returns
    -------
    mapping of int to Found
        By the fold that a net left out; 0 is the net to be shipped. Decisions of a net do not rest
        on the fold that it left out.
    """
    settings, clips = chosen.train, data.clips(recordings.data)
    by_run: dict[Run, FoldMetrics] = {}
    unheard: dict[int, Judged] = {}
    for run in fullband_train.runs(settings):
        if not run.held_out:
            continue
        net = fullband_pair.load(chosen, recordings, run)
        held = [clip for clip in clips if clip.group == run.held_out]
        logits = heard(net, chosen, held)
        by_run[run] = fold_metrics(held, logits)
        if run.seed == settings.seed:
            unheard[run.held_out] = judged(held, logits)
        path = fullband_train.weights_path(chosen, recordings, run).with_suffix(".heldout.npz")
        _keep(path, recordings, run, held, logits)
    decided = {
        left_out: _decided(
            thresholds.joined([part for fold, part in unheard.items() if fold != left_out])
        )
        for left_out in (0, *settings.folds)
    }
    metrics = {
        fold: evaluation.named(fold, by_run[Run(fold, settings.seed)])
        | evaluation.calibration(unheard[fold], decided[fold])
        for fold in settings.folds
    }
    eces = [of["ece"] for of in metrics.values()]
    over_seeds = evaluation.over_seeds(by_run, settings.spread_folds)
    metrics[0] = over_seeds | {"ece": round(float(np.mean(eces)), 4)}
    return {
        fold: Found(labels=_learnt(clips), decisions=decided[fold], metrics=metrics[fold])
        for fold in decided
    }


def _learnt(clips: list[Clip]) -> tuple[str, ...]:
    """Labels of recordings that have one: the student's regression learns no others."""
    alone = {label for clip in clips if len(clip.heard) == 1 for label in clip.heard}
    return tuple(label for label in taxonomy.LABELS if label in alone)


def _decided(unheard: Judged) -> Decisions:
    found = calibrate(unheard)
    temperatures = (found.temperature,) * len(taxonomy.LABELS)
    return thresholds.decide_with(temperatures, found.bias, unheard)


def heard(net: Pair, chosen: FullBand, clips: list[Clip]) -> list[Scores]:
    """Logits [looks, labels] of each clip, cut as `cityhum evaluate` cuts it."""
    listener = Logits(net.eval(), _bare(chosen))
    return [
        hearing_clips.clip_scores(sounds.read(clip), listener) for clip in tqdm(clips, unit="clip")
    ]


def _bare(chosen: FullBand) -> Manifest:
    """A manifest that decides nothing, for a net that is not exported yet."""
    halves = dict.fromkeys(taxonomy.LABELS, 0.5)
    return Manifest(
        name=chosen.name,
        version=chosen.version,
        sha256="0" * 64,
        input=GIVEN,
        labels=taxonomy.LABELS,
        thresholds=halves,
        temperature=dict.fromkeys(taxonomy.LABELS, 1.0),
        activation="sigmoid",
        licence="none",
        commercial_use=False,
        training_data=(),
        metrics={},
    )


def judged(clips: list[Clip], logits: list[Scores]) -> Judged:
    """Each look with the labels of its clip."""
    counts = [len(part) for part in logits]
    truth, perhaps = _flags([c.heard for c in clips]), _flags([c.perhaps for c in clips])
    known = np.repeat(truth | ~perhaps, counts, axis=0)
    return Judged(np.concatenate(logits), np.repeat(truth, counts, axis=0), known)


def _flags(labels: list[frozenset[str]]) -> NDArray[np.bool_]:
    return np.array([[label in of for label in taxonomy.LABELS] for of in labels])


def fold_metrics(clips: list[Clip], logits: list[Scores]) -> FoldMetrics:
    """Accuracy and siren AUC of each data set whose clips all have one label.

    Parameters
    ----------
    clips : list of Clip
        Held out.
    logits : list of ndarray, shape (looks, labels)
        One entry a clip.

    Returns
    -------
    mapping of (str, str) to float
        Accuracy by the highest mean score among the labels that the data set has in that fold.
    """
    found = {}
    for dataset in sorted({clip.dataset for clip in clips}):
        mine = [n for n, clip in enumerate(clips) if clip.dataset == dataset]
        labels = [clips[n].heard for n in mine]
        if len(set(labels)) == 1 or any(len(of) != 1 for of in labels):
            continue
        truth = np.array([taxonomy.LABELS.index(min(of)) for of in labels])
        scores = np.stack([(1 / (1 + np.exp(-logits[n]))).mean(axis=0) for n in mine])
        present = np.unique(truth)
        right = present[scores[:, present].argmax(axis=1)] == truth
        found[dataset, "accuracy"] = round(float(right.mean()), 4)
        area = area_under_curve(truth == _SIREN, scores[:, _SIREN])
        if area is not None:
            found[dataset, "siren_auc"] = round(area, 4)
    return found


def _keep(
    path: Path, recordings: Config, run: Run, clips: list[Clip], logits: list[Scores]
) -> None:
    """Logits of every held-out look, in the form in which `training.evaluation` keeps them."""
    truth, perhaps = _flags([c.heard for c in clips]), _flags([c.perhaps for c in clips])
    np.savez(
        path,
        fold=run.held_out,
        seed=run.seed,
        dataset=np.array([clip.dataset for clip in clips]),
        path=np.array([data.name_of(clip, recordings.data) for clip in clips]),
        heard=truth,
        known=truth | ~perhaps,
        clip=np.repeat(np.arange(len(clips)), [len(part) for part in logits]),
        logits=np.concatenate(logits),
    )
