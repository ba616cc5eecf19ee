from dataclasses import replace

import numpy as np
import pytest

from hearing.taxonomy import LABELS
from training.config import Recipe
from training.mixing import Mixer
from training.parts import FRAMES, SIREN_LABEL
from training.pools import BED, DISTRACTOR, FOREGROUND, SIREN, STREET, Pool

DOG = LABELS.index("dog_bark")
TRAFFIC = LABELS.index("traffic")


def flags(*labels: int) -> np.ndarray:
    row = np.zeros(len(LABELS), np.bool_)
    row[list(labels)] = True
    return row


@pytest.fixture
def pool() -> Pool:
    """One piece of each kind; the two dogs are of folds 1 and 2 and bark at different pitches."""
    rng = np.random.default_rng(1)
    kinds = [FOREGROUND, FOREGROUND, BED, SIREN, DISTRACTOR, STREET, STREET]
    codes = rng.integers(80, 120, (len(kinds), 48, 32), dtype=np.uint8)
    codes[0, :, 16:] = 0
    codes[1, :, :16] = 0
    heard = [flags(DOG), flags(DOG), flags(TRAFFIC), flags(SIREN_LABEL), flags()]
    return Pool(
        codes=codes.reshape(-1, 32),
        start=np.arange(len(kinds)) * 48,
        length=np.full(len(kinds), 48),
        heard=np.array([*heard, flags(TRAFFIC), flags(SIREN_LABEL)]),
        perhaps=np.zeros((len(kinds), len(LABELS)), np.bool_),
        group=np.array([1, 2, 0, 0, 0, 0, 0]),
        kind=np.array(kinds),
        clip=np.full(len(kinds), -1),
        source=np.array([1, 2, 3, -1, -1, -1, -1]),
        scene=np.array([-1, -1, -1, -1, -1, 0, 0]),
    )


def test_a_batch_is_patches_with_targets_between_0_and_1(pool: Pool) -> None:
    batch = Mixer(pool, 0, seed=4, recipe=Recipe()).batch(64)
    assert batch.codes.shape == (64, FRAMES, 32)
    assert batch.codes.dtype == np.uint8
    assert batch.target.shape == batch.known.shape == (64, len(LABELS))
    assert ((batch.target >= 0) & (batch.target <= 1)).all()
    assert set(np.unique(batch.known)) <= {0.0, 1.0}


def test_the_same_seed_mixes_the_same_batch(pool: Pool) -> None:
    once, again = (Mixer(pool, 0, seed=4, recipe=Recipe()).batch(16) for _ in range(2))
    assert (once.codes == again.codes).all()
    assert (once.target == again.target).all()


def test_a_held_out_recording_is_never_drawn(pool: Pool) -> None:
    mixer = Mixer(pool, 1, seed=4, recipe=Recipe())
    assert {mixer._foreground() for _ in range(50)} == {1}


def test_what_is_as_recorded_loses_no_frame(pool: Pool) -> None:
    shares = (1.0, 0.0, 0.0, 0.0, 0.0)
    lost = [
        (
            Mixer(pool, 0, seed=4, recipe=Recipe(shares=shares, as_recorded=of)).batch(64).codes
            == 255
        )
        for of in (0.0, 1.0)
    ]
    assert lost[0].any()
    assert not lost[1].any()


def test_sirens_and_their_absence_both_occur(pool: Pool) -> None:
    batch = Mixer(pool, 0, seed=4, recipe=Recipe()).batch(256)
    known = batch.known[:, SIREN_LABEL] > 0
    share = batch.target[known, SIREN_LABEL].mean()
    assert 0.05 < share < 0.5


def test_streets_are_mixed_where_there_is_no_siren_to_be_added(pool: Pool) -> None:
    without = replace(pool, kind=np.where(pool.kind == SIREN, DISTRACTOR, pool.kind))
    mixer = Mixer(without, 0, seed=4, recipe=Recipe(shares=(0, 0, 0, 0, 1)))
    assert len(mixer.batch(64).codes) == 64


def test_a_siren_of_less_than_three_quarters_of_a_second_is_left_open(pool: Pool) -> None:
    batch = Mixer(pool, 0, seed=4, recipe=Recipe()).batch(2048)
    assert (batch.known[:, SIREN_LABEL] == 0).any()
    assert not ((batch.known == 0) & (batch.target > 0.3)).any()
