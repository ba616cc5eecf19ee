"""What the full-band student learns from is whole or not there, and never that of another run."""

from pathlib import Path

import numpy as np
import pytest

from tests.training.test_fullband import a_teacher
from tests.training.town import config_of
from training import config, fullband_pieces, fullband_pool
from training.config import Config


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Config:
    root = tmp_path_factory.mktemp("city")
    chosen = config.read(config_of(root))
    data = chosen.data.model_copy(update={"teacher": a_teacher(root / "teacher")})
    return chosen.model_copy(update={"data": data})


def test_a_run_killed_while_saving_leaves_no_pieces(
    town: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def dying(path: Path, values: np.ndarray) -> None:
        if path.name == "log_power.npy":
            path.write_bytes(b"half of it")
            raise Killed
        save(path, values)

    save = np.save
    with monkeypatch.context() as patch:
        patch.setattr(np, "save", dying)
        with pytest.raises(Killed):
            fullband_pieces.prepare(town)
    pieces = fullband_pieces.load(town)
    assert len(pieces.log_power) == pieces.length.sum()


@pytest.mark.parametrize("mixtures", [3, 60])
def test_there_are_as_many_mixtures_as_are_wanted(town: Config, mixtures: int) -> None:
    assert len(fullband_pool.load(town, mixtures).codes) == mixtures


def test_mixtures_of_another_seed_or_teacher_are_not_taken_over(town: Config) -> None:
    before = fullband_pool.prepare(town, 3)
    assert fullband_pool.prepare(town, 3) == before
    train = town.train.model_copy(update={"seed": 2})
    other = fullband_pool.prepare(town.model_copy(update={"train": train}), 3)
    assert before != other
