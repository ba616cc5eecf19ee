import pytest

from hearing.calibration import reliability


def test_probabilities_that_keep_their_word_have_no_error() -> None:
    found = reliability([0.25] * 4 + [1.0, 0.0], [True, False, False, False, True, False])
    assert found.ece == 0.0
    assert sum(found.count) == 6


def test_the_error_is_weighted_by_how_often_it_is_made() -> None:
    found = reliability([0.9] * 3 + [0.1], [False, False, False, False], bins=2)
    assert found.ece == pytest.approx((3 * 0.9 + 0.1) / 4)
    assert found.share == (0.0, 0.0)
    assert found.confidence == (0.1, 0.9)
