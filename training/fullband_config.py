"""What a run of the full-band model is made of: `street.yaml`, read once."""

from pathlib import Path

import yaml
from pydantic import Field, ValidationError

from schemas.base import Frozen
from schemas.errors import BadConfig
from training import config
from training.config import DataConfig, Folds


class Schooling(Frozen):
    """How long and how fast."""

    seed: int
    more_seeds: tuple[int, ...] = Field(description="the folds of `spread_folds` have these, too")
    spread_folds: tuple[int, ...]
    folds: Folds = Field(description="each held out once")
    width: int
    mixtures: int = Field(ge=1, description="that the teacher hears")
    batch: int
    distil_steps: int = Field(description="on the teacher's answers alone, for each fold and seed")
    settle_steps: int = Field(description="at a rate that runs out, for each fold and seed")
    rate: float
    weight_decay: float
    threads: int


class FullBand(Frozen):
    """One full-band model to be trained."""

    name: str
    version: str
    recordings: Path = Field(description="configuration of the model that hears codes")
    train: Schooling


def read(path: Path) -> tuple[FullBand, config.Config]:
    """Read a configuration, and that of the recordings which it names.

    Parameters
    ----------
    path : Path
        A YAML file.

    Returns
    -------
    FullBand
    Config

    Raises
    ------
    BadConfig
        If a file is missing or a field is wrong.
    """
    try:
        chosen = FullBand.model_validate(yaml.safe_load(path.read_text()))
    except (OSError, yaml.YAMLError) as error:
        raise BadConfig(f"{path}: {error}".replace("\n", " ")) from error
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise BadConfig(f"{path}: {field}: {first['msg']}") from error
    return chosen, config.read(path.resolve().parent / chosen.recordings)


def teacher_of(data: DataConfig) -> Path:
    """Folder of the teacher, without which there is nothing to learn."""
    if data.teacher is None:
        raise BadConfig("data.teacher: the full-band model learns from a teacher; name its folder")
    return data.teacher
