"""Sirens in rendered streets: what counts as caught, and on which streets that is judged."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from hearing import taxonomy
from tests.training.town import config_of
from training import config, judging
from training.judging import StreetScene
from training.net import Street8
from training.parts import SIREN_LABEL
from training.thresholds import Decisions

N_LABELS = len(taxonomy.LABELS)
SECONDS = 30
SOUNDS = range(20, 30)  # the siren, as loud as all else


class Scripted(Street8):
    """Hears a siren in every patch that is not of zeros."""

    def forward(self, codes: Tensor) -> Tensor:
        found = torch.full((len(codes), N_LABELS), -9.0)
        found[:, SIREN_LABEL] = torch.where(codes[:, 0, 0] > 0, 9.0, -9.0)
        return found


def figures(*alarms: int) -> dict[str, float]:
    """Figures of a street with a siren, where the network hears one in these seconds."""
    patches = np.zeros((SECONDS, 32, 32), np.uint8)
    patches[list(alarms)] = 1
    heard = np.zeros((SECONDS, N_LABELS), np.bool_)
    heard[SOUNDS, SIREN_LABEL] = True
    scene = StreetScene(patches, heard, np.ones_like(heard), heard[:, SIREN_LABEL])
    decisions = Decisions(temperatures=(1.0,) * N_LABELS, thresholds=(0.5,) * N_LABELS)
    return judging.street_metrics(Scripted(N_LABELS, width=4, dropout=0.0), [scene], decisions)


def test_a_false_alarm_before_the_siren_has_not_caught_it() -> None:
    found = figures(3, 4, 5)
    assert found["street_sirens_caught_share"] == 0
    assert found["street_siren_delay_s_median"] == -1
    assert found["street_siren_false_seconds"] == 3


def test_nor_does_it_make_the_delay_shorter() -> None:
    found = figures(3, 4, 5, 18, 19, 22, 23, 24)
    assert found["street_sirens_caught_share"] == 1
    assert found["street_siren_delay_s_median"] == 4


@pytest.mark.parametrize("cities", [4, 3, 1, 0])
def test_thresholds_and_figures_rest_on_different_cities(tmp_path: Path, cities: int) -> None:
    chosen = config.read(config_of(tmp_path))
    chosen = chosen.model_copy(
        update={"data": chosen.data.model_copy(update={"judged_cities": cities})}
    )
    streets = 20 * cities
    chosen.data.cache.mkdir()
    np.savez(
        chosen.data.cache / f"judged-{chosen.data.first_city}-{cities}.npz",
        length=np.ones(streets, np.int64),
        patches=np.arange(streets).repeat(1024).reshape(streets, 32, 32).astype(np.uint8),
        heard=np.zeros((streets, N_LABELS), np.bool_),
        known=np.zeros((streets, N_LABELS), np.bool_),
        dominant=np.zeros(streets, np.bool_),
    )
    to_decide, to_judge = judging.judged_streets(chosen)
    assert [len(to_decide), len(to_judge)] == [20 * (cities // 2), 20 * (cities - cities // 2)]
    shown = [int(scene.patches[0, 0, 0]) for scene in (*to_decide, *to_judge)]
    assert shown == list(range(streets))
