"""What a training run is made of: `street8.yaml`, read once."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import AfterValidator, Field, ValidationError

from schemas.base import Frozen
from schemas.errors import BadConfig


def _several(folds: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(folds)) < 2:  # noqa: PLR2004  # a model is decided on what the others left out
        msg = "two different folds are needed, for each decides the thresholds of the other"
        raise ValueError(msg)
    return folds


Folds = Annotated[tuple[int, ...], AfterValidator(_several)]
"""Held out in turn."""


class DataSet(Frozen):
    """Clips of one kind: see `training/datasets.py`; `folder` fits sounds of one's own."""

    kind: Literal["urbansound8k", "esc", "speech", "soundscapes", "folder"]
    folder: Path = Field(description="within data.root, or absolute")


class DataConfig(Frozen):
    """Where sounds come from and where the computed features are kept."""

    root: Path = Field(description="holds the folders of `sets`")
    sets: tuple[DataSet, ...]
    licences: frozenset[str] = Field(
        default=frozenset(), description="clips under others are left out; empty: all are used"
    )
    cache: Path
    teacher: Path | None = Field(
        default=None, description="folder of the full-band model to learn from, if any"
    )
    field: Path | None = Field(
        default=None, description="what a live city taught: `python -m training field`"
    )
    speeds: tuple[float, ...] = Field(description="each clip is also heard at these speeds")
    synthetic_sirens: int
    synthetic_two_horns: int
    synthetic_distractors: int
    synthetic_beds: int
    rendered_cities: int = Field(description="of twenty streets each, to train on")
    judged_cities: int = Field(description="the next ones: half for thresholds, half for figures")
    first_city: int = Field(description="seed of the first; the demo and the tests use others")
    soundscape_groups: dict[str, Literal[0, 1, 2, 3, 4]] = Field(
        default={}, description="recording -> fold that it is held out with; others never are"
    )
    unsettled: dict[str, tuple[float, float]] = Field(
        default={}, description="recording -> span, s, in which a siren may be heard: not used"
    )


class Recipe(Frozen):
    """What patches are mixed of."""

    shares: tuple[float, float, float, float, float] = Field(
        default=(0.40, 0.27, 0.13, 0.10, 0.10),
        description="clean, mixed, with a siren, negative, street; what there is nothing for is "
        "left out",
    )
    as_recorded: float = Field(
        default=0.0, ge=0, le=1, description="share of the clean ones that nothing is done to"
    )


class Refinement(Frozen):
    """A second, gentler training that begins with the weights of the first."""

    recipe: Recipe
    steps: int
    learning_rate: float
    averaged: float


class TrainConfig(Frozen):
    """How long and how fast."""

    folds: Folds = Field(default=(1, 2, 3, 4), description="each is held out once")
    seed: int
    more_seeds: tuple[int, ...] = Field(
        default=(), description="the folds of `spread_folds` are trained with each of these, too"
    )
    spread_folds: tuple[int, ...] = ()
    width: int
    dropout: float
    steps: int
    batch: int
    learning_rate: float
    weight_decay: float
    label_smoothing: float
    averaged: float = Field(description="what a step keeps of the weights' running mean")
    opinion: float = Field(description="share of the teacher's opinion in a clean patch's target")
    picture: float = Field(description="weight of the loss on the teacher's embedding")
    threads: int
    refine: Refinement | None = None


class Config(Frozen):
    """One model to be trained."""

    name: str
    version: str
    licence: str = Field(description="of the weights")
    commercial_use: bool
    training_data: tuple[str, ...] = Field(description="with their licences, for the card")
    data: DataConfig
    train: TrainConfig


@dataclass(frozen=True)
class Run:
    """One network to be trained: the fold it may not hear (0: hears all) and its seed."""

    held_out: int
    seed: int


def read(path: Path) -> Config:
    """Read a training configuration; paths in it are relative to the file's folder.

    Parameters
    ----------
    path : Path
        A YAML file.

    Returns
    -------
    Config
        Checked.

    Raises
    ------
    BadConfig
        If the file is missing or a field is wrong.
    """
    try:
        config = Config.model_validate(yaml.safe_load(path.read_text()))
    except (OSError, yaml.YAMLError) as error:
        raise BadConfig(f"{path}: {error}".replace("\n", " ")) from error
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise BadConfig(f"{path}: {field}: {first['msg']}") from error
    here = path.resolve().parent
    data = config.data
    data = data.model_copy(
        update={
            "root": here / data.root,
            "cache": here / data.cache,
            "teacher": here / data.teacher if data.teacher else None,
            "field": here / data.field if data.field else None,
        }
    )
    return config.model_copy(update={"data": data})
