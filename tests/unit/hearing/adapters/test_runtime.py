"""The shipped model is small enough to be its own test material."""

from pathlib import Path

import numpy as np
import pytest

from hearing.adapters import runtime
from hearing.taxonomy import LABELS
from schemas.errors import BadConfig

NAME = "street8-0.3.0"


@pytest.fixture(scope="module")
def model() -> runtime.Model:
    return runtime.load(NAME)


def noise(patches: int) -> np.ndarray:
    return np.random.default_rng(5).integers(60, 160, (patches, 32, 32), dtype=np.uint8)


def test_the_shipped_model_knows_our_labels(model: runtime.Model) -> None:
    assert model.manifest.labels == LABELS


def test_scores_are_probabilities_one_row_a_patch(model: runtime.Model) -> None:
    scores = model.scores(noise(3))
    assert scores.shape == (3, len(LABELS))
    assert scores.dtype == np.float32
    assert ((scores >= 0) & (scores <= 1)).all()


def test_a_patch_scores_alike_alone_and_among_others(model: runtime.Model) -> None:
    patches = noise(5)
    alone = np.concatenate([model.scores(patches[n : n + 1]) for n in range(5)])
    assert np.allclose(model.scores(patches), alone, atol=1e-4)


def test_no_patch_gives_no_row(model: runtime.Model) -> None:
    assert model.scores(np.empty((0, 32, 32), np.uint8)).shape == (0, len(LABELS))


def test_missing_frames_give_finite_scores(model: runtime.Model) -> None:
    patches = noise(2)
    patches[0, :24] = 255
    patches[1] = 255
    assert np.isfinite(model.scores(patches)).all()


def test_the_level_does_not_matter(model: runtime.Model) -> None:
    patches = noise(4)
    assert np.allclose(model.scores(patches), model.scores(patches + 40), atol=1e-4)


def test_an_unknown_model_is_one_line_that_names_those_there_are() -> None:
    with pytest.raises(BadConfig, match=f"no model 'nothing'; there are: .*{NAME}"):
        runtime.load("nothing")


def test_a_folder_without_a_manifest_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match=r"manifest\.json: No such file"):
        runtime.load(tmp_path)
