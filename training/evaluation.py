"""`evaluate`: figures, thresholds and temperatures, all from recordings that a net never heard."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import orjson

from hearing import taxonomy
from hearing.calibration import reliability
from schemas.base import Frozen
from schemas.errors import BadConfig
from training import data, judging, pools, thresholds, train
from training.calibrating import calibrate
from training.config import Config, Run
from training.data import Clip
from training.net import Street8
from training.pools import Pool
from training.scoring import clip_logits
from training.thresholds import Decisions, Judged


class Found(Frozen):
    """What is known of one network to be exported: fold 0 is the one to be shipped.

    Attributes
    ----------
    labels : tuple of str
        Those that it had examples of.
    """

    labels: tuple[str, ...]
    decisions: Decisions
    metrics: Mapping[str, float]


def evaluate(config: Config) -> Mapping[int, Found]:
    """Judge the fold nets on what they left out; choose thresholds and temperatures.

    Parameters
    ----------
    config : Config
        All of whose nets are trained.

    Returns
    -------
    mapping of int to Found
        By the fold that a net left out. No net's decisions rest on the fold it left out.
    """
    pool, clips = pools.load(config), data.clips(config.data)
    to_decide, to_judge = judging.judged_streets(config)
    folds = config.train.folds
    nets = {fold: train.load(config, Run(fold, config.train.seed)) for fold in (0, *folds)}
    unheard = {fold: judging.held_out(nets[fold], pool, clips, fold) for fold in folds}
    streets = {fold: judging.on_streets(nets[fold], to_decide) for fold in folds}
    decided = {}
    for left_out in (0, *folds):
        others = [fold for fold in folds if fold != left_out]
        decided[left_out] = _decided(
            thresholds.joined([unheard[fold] for fold in others]),
            thresholds.joined([streets[fold] for fold in others]),
        )
    by_run = _by_run(config, pool, clips)
    metrics = {
        fold: named(fold, by_run[Run(fold, config.train.seed)])
        | calibration(unheard[fold], decided[fold])
        for fold in folds
    }
    metrics[0] = over_seeds(by_run, config.train.spread_folds) | _mean(metrics, "ece")
    return {
        # the shipped net has no fold to be judged on, but it has not heard these streets either
        fold: Found(
            labels=_learnt(pool),
            decisions=decided[fold],
            metrics=metrics[fold] | judging.street_metrics(nets[fold], to_judge, decided[fold]),
        )
        for fold in (0, *folds)
    }


def _decided(recorded: Judged, streets: Judged) -> Decisions:
    """Rendered streets have a say in thresholds, but what they sound like calibrates nothing."""
    found = calibrate(recorded)
    temperatures = (found.temperature,) * len(taxonomy.LABELS)
    return thresholds.decide_with(temperatures, found.bias, thresholds.joined([recorded, streets]))


def _learnt(pool: Pool) -> tuple[str, ...]:
    return tuple(label for n, label in enumerate(taxonomy.LABELS) if pool.heard[:, n].any())


def save(config: Config, found: Mapping[int, Found]) -> Path:
    """Keep the findings for `export`."""
    path = _path(config)
    plain = {str(fold): one.model_dump() for fold, one in found.items()}
    path.write_bytes(orjson.dumps(plain, option=orjson.OPT_INDENT_2))
    return path


def load(config: Config) -> Mapping[int, Found]:
    """The findings that `save` kept.

    Raises
    ------
    BadConfig
        If these networks have not been judged.
    """
    try:
        plain = orjson.loads(_path(config).read_bytes())
    except FileNotFoundError:
        raise BadConfig(f"{config.name} is not judged yet: python -m training evaluate") from None
    return {int(fold): Found.model_validate(one) for fold, one in plain.items()}


def _path(config: Config) -> Path:
    return (
        data.cache_of(config.data)
        / f"{config.name}-{config.version}-{train.mark_of(config)}-results.json"
    )


def _by_run(config: Config, pool: Pool, clips: list[Clip]) -> dict[Run, judging.FoldMetrics]:
    found = {}
    for run in train.runs(config, config.train.folds):
        net = train.load(config, run)
        found[run] = judging.fold_metrics(net, pool, clips, run.held_out)
        _keep(config, run, net, pool, clips)
    return found


def _keep(config: Config, run: Run, net: Street8, pool: Pool, clips: list[Clip]) -> None:
    """Logits of every held-out patch, for whoever wants other figures."""
    pieces = judging.held_out_pieces(pool, clips, run.held_out, None)
    logits = clip_logits(net, pool, pieces)
    held = [clips[n] for n in pool.clip[pieces]]
    np.savez(
        train.weights_path(config, run).with_suffix(".heldout.npz"),
        fold=run.held_out,
        seed=run.seed,
        dataset=np.array([clip.dataset for clip in held]),
        path=np.array([data.name_of(clip, config.data) for clip in held]),
        heard=pool.heard[pieces],
        known=~pool.perhaps[pieces] | pool.heard[pieces],
        clip=np.repeat(np.arange(len(held)), [len(part) for part in logits]),
        logits=np.concatenate(logits),
    )


def named(fold: int, metrics: judging.FoldMetrics) -> dict[str, float]:
    """Figures of one fold, by their names in a manifest."""
    return {f"{dataset}_fold{fold}_{figure}": value for (dataset, figure), value in metrics.items()}


def over_seeds(
    by_run: Mapping[Run, judging.FoldMetrics], spread_folds: tuple[int, ...]
) -> dict[str, float]:
    """Of each fold, of those trained with several seeds together, and of all with the first one.

    `..._spread` is between the best and the worst seed.
    """
    seeds = list(dict.fromkeys(run.seed for run in by_run))  # the main one comes first
    found: dict[str, float] = {}
    for key in sorted({key for metrics in by_run.values() for key in metrics}):
        dataset, figure = key
        values = {run: metrics[key] for run, metrics in by_run.items() if key in metrics}
        folds = sorted({run.held_out for run in values})
        for fold in folds:
            of_fold = [value for run, value in values.items() if run.held_out == fold]
            found |= _summary(f"{dataset}_fold{fold}_{figure}", of_fold)
        if set(spread_folds) <= set(folds) and len(spread_folds) > 1:
            name = f"{dataset}_folds{''.join(map(str, spread_folds))}_{figure}"
            together = [[values[Run(fold, seed)] for fold in spread_folds] for seed in seeds]
            found |= _summary(name, [float(np.mean(of_seed)) for of_seed in together])
        first = [values[Run(fold, seeds[0])] for fold in folds]
        found[f"{dataset}_{figure}"] = round(float(np.mean(first)), 4)
    return found


def _summary(name: str, values: list[float]) -> dict[str, float]:
    found = {name: round(float(np.mean(values)), 4)}
    if len(values) > 1:
        found[f"{name}_spread"] = round(max(values) - min(values), 4)
    return found


def calibration(unheard: Judged, decisions: Decisions) -> dict[str, float]:
    """By decisions that do not rest on these recordings."""
    scores = decisions.probabilities(unheard.logits)
    return {"ece": reliability(scores[unheard.known], unheard.heard[unheard.known]).ece}


def _mean(metrics: Mapping[int, Mapping[str, float]], name: str) -> dict[str, float]:
    return {name: round(float(np.mean([of[name] for of in metrics.values()])), 4)}
