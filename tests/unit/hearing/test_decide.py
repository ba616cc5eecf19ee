import numpy as np
import pytest

from hearing import decide
from hearing.manifest import Manifest
from tests.unit.hearing.manifests import manifest


def scores(**given: float) -> np.ndarray:
    return np.array([given.get(label, 0.0) for label in manifest().labels])


def active(row: np.ndarray, of: Manifest) -> dict[str, int]:
    return decide.active(decide.reported([row], [False], of))[0]


def test_a_label_is_active_from_its_own_threshold_on_which_is_500_per_mille() -> None:
    of = manifest(thresholds={"siren": 0.6, "dog_bark": 0.3})
    assert active(scores(siren=0.6, dog_bark=0.29), of) == {"siren": 500}
    assert active(scores(siren=0.8, dog_bark=1.0), of) == {"siren": 750, "dog_bark": 1000}


def test_below_every_threshold_nothing_is_active() -> None:
    assert active(scores(siren=0.1, dog_bark=0.1), manifest()) == {}


def test_a_silent_reading_has_no_label_whatever_its_scores() -> None:
    rows = np.stack([scores(siren=0.9), scores(siren=0.9)])
    assert decide.reported(rows, [True, False], manifest()) == [{}, {"siren": 900}]


def test_temperature_softens_its_own_label_only() -> None:
    of = manifest(temperature={"siren": 2.0, "dog_bark": 1.0})
    given = decide.probabilities(np.array([[2.0, 2.0]]), of)[0]
    assert given == pytest.approx([1 / (1 + np.exp(-1)), 1 / (1 + np.exp(-2))], rel=1e-6)


@pytest.mark.parametrize("extreme", [-1e6, 1e6])
def test_extreme_logits_stay_probabilities(extreme: float) -> None:
    given = decide.probabilities(np.full((1, 2), extreme), manifest())
    assert ((given >= 0) & (given <= 1)).all()


def test_softmax_scores_add_up_to_one() -> None:
    of: Manifest = manifest(activation="softmax")
    assert decide.probabilities(np.array([[800.0, -3.0]]), of).sum() == pytest.approx(1.0)


def test_gaps_of_two_seconds_do_not_end_an_event_but_three_do() -> None:
    heard, quiet = {"siren": 800}, dict[str, int]()
    bridged = [heard, quiet, quiet, heard, quiet, quiet, quiet, heard]
    found = decide.events(bridged)
    assert [(event.onset_s, event.offset_s) for event in found] == [(0.0, 2.0), (7.0, 8.0)]


def test_an_event_that_still_sounds_at_the_end_ends_there() -> None:
    found = decide.events([{}, {"siren": 700}, {"siren": 900}])
    assert [(event.onset_s, event.offset_s, event.score) for event in found] == [(1.0, 3.0, 0.9)]


def test_events_of_several_labels_come_by_onset() -> None:
    found = decide.events([{"siren": 700}, {"dog_bark": 500, "siren": 700}])
    assert [event.label for event in found] == ["siren", "dog_bark"]


def test_no_second_no_event() -> None:
    assert decide.events([]) == []
