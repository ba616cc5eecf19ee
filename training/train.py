"""Fit one network to what a fold may hear; a run that was killed goes on where it stopped.

Weights and checkpoints bear a mark of all that they were made of, in a folder that belongs to their
recordings (`data.cache_of`): what was made of anything else is not taken for them.
"""

import sys
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from schemas.errors import BadConfig
from training import teacher
from training.config import Config, Recipe, Run, TrainConfig
from training.data import cache_of, teacher_mark
from training.lessons import by_piece, class_names, lessons, settled, without_teacher
from training.net import Street8
from training.pools import Pool
from training.pupil import Material, Pupil, new_net

_SAVED_EVERY: Final = 25
_WHICH: Final = {"folds", "more_seeds", "spread_folds", "threads"}
"""Settings that say which networks are trained and by what, not how."""


def runs(config: Config, folds: tuple[int, ...]) -> Iterator[Run]:
    """All networks of a configuration.

    Parameters
    ----------
    config : Config
        Its seeds, and which folds are trained with each of them.
    folds : tuple of int
        To be held out in turn; 0: the network to be shipped.

    Yields
    ------
    Run
    """
    settings = config.train
    for fold in folds:
        yield Run(fold, settings.seed)
        if fold in settings.spread_folds:
            yield from (Run(fold, seed) for seed in settings.more_seeds)


def weights_path(config: Config, run: Run) -> Path:
    """Where the weights of a run are kept."""
    return cache_of(config.data) / f"{_title(config, run)}-{mark_of(config)}.pt"


def _title(config: Config, run: Run) -> str:
    return f"{config.name}-{config.version}-fold{run.held_out}-seed{run.seed}"


def mark_of(config: Config) -> str:
    """Of settings, teacher and what the field taught: with others, networks are others."""
    field = sorted(config.data.field.glob("field.*")) if config.data.field else []
    made_of = (
        config.train.model_dump_json(exclude=_WHICH),
        teacher_mark(config.data),
        [(file.name, sha256(file.read_bytes()).hexdigest()) for file in field],
    )
    return sha256(repr(made_of).encode()).hexdigest()[:8]


def train(config: Config, pool: Pool, run: Run) -> Path:
    """Train on everything whose recording is not held out with a fold, unless that is done.

    Parameters
    ----------
    config : Config
        Size, length and seed.
    pool : Pool
        The pieces to mix, what `data.field` holds among them.
    run : Run
        Fold and seed.

    Returns
    -------
    Path
        The saved weights.
    """
    path = weights_path(config, run)
    if path.exists():
        return path
    _give_up_others(path, _title(config, run))
    settings = config.train
    torch.set_num_threads(settings.threads)
    material = _material(config, pool, run.held_out)
    if settings.refine is None:
        return _taught(lambda: Pupil(settings, Recipe(), material, run), path, settings.steps)
    gentler = settings.refine
    first = _taught(
        lambda: Pupil(settings, Recipe(), material, run), path.with_suffix(".first"), settings.steps
    )
    changed = gentler.model_dump(include={"steps", "learning_rate", "averaged"})

    def refining() -> Pupil:
        again = settings.model_copy(update=changed)
        pupil = Pupil(again, gentler.recipe, material, run)
        pupil.begin_with(_read(settings, first).state_dict())
        return pupil

    return _taught(refining, path, gentler.steps)


def _give_up_others(path: Path, title: str) -> None:
    """Say that a run begins anew, and drop checkpoints of what will not be finished."""
    others = [one for one in path.parent.glob(f"{title}-*") if not one.name.startswith(path.stem)]
    if others:
        tqdm.write(f"{title}: settings, teacher or field have changed: trained anew", sys.stderr)
    for one in others:
        if one.suffix == ".part":
            one.unlink(missing_ok=True)


def _taught(new: Callable[[], Pupil], path: Path, steps: int) -> Path:
    """Let a pupil learn from where it stopped, and keep its weights."""
    if path.exists():
        return path
    pupil, checkpoint = new(), path.with_name(f"{path.name}.part")
    if checkpoint.exists():
        pupil.resume(checkpoint)
    progress = tqdm(
        range(pupil.step, steps), initial=pupil.step, total=steps, desc=path.stem, unit="step"
    )
    for step in progress:
        pupil.learn()
        progress.set_postfix(loss=f"{pupil.loss:.4f}", refresh=False)
        if step % _SAVED_EVERY == _SAVED_EVERY - 1:
            _save(pupil.checkpoint(), checkpoint)
    _save(pupil.averaged.module.state_dict(), path)
    checkpoint.unlink(missing_ok=True)
    return path


def _material(config: Config, pool: Pool, held_out: int) -> Material:
    if config.data.teacher is None:
        return pool, without_teacher(pool)
    embedding, scores = by_piece(config.data, teacher.load(config))
    known = settled(pool, scores, class_names(config.data.teacher))
    return known, lessons(pool, embedding, held_out)


def _save(state: dict[str, object], path: Path) -> None:
    """In one go: a run killed while saving leaves the checkpoint before."""
    partial = path.with_name(f"partial-{path.name}")
    torch.save(state, partial)
    partial.replace(path)


def load(config: Config, run: Run) -> Street8:
    """A trained network, ready to listen.

    Parameters
    ----------
    config : Config
        As it was trained.
    run : Run
        Fold and seed.

    Returns
    -------
    Street8

    Raises
    ------
    BadConfig
        If that was never trained, or with other settings, teacher or field.
    """
    path = weights_path(config, run)
    if not path.exists():
        raise BadConfig(
            f"{path}: missing; `python -m training train` makes it: not trained yet, or settings, "
            "teacher or field have changed since"
        )
    return _read(config.train, path)


def _read(settings: TrainConfig, path: Path) -> Street8:
    net = new_net(settings)
    net.load_state_dict(torch.load(path, weights_only=True))
    return net.eval()


def logits(net: Street8, codes: NDArray[np.uint8]) -> torch.Tensor:
    """Raw scores of many patches, without gradients.

    Parameters
    ----------
    net : Street8
        As `load` gives it.
    codes : ndarray of uint8, shape (n, 32, 32)
        Patches.

    Returns
    -------
    Tensor of float32, shape (n, labels)
        Logits.
    """
    with torch.inference_mode():
        return torch.cat(
            [net(torch.from_numpy(part)) for part in np.array_split(codes, 1 + len(codes) // 512)]
        )
