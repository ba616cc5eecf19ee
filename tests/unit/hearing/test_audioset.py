"""AudioSet's classes folded to our labels: leaves count, parents do not."""

import numpy as np
import pytest
from pydantic import ValidationError

from hearing import decide, taxonomy
from tests.unit.hearing.manifests import manifest

CLASSES = ("Vehicle", "Siren", "Animal", "Bark", "Police car (siren)")


def test_parents_stand_for_nothing() -> None:
    for parent in ("Animal", "Vehicle", "Emergency vehicle", "Speech", "Domestic animals, pets"):
        assert parent not in taxonomy.FROM_AUDIOSET


def test_a_label_is_the_highest_of_its_classes() -> None:
    columns = taxonomy.columns(CLASSES, ("siren", "dog_bark"))
    outputs = np.array([[0.9, 0.2, 0.8, 0.1, 0.6]])
    assert [outputs[:, each].max() for each in columns] == [0.6, 0.1]


def test_a_label_that_no_class_stands_for_is_a_mistake() -> None:
    with pytest.raises(ValidationError, match="no class stands for dog_bark"):
        manifest(classes=("Siren",))


def test_softmax_does_not_allow_folding() -> None:
    with pytest.raises(ValidationError, match="softmax"):
        manifest(classes=CLASSES, activation="softmax")


def test_what_is_reported_is_on_one_scale_and_nothing_of_silence() -> None:
    scores = np.array([[0.5, 0.04], [0.9, 0.9]])
    told = decide.reported(scores, [False, True], manifest())
    assert told == [{"siren": 500}, {}]
