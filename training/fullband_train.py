"""Distil a fold's student and let it settle; a run that was killed goes on where it stopped."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from hashlib import sha256
from pathlib import Path
from typing import Final

import torch
from tqdm import tqdm

from training import fullband_head, fullband_pieces, fullband_pool
from training.config import Config, Run
from training.data import cache_of, teacher_mark
from training.fullband_config import FullBand, Schooling, teacher_of
from training.fullband_lessons import Lessons
from training.fullband_net import Street
from training.fullband_pool import Teacher
from training.fullband_student import Student, new_net

_SAVED_EVERY: Final = 200
_WHICH: Final = frozenset({"folds", "more_seeds", "spread_folds", "threads"})
"""Settings that say which networks are trained and by what, not how."""

_STEPS: Final = frozenset({"distil_steps", "settle_steps"})
"""A student whose schooling is prolonged goes on."""


def runs(settings: Schooling) -> Iterator[Run]:
    """All networks: one without each fold, the one to be shipped, and those of more seeds."""
    for fold in (*settings.folds, 0):
        yield Run(fold, settings.seed)
    for seed in settings.more_seeds:
        yield from (Run(fold, seed) for fold in settings.spread_folds)


def weights_path(chosen: FullBand, recordings: Config, run: Run) -> Path:
    """Where the weights of a run are kept."""
    mark = mark_of(chosen, recordings)
    return cache_of(recordings.data) / f"{_title(chosen, run)}-{mark}.pt"


def _title(chosen: FullBand, run: Run) -> str:
    return f"{chosen.name}-{chosen.version}-fold{run.held_out}-seed{run.seed}"


def mark_of(chosen: FullBand, recordings: Config, besides: AbstractSet[str] = _WHICH) -> str:
    """Of settings, besides some, and of the teacher: with others, networks are others."""
    made_of = (chosen.train.model_dump_json(exclude=set(besides)), teacher_mark(recordings.data))
    return sha256(repr(made_of).encode()).hexdigest()[:8]


def lessons(chosen: FullBand, recordings: Config, held_out: int) -> Lessons:
    """All that a fold's student may hear."""
    pool = fullband_pool.load(recordings, chosen.train.mixtures)
    teacher = Teacher(teacher_of(recordings.data))
    return Lessons(pool, fullband_pieces.load(recordings), teacher, held_out)


def distil(chosen: FullBand, recordings: Config, run: Run, lessons: Lessons) -> Path:
    """Learn from the teacher alone.

    Parameters
    ----------
    chosen : FullBand
        Size and length; where it was prolonged since, a finished student goes on.
    recordings : Config
        Where the student is kept.
    run : Run
        Fold and seed; no two share a student, or their spread would tell too little.
    lessons : Lessons
        Of that fold.

    Returns
    -------
    Path
        Student with its optimisers.
    """
    mark = mark_of(chosen, recordings, _WHICH | _STEPS)
    path = cache_of(recordings.data) / f"{_title(chosen, run)}-{mark}.distilled.part"
    torch.set_num_threads(chosen.train.threads)
    student = Student(chosen.train, lessons, run.seed)
    if path.exists():
        student.resume(path)
    left = range(student.step, chosen.train.distil_steps)
    what = f"distilled without fold {run.held_out}, seed {run.seed}"
    for step in (progress := tqdm(left, desc=what, unit="step")):
        student.distil()
        if step % 20 == 0:
            progress.set_postfix(loss=f"{student.loss:.4f}", refresh=False)
        if step % _SAVED_EVERY == _SAVED_EVERY - 1:
            _save(student.state(), path)
    _save(student.state(), path)
    return path


def train(chosen: FullBand, recordings: Config, run: Run, lessons: Lessons) -> Path:
    """Settle a distilled student and give it its head, unless that is done.

    Parameters
    ----------
    chosen : FullBand
        Size and length.
    recordings : Config
        Where weights are kept.
    run : Run
        Fold and seed.
    lessons : Lessons
        Of that fold.

    Returns
    -------
    Path
        The weights.
    """
    path = weights_path(chosen, recordings, run)
    if path.exists():
        return path
    student = Student(chosen.train, lessons, run.seed)
    student.resume(distil(chosen, recordings, run, lessons))
    student.step = 0
    what = f"settled without fold {run.held_out}, seed {run.seed}"
    for step in (progress := tqdm(range(chosen.train.settle_steps), desc=what, unit="step")):
        student.settle()
        if step % 20 == 0:
            progress.set_postfix(loss=f"{student.loss:.4f}", refresh=False)
    fullband_head.fit(student.net, fullband_pieces.load(recordings), run.held_out)
    _save(student.net.state_dict(), path)
    return path


def _save(state: dict[str, object], path: Path) -> None:
    """In one go: a run killed while saving leaves what was saved before."""
    partial = path.with_name(f"partial-{path.name}")
    torch.save(state, partial)
    partial.replace(path)


def load(chosen: FullBand, recordings: Config, run: Run) -> Street:
    """A trained network, ready to listen."""
    net = new_net(chosen.train)
    weights = torch.load(weights_path(chosen, recordings, run), weights_only=True)
    net.load_state_dict(weights)
    return net.eval()
